package cli

import (
	"context"
	"errors"
	"io/fs"
	"sync"

	"tasks/internal/logs"
	"tasks/pkg/task"
)

// follow writes what the sources' tasks write until all of them have ended.
func (e *env) follow(sources []*source, lines int, served bool) error {
	ctx, done := untilInterrupt()
	defer done()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var watching sync.WaitGroup
	news := make(map[string]chan task.Info)
	sel := task.Selector{}
	for _, s := range sources {
		news[s.name] = make(chan task.Info, 1)
		sel.Names = append(sel.Names, s.name)
	}
	if served {
		watching.Go(func() { e.watch(ctx, sel, news) })
	} else {
		e.remark("tasks: no supervisor answers: following the files until interrupted")
	}
	follower := logs.NewFollower()
	defer follower.Close()
	var open sync.WaitGroup
	for _, s := range sources {
		open.Go(func() {
			if err := s.follow(ctx, follower, lines, news[s.name]); err != nil {
				cancel(err)
			}
		})
	}
	open.Wait()
	err := context.Cause(ctx)
	cancel(nil)
	watching.Wait()
	if errors.Is(err, errInterrupted) {
		return exitCode(interrupted)
	}
	return err
}

// watch passes on the newest state of each task; an older one that was not
// taken yet is replaced. A removed task has ended, and so has one whose
// supervisor is gone: its log is shown to its end.
func (e *env) watch(ctx context.Context, sel task.Selector, news map[string]chan task.Info) {
	tell := func(t task.Info) {
		c := news[t.Name]
		if c == nil {
			return
		}
		select {
		case <-c:
		default:
		}
		c <- t
	}
	for ev, err := range e.client.Watch(ctx, sel) {
		if err != nil {
			break
		}
		if ev.Removed {
			ev.Task.State = task.Stopped
		}
		tell(ev.Task)
	}
	if ctx.Err() == nil {
		e.remark("tasks: the supervisor has ended")
		for name := range news {
			tell(task.Info{Name: name, State: task.Lost})
		}
	}
}

// follow writes the task's runs, from the present one on, as they grow.
func (s *source) follow(ctx context.Context, f *logs.Follower, lines int, news <-chan task.Info) error {
	run, from := s.last.Run, int64(0)
	state, newest := task.State(""), run
	if n, err := s.copy(run, lines); err != nil {
		return err
	} else {
		from = n
	}
	for {
		over := make(chan struct{})
		result := make(chan error, 1)
		go func() {
			_, err := f.Follow(ctx, s.dir.Path(s.name, run), from, s.out, over)
			if errors.Is(err, fs.ErrNotExist) {
				err = nil
			}
			result <- err
		}()
		for newest == run && !state.Ended() && state != task.BackingOff {
			select {
			case t := <-news:
				state, newest = t.State, max(newest, t.Run)
			case err := <-result:
				if err == nil && ctx.Err() == nil {
					result <- nil // the file is not there: wait for news all the same
					select {
					case t := <-news:
						state, newest = t.State, max(newest, t.Run)
					case <-ctx.Done():
					}
				}
				if err != nil || ctx.Err() != nil {
					return err
				}
			}
		}
		close(over)
		if err := <-result; err != nil {
			return err
		}
		if err := s.end(); err != nil {
			return err
		}
		for newest == run { // it has ended, or will be started again
			if state.Ended() {
				return nil
			}
			select {
			case t := <-news:
				state, newest = t.State, max(newest, t.Run)
			case <-ctx.Done():
				return nil
			}
		}
		run, from = run+1, 0
	}
}
