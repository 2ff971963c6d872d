package supervisor

import (
	"fmt"
	"time"

	"tasks/pkg/task"
)

// Removed is the [task.ErrNotFound] of a start without a command if the task called name
// was removed, and had one; else nil.
func (s *Supervisor) Removed(name string) error {
	if s.opts.Store == nil {
		return nil
	}
	at := s.opts.Store.Removed(name)
	if at.IsZero() {
		return nil
	}
	err := task.NoSuchTask(name)
	err.Msg += fmt.Sprintf(": it was removed %s ago: give its command after --", age(s.now().Sub(at.Time)))
	return err
}

// age is d in its largest unit.
func age(d time.Duration) string {
	switch d = max(d, 0); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return fmt.Sprintf("%dd", d/(24*time.Hour))
}
