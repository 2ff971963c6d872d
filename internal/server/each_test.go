package server

import (
	"encoding/json"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"tasks/internal/enginetest"
	"tasks/internal/protocol"
	"tasks/pkg/supervisor"
)

// What a short request makes of its inputs may be large: it waits for a turn, as a long one
// does, and counts with the changes that are carried out.
func TestEachHasATurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sup := supervisor.New(supervisor.Options{Commands: enginetest.NewFake()})
		srv := New(Config{Supervisor: sup, Info: func() protocol.Info { return protocol.Info{} }}, 0)
		for range maxLongLines {
			srv.longLines <- struct{}{}
		}
		here, there := net.Pipe()
		srv.Handle(there)
		replies := json.NewDecoder(here)
		ask := func(name string) {
			io.WriteString(here, request(1, "each", `{"name":"`+name+`-{#}","cwd":"/","command":["x"],"inputs":["",""]}`))
			synctest.Wait()
		}
		ask("a")
		if n := len(sup.Shared()); n != 0 {
			t.Errorf("%d tasks began without a turn", n)
		}
		<-srv.longLines
		var m message
		if err := replies.Decode(&m); err != nil || len(m.tasks(t)) != 2 {
			t.Errorf("%+v, %v", m, err)
		}
		if n := srv.staged.Load(); n != 0 || len(srv.longLines) != maxLongLines-1 {
			t.Errorf("%d bytes and %d turns are kept", n, len(srv.longLines))
		}
		srv.staged.Store(maxStaged)
		ask("b")
		if err := replies.Decode(&m); err != nil || m.Error == nil || !strings.HasPrefix(m.Error.Message, "too much is waiting") || srv.staged.Load() != maxStaged {
			t.Errorf("%+v, %v", m, err)
		}
		if n := len(sup.Shared()); n != 2 || len(srv.longLines) != maxLongLines-1 {
			t.Errorf("%d tasks, %d turns", n, len(srv.longLines))
		}
		here.Close()
		sup.Close(t.Context())
		srv.Close(t.Context())
	})
}
