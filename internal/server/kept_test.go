package server

import (
	"encoding/json"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"tasks/internal/protocol"
	"tasks/pkg/supervisor"
)

// dials runs f in fake time, with a supervisor that has a function called a.
func dials(t *testing.T, f func(t *testing.T, srv *Server, dial func() net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		sup := supervisor.New(supervisor.Options{})
		srv := New(Config{Supervisor: sup, Info: func() protocol.Info { return protocol.Info{} }}, 0)
		if err := sup.Go("a", untilStop); err != nil {
			t.Fatal(err)
		}
		var ends []net.Conn
		f(t, srv, func() net.Conn {
			here, there := net.Pipe()
			srv.Handle(there)
			ends = append(ends, here)
			return here
		})
		for _, nc := range ends {
			nc.Close()
		}
		synctest.Wait()
		if kept := srv.kept.Load(); kept != 0 {
			t.Errorf("%d bytes are accounted for when nobody asks", kept)
		}
		sup.Close(t.Context())
		srv.Close(t.Context())
	})
}

// Waits and watches with long lists of names are refused when they keep too much
// together, and taken again when others have gone.
func TestLongListsThatWait(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"wait", "watch"} {
		dials(t, func(t *testing.T, srv *Server, dial func() net.Conn) {
			ask := request(1, method, `{"names":["a"`+strings.Repeat(`,"`+strings.Repeat("a", 200)+`"`, 5000)+`]}`)
			one := func() (nc net.Conn, refused bool) {
				nc = dial()
				go io.WriteString(nc, ask)
				var m message
				go json.NewDecoder(nc).Decode(&m)
				synctest.Wait()
				return nc, m.Error != nil && strings.HasPrefix(m.Error.Message, "too much is waiting") && m.kind() == "unavailable"
			}
			var taken []net.Conn
			for len(taken) < 60 {
				nc, refused := one()
				if refused {
					break
				}
				taken = append(taken, nc)
			}
			if n := len(taken); n < 20 || n == 60 {
				t.Errorf("%d of %s were taken", n, method)
			}
			taken[0].Close()
			synctest.Wait()
			if _, refused := one(); refused {
				t.Errorf("%s is refused after another has gone", method)
			}
		})
	}
}

// A reply names so many errors, and counts the rest.
func TestManyErrors(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	p := h.dial(t)
	p.ask(1, "list", `{"names":["x"`+strings.Repeat(`,"x"`, maxFailures+33)+`]}`)
	m := p.recv()
	if m.Error == nil || m.Error.Code != protocol.CodeNotFound || m.Error.Message != "No such task: x" || len(m.Error.Data.Errors) != maxFailures+1 {
		t.Fatalf("%+v", m.Error)
	}
	want := protocol.ItemError{Kind: "not_found", Message: "and 34 more errors"}
	if last := m.Error.Data.Errors[maxFailures]; last != want {
		t.Errorf("%+v", last)
	}
}

// What short requests with many names make takes up little, where nobody reads it.
func TestManyErrorsThatNobodyReads(t *testing.T) {
	dials(t, func(t *testing.T, srv *Server, dial func() net.Conn) {
		ask := request(1, "list", `{"names":["x"`+strings.Repeat(`,"x"`, 7000)+`]}`)
		before := inUse()
		for range 160 {
			io.WriteString(dial(), ask)
		}
		synctest.Wait()
		grown := inUse() - before
		t.Logf("160 requests take up %d KiB", grown>>10)
		if grown > 32<<20 {
			t.Errorf("160 requests take up %d MiB", grown>>20)
		}
		nc := dial() // and requests with few names are answered
		io.WriteString(nc, request(1, "list", `{"names":["a"]}`))
		var m message
		if err := json.NewDecoder(nc).Decode(&m); err != nil || m.Error != nil {
			t.Error(m.Error, err)
		}
	})
}
