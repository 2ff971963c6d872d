package supervisor

import (
	"context"

	"tasks/pkg/task"
)

// WaitOptions say what to wait for. The zero WaitOptions wait until all have ended.
type WaitOptions struct {
	// Any waits for one of the tasks, not for all.
	Any bool
	// Until reports whether a task is what is waited for. Others read the same Info,
	// which must not be changed. nil: it has ended. One that has ended is not waited
	// for any longer, whatever Until says.
	Until func(*task.Info) bool
}

// Wait returns when all the named tasks have ended. The infos are in the order of
// the names. If ctx ends first its cause is the error and the infos are as they then
// are.
func (s *Supervisor) Wait(ctx context.Context, names ...string) ([]task.Info, error) {
	shared, err := s.WaitFor(ctx, names, WaitOptions{})
	var infos []task.Info
	for _, info := range shared {
		infos = append(infos, *info)
	}
	return infos, err
}

// WaitFor is Wait with options. Others read the same infos, which must not be changed.
func (s *Supervisor) WaitFor(ctx context.Context, names []string, o WaitOptions) ([]*task.Info, error) {
	is := o.Until
	if is == nil {
		is = func(*task.Info) bool { return false }
	}
	at := make(map[string][]int, len(names)) // places in names
	for i, name := range names {
		at[name] = append(at[name], i)
	}
	w := s.Watch(1024, func(i *task.Info) bool { return at[i.Name] != nil && (i.State.Ended() || is(i)) })
	defer w.Close()
	infos, met := make([]*task.Info, len(names)), make(map[int]bool)
	look := func(i int) error {
		info := infos[i]
		if now := s.lookup(names[i]); now != nil {
			info = &now.info
		} else if info == nil {
			return s.noSuch(names[i])
		} else if !info.State.Ended() { // removed while we looked away
			gone := *info
			gone.State, gone.PID = task.Stopped, 0
			info = &gone
		}
		infos[i] = info
		if delete(met, i); info.State.Ended() || is(info) {
			met[i] = true
		}
		return nil
	}
	lookAtAll := func() error {
		for i := range names {
			if err := look(i); err != nil {
				return err
			}
		}
		return nil
	}
	if err := lookAtAll(); err != nil {
		return nil, err
	}
	for over := false; ; {
		if len(met) == len(names) { // all of them at the same time
			lookAtAll()
		}
		switch {
		case len(met) == len(names), o.Any && len(met) > 0:
			return infos, nil
		case ctx.Err() != nil:
			return infos, context.Cause(ctx)
		case over:
			return infos, task.Errorf(task.ErrUnavailable, "", "the supervisor has ended")
		}
		events, ok := w.Next(ctx)
		if over = !ok; over { // or ctx has ended: as they now are
			lookAtAll()
		}
		for _, e := range events {
			if e.Missed > 0 {
				lookAtAll()
			}
			for _, i := range at[e.Task.Name] {
				look(i)
			}
		}
	}
}
