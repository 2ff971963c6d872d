package supervisor

import (
	"context"

	"tasks/pkg/task"
)

// Wait returns when all the tasks called names have ended; with any, when one
// has. The infos are in the order of the names. If ctx ends first its cause is
// the error and the infos are as they then are.
func (s *Supervisor) Wait(ctx context.Context, names []string, any bool) ([]task.Info, error) {
	return s.WaitFor(ctx, names, any, func(*task.Info) bool { return false })
}

// WaitFor is Wait for tasks that are something else than ended. A task that has
// ended is not waited for any longer, whatever is wanted.
func (s *Supervisor) WaitFor(ctx context.Context, names []string, any bool, is func(*task.Info) bool) ([]task.Info, error) {
	want := make(map[string]bool, len(names))
	for _, n := range names {
		want[n] = true
	}
	w := s.Watch(1, func(i *task.Info) bool { return want[i.Name] && (i.State.Ended() || is(i)) })
	defer w.Close()
	last := make(map[string]task.Info, len(names))
	look := func() (infos []task.Info, met int, err error) {
		infos = make([]task.Info, 0, len(names))
		for _, name := range names {
			info, known := last[name]
			if now := s.lookup(name); now != nil {
				info = now.info
			} else if !known {
				return nil, 0, s.noSuch(name)
			} else if !info.State.Ended() { // removed while we looked away
				info.State, info.PID = task.Stopped, 0
			}
			last[name] = info
			infos = append(infos, info)
			if info.State.Ended() || is(&info) {
				met++
			}
		}
		return infos, met, nil
	}
	for over := false; ; {
		infos, met, err := look()
		switch {
		case err != nil, met == len(names), any && met > 0:
			return infos, err
		case ctx.Err() != nil:
			return infos, context.Cause(ctx)
		case over:
			return infos, task.Errorf(task.ErrUnavailable, "", "the supervisor has ended")
		}
		_, ok := w.Next(ctx)
		over = !ok
	}
}
