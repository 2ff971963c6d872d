package deps

import (
	"slices"

	"tasks/pkg/task"
)

// An UpLook says of tasks, as they are at one moment, whether they are up: whether there
// is no reason to wait for them any longer.
type UpLook struct {
	of func(name string) *task.Info
	up map[string]bool
}

// LookUp looks at the tasks of has; nil: unknown.
func LookUp(of func(name string) *task.Info) *UpLook {
	return &UpLook{of: of, up: make(map[string]bool)}
}

// IsUp reports whether there is nothing more to wait for of t: it is ready, it waits for
// a time or a slot, it has failed before and is tried again, or it has ended.
func (l *UpLook) IsUp(t *task.Info) bool {
	switch t.State {
	case task.Queued, task.Paused, task.BackingOff:
		return true
	case task.Waiting:
		return !t.NextAt.IsZero() || l.held(t)
	case task.Running:
		return t.Ready == nil || *t.Ready
	case task.Starting:
		return t.Restarts > 0 // and has failed before
	}
	return t.State.Ended()
}

// held reports whether t waits for one that nothing more is waited for: it would
// not begin before the time, the slot or the end of that.
func (l *UpLook) held(t *task.Info) bool {
	for _, name := range Of(&t.Spec) {
		d := l.of(name)
		if d == nil {
			continue
		}
		up, known := l.up[name]
		if !known {
			l.up[name] = false // a cycle holds nobody
			up = l.IsUp(d)
			l.up[name] = up
		}
		switch {
		case !up:
		case d.State == task.Waiting, d.State == task.Queued, d.State == task.Paused, d.State == task.BackingOff:
			return true
		case d.State == task.Running && d.Spec.Service() && slices.Contains(t.Spec.AfterEnded, name):
			return true
		}
	}
	return false
}
