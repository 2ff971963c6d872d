package supervisor

import (
	"context"
	"slices"

	"tasks/internal/deps"
	"tasks/pkg/task"
)

// WaitUp returns when all the tasks called names are up, with any when one is: ready, or
// waiting for something else. What waits for its time or a slot, has ended, or is tried
// again after it failed, is not waited for any longer, nor is what waits for such a one.
// Infos and errors are as of WaitFor.
func (s *Supervisor) WaitUp(ctx context.Context, names []string, any bool) ([]*task.Info, error) {
	matters := make(map[string]bool, len(names)) // with all that they come after
	for open := slices.Clone(names); len(open) > 0; {
		name := open[len(open)-1]
		if open = open[:len(open)-1]; matters[name] {
			continue
		}
		matters[name] = true
		if now := s.lookup(name); now != nil {
			open = append(open, deps.Of(&now.info.Spec)...)
		}
	}
	w := s.Watch(0, func(i *task.Info) bool { return matters[i.Name] })
	defer w.Close()
	infos := make([]*task.Info, len(names))
	look := func(from int, all bool) (up int, err error) { // how many are up; without all, in a row
		at := deps.LookUp(s.SharedInfo)
		for i, name := range names[from:] {
			switch t, was := s.SharedInfo(name), &infos[from+i]; {
			case t != nil:
				*was = t
			case *was == nil:
				return 0, s.noSuch(name)
			case !(*was).State.Ended(): // removed while we looked away
				gone := **was
				gone.State, gone.PID = task.Stopped, 0
				*was = &gone
			}
			if at.IsUp(infos[from+i]) {
				up++
			} else if !all {
				break
			}
		}
		return up, nil
	}
	up, err := look(0, true)
	for open := 0; ; { // those before it were up when they were looked at: so not all are looked at again and again
		switch {
		case err != nil:
			return nil, err
		case up == len(names), any && up > 0:
			return infos, nil
		case ctx.Err() != nil:
			return infos, context.Cause(ctx)
		}
		_, ok := w.Next(ctx)
		if n := 0; ok && !any {
			n, err = look(open, false)
			if open += n; open < len(names) || err != nil {
				continue
			}
			open = 0
		}
		if up, err = look(0, true); !ok && ctx.Err() == nil && up < len(names) && err == nil {
			return infos, task.Errorf(task.ErrUnavailable, "", "the supervisor has ended")
		}
	}
}
