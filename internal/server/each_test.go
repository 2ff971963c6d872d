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
	"tasks/pkg/task"
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

// A temporary group that no task comes to is forgotten once none could be started, and with
// the connection that has set it.
func TestGroupWithoutTasksIsForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sup := supervisor.New(supervisor.Options{Commands: enginetest.NewFake()})
		srv := New(Config{Supervisor: sup, Info: func() protocol.Info { return protocol.Info{} }}, 0)
		here, there := net.Pipe()
		srv.Handle(there)
		replies := json.NewDecoder(here)
		ask := func(method, params string) {
			t.Helper()
			io.WriteString(here, request(1, method, params))
			var m message
			if err := replies.Decode(&m); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		set := func(group string) {
			t.Helper()
			ask("group.set", `{"name":"`+group+`","slots":1,"temporary":true}`)
		}
		// slots shows what is set of a group, also of one that Groups hides.
		slots := func(group string) (n int) {
			sup.ChangeGroup(group, func(g *task.Group) {
				if g.Slots != nil {
					n = *g.Slots
				}
			})
			return n
		}
		each := func(name, group string) {
			t.Helper()
			ask("each", `{"name":"`+name+`","group":"`+group+`","cwd":"/","command":["x"],"inputs":["1"]}`)
		}
		each("a", "")
		set("refused")
		each("a", "refused")
		if n := slots("refused"); n != 0 {
			t.Errorf("the group that no task could be started in has %d slots", n)
		}
		set("used")
		each("b", "used")
		set("left")
		set("left")
		set("again")
		ask("start", `{"name":"c","group":"again","cwd":"/","command":["x"],"cron":"0 0 1 1 *"}`)
		ask("remove", `{"names":["c"],"force":true}`)
		if _, err := sup.Info("c"); err == nil {
			t.Error("c is not removed")
		}
		set("again")
		if n := slots("again"); n != 1 {
			t.Errorf("the group that is set again has %d slots", n)
		}
		here.Close()
		synctest.Wait()
		if n := slots("left"); n != 0 {
			t.Errorf("the group of a connection that ended has %d slots", n)
		}
		if n := slots("used"); n != 1 {
			t.Errorf("the group with a task has %d slots", n)
		}
		sup.Close(t.Context())
		srv.Close(t.Context())
	})
}
