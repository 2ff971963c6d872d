package cli

import (
	"tasks/internal/events"
	"tasks/pkg/client"
	"tasks/pkg/task"
)

// endsOf is how the tasks ended that were known and are not there any more: as the history
// has it, else `lost`, unless the supervisor keeps no history: then it has forgotten them,
// which it does by itself with what is done.
func (d *dialer) endsOf(c *client.Client, gone []task.Info) []task.Info {
	if len(gone) == 0 {
		return nil
	}
	last := make(map[string]events.Event, len(gone))
	dir, _, err := d.historyDir(c)
	if err == nil {
		last, err = lastEnds(dir, gone)
	}
	ends := make([]task.Info, 0, len(gone))
	for _, t := range gone {
		ev, known := last[t.Name]
		t.PID, t.Ready, t.Reason = 0, nil, ""
		switch {
		case known:
			t.State, t.EndedAt, t.ExitCode, t.Signal, t.TimedOut, t.Reason = ev.State, ev.At, ev.ExitCode, ev.Signal, ev.TimedOut, ev.Reason
		case err != nil && dir == "":
			t.State, t.ExitCode = task.Done, new(0)
		default:
			t.State, t.Reason = task.Lost, "it was removed, and how it ended is not known"
		}
		ends = append(ends, t)
	}
	return ends
}

// lastEnds is the newest end of each of the tasks in the history in dir, no older than the
// run that they had.
func lastEnds(dir string, tasks []task.Info) (map[string]events.Event, error) {
	open := byName(tasks)
	r, err := events.Open(dir)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	last := make(map[string]events.Event, len(tasks))
	for ev, err := range r.Back() {
		if err != nil || len(open) == 0 {
			return last, err
		}
		if t, ours := open[ev.Name]; ours && ev.Event != events.Removed && ev.State.Ended() {
			if delete(open, ev.Name); ev.Run >= t.Run {
				last[ev.Name] = ev
			}
		}
	}
	return last, nil
}
