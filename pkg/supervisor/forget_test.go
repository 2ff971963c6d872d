package supervisor

import (
	"testing"
	"time"

	"tasks/pkg/task"
)

// TestOldest has ended tasks whose time by the wall clock is not to be trusted:
// it was set after they had ended.
func TestOldest(t *testing.T) {
	now := time.Now()
	all := make(map[string]ended)
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
		all[e.name] = ended{e.name, e.state, task.Time{Time: now.Add(-e.wall).Round(0)}, now.Add(-e.age)}
	}
	var got []string
	for _, e := range oldest(all, 2) {
		got = append(got, e.name)
	}
	if len(got) != 2 || got[0] != "failed long ago" || got[1] != "done first" {
		t.Errorf("to be forgotten: %q", got)
	}
}
