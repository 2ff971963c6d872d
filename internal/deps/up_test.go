package deps

import (
	"fmt"
	"testing"
	"time"

	"tasks/pkg/task"
)

func TestIsUp(t *testing.T) {
	t.Parallel()
	after := func(names ...string) task.Spec { return task.Spec{Order: task.Order{After: names}} }
	ended := func(names ...string) task.Spec { return task.Spec{Order: task.Order{AfterEnded: names}} }
	soon := task.Time{Time: time.Unix(1, 0)}
	all := map[string]*task.Info{
		"runs": {State: task.Running}, "job": {State: task.Running, Ready: new(true)}, "unready": {State: task.Running, Ready: new(false)},
		"service": {State: task.Running, Ready: new(true), Spec: task.Spec{Restart: task.RestartAlways}},
		"queued":  {State: task.Queued}, "paused": {State: task.Paused}, "backoff": {State: task.BackingOff}, "stopping": {State: task.Stopping},
		"starting": {State: task.Starting}, "again": {State: task.Starting, Restarts: 1},
		"done": {State: task.Done}, "failed": {State: task.Failed}, "timed": {State: task.Waiting, NextAt: soon},
		"after-job": {State: task.Waiting, Spec: after("job")}, "after-service": {State: task.Waiting, Spec: ended("service")},
		"after-queued": {State: task.Waiting, Spec: after("job", "queued")}, "after-timed": {State: task.Waiting, Spec: after("timed")},
		"after-paused": {State: task.Waiting, Spec: after("paused")}, "after-backoff": {State: task.Waiting, Spec: ended("backoff")},
		"after-that": {State: task.Waiting, Spec: after("after-timed")}, "after-starting": {State: task.Waiting, Spec: after("starting")},
		"after-gone": {State: task.Waiting, Spec: after("gone")}, "after-done": {State: task.Waiting, Spec: after("done")},
		"self": {State: task.Waiting, Spec: after("self")},
	}
	up := map[string]bool{
		"runs": true, "job": true, "service": true, "queued": true, "paused": true, "backoff": true, "again": true, "done": true, "failed": true, "timed": true,
		"after-service": true, "after-queued": true, "after-timed": true, "after-paused": true, "after-backoff": true, "after-that": true,
	}
	for name, info := range all {
		look := LookUp(func(name string) *task.Info { return all[name] })
		for range 2 { // it remembers
			if got := look.IsUp(info); got != up[name] {
				t.Errorf("%s: %v", name, got)
			}
		}
	}
}

// Whoever looks at many that wait for each other looks at each once.
func TestIsUpLooksOnce(t *testing.T) {
	t.Parallel()
	all := map[string]*task.Info{}
	var before []string
	for level := range 30 {
		var names []string
		for i := range 3 {
			name := fmt.Sprint(level, "-", i)
			all[name] = &task.Info{State: task.Waiting, Spec: task.Spec{Order: task.Order{After: before}}}
			names = append(names, name)
		}
		before = names
	}
	all["0-0"].State = task.Starting
	looks := 0
	look := LookUp(func(name string) *task.Info { looks++; return all[name] })
	for _, info := range all {
		if look.IsUp(info) {
			t.Error("one is up")
		}
	}
	if looks > 1000 {
		t.Errorf("%d looks at %d tasks", looks, len(all))
	}
}
