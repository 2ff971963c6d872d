package server

import (
	"fmt"
	"strings"
	"testing"
)

// What an edit makes of many specs is bounded, and counts with what is being sent and carried
// out.
func TestEditIsBounded(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	p := h.dial(t)
	const tasks = 100
	for i := range tasks {
		p.ask(1, "start", fmt.Sprintf(`{"name":"t%d","command":["x"],"delay":"1h"}`, i))
		p.recv().tasks(t)
	}
	patch := func(size int) string {
		return fmt.Sprintf(`{"names":["t*"],"set":{"env":{"A":%q}}}`, strings.Repeat("x", size))
	}
	p.ask(1, "edit", patch(maxEdit/tasks))
	if m := p.recv(); m.kind() != "usage" || !strings.Contains(m.Error.Message, "edit fewer at once") {
		t.Errorf("%+v", m.Error)
	}
	h.srv.staged.Store(maxStaged)
	p.ask(1, "edit", patch(10))
	if m := p.recv(); m.kind() != "unavailable" {
		t.Errorf("%+v", m.Error)
	}
	h.srv.staged.Store(0)
	p.ask(1, "edit", patch(1000))
	if got := p.recv().tasks(t); len(got) != tasks {
		t.Errorf("%d tasks", len(got))
	}
	if n := h.srv.staged.Load(); n != 0 {
		t.Errorf("%d bytes are kept", n)
	}
}
