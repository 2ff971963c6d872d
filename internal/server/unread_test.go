package server

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"runtime"
	"testing"
	"testing/synctest"

	"tasks/pkg/task"
)

// unread sends a request many times on each of several connections, and returns how much
// memory the replies take up that nobody reads.
func (h *host) unread(t *testing.T, clients, requests int, ask func(i int) string) (grown int64) {
	t.Helper()
	before := inUse()
	var asking []*peer
	for c := range clients {
		p := h.dial(t)
		asking = append(asking, p)
		for i := range requests {
			p.send(ask(c*requests + i))
		}
	}
	for ready := 0; ready < clients; {
		ready = 0
		h.srv.mu.Lock()
		for c := range h.srv.conns {
			if int(c.writers.Load()) >= requests*9/10 { // the socket takes the first ones
				ready++
			}
		}
		h.srv.mu.Unlock()
		runtime.Gosched()
	}
	grown = inUse() - before
	t.Logf("%d replies take up %d KiB", clients*requests, grown>>10)
	for _, p := range asking {
		p.nc.Close()
	}
	return grown
}

// Checks of a change that are long though their requests are short take up little.
func TestChecksThatNobodyReads(t *testing.T) {
	h := newHost(t)
	const many = 2000
	for i := range many {
		if _, err := h.sup.Start(t.Context(), task.Spec{Name: fmt.Sprintf("task%d", i), Command: []string{"x"}, File: "/f"}); err != nil {
			t.Fatal(err)
		}
	}
	if grown := h.unread(t, 4, 100, func(i int) string {
		return request(i, "apply", fmt.Sprintf(`{"change":"c%d","commit":{"file":"/f","prune":true,"down":true,"check":true}}`, i))
	}); grown > 16<<20 {
		t.Errorf("checks take up %d MiB", grown>>20)
	}
}

// A list that is not written yet is counted, and one beside which there is too much refused.
func TestListsAreCounted(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"list", "watch", "group.list"} {
		dials(t, func(t *testing.T, srv *Server, dial func() net.Conn) {
			if _, err := srv.cfg.Supervisor.ChangeGroup("g", func(*task.Group) {}); err != nil {
				t.Fatal(err)
			}
			ask := func() message {
				nc := dial()
				defer nc.Close()
				io.WriteString(nc, request(1, method))
				var m message
				if err := json.NewDecoder(nc).Decode(&m); err != nil {
					t.Error(err)
				}
				return m
			}
			if m := ask(); m.Error != nil {
				t.Errorf("%s: %v", method, m.Error)
			}
			io.WriteString(dial(), request(1, method))
			synctest.Wait()
			if srv.kept.Load() == 0 {
				t.Errorf("%s counts nothing", method)
			}
			srv.kept.Add(maxKept)
			if m := ask(); m.kind() != "unavailable" {
				t.Errorf("%s beside too much: %v", method, m.Error)
			}
			srv.kept.Add(-maxKept)
		})
	}
}
