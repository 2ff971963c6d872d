package retention

import (
	"testing"
	"time"

	"tasks/pkg/task"
)

// TestOldest has ended tasks whose wall clock time must not be trusted: the clock was
// set after they had ended.
func TestOldest(t *testing.T) {
	t.Parallel()
	now := time.Now()
	h := New()
	for _, e := range []struct {
		name      string
		state     task.State
		wall, age time.Duration // since the end
	}{
		{"failed lately", task.Failed, 1000 * time.Hour, time.Hour},
		{"failed long ago", task.Failed, -time.Hour, 25 * time.Hour},
		{"done first", task.Done, time.Hour, 3 * time.Hour},
		{"done then", task.Done, 1000 * time.Hour, 2 * time.Hour},
		{"done last", task.Done, 2000 * time.Hour, time.Hour},
	} {
		h.add(End{e.name, e.state, task.Time{Time: now.Add(-e.wall).Round(0)}, now.Add(-e.age)})
	}
	var got []string
	for _, e := range h.Oldest(2, func(string) bool { return false }) {
		got = append(got, e.Name)
	}
	if len(got) != 2 || got[0] != "failed long ago" || got[1] != "done first" {
		t.Errorf("to be forgotten: %q", got)
	}
	if h.n != 2 || len(h.all) != 3 {
		t.Errorf("%d of %d may be forgotten", h.n, len(h.all))
	}
	// A service that has failed stays, however long ago.
	service := task.Info{Name: "service", State: task.Failed, EndedAt: task.Time{Time: now}, Spec: task.Spec{Restart: task.RestartOnFailure}}
	if h.Note(&service, false); len(h.all) != 3 {
		t.Error("a service that failed will be forgotten in time")
	}
	// What is awaited stays, and counts; what has run again counts no longer.
	h.add(End{"done now", task.Done, task.Time{Time: now}, now})
	if old := h.Oldest(2, func(name string) bool { return name == "done then" }); len(old) != 0 {
		t.Errorf("to be forgotten beside what is awaited: %+v", old)
	}
	h.Note(&task.Info{Name: "done last", State: task.Starting}, false)
	if old := h.Oldest(1, func(string) bool { return false }); len(old) != 1 || old[0].Name != "done then" || h.n != 1 {
		t.Errorf("to be forgotten: %+v; %d stay", old, h.n)
	}
}
