package cli

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"sync"
	"time"

	"tasks/internal/logs"
	"tasks/internal/process"
	"tasks/pkg/task"
)

// follow writes what the sources' tasks write until all of them have ended.
func (e *env) follow(sources []*source, lines int, served bool) error {
	e.endWithReader()
	ctx, done := untilInterrupt(unchanged)
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
	follower := logs.NewFollower()
	defer follower.Close()
	var open sync.WaitGroup
	for _, s := range sources {
		own := news[s.name]
		open.Go(func() {
			if err := s.follow(ctx, follower, lines, own); err != nil {
				cancel(err)
			}
		})
	}
	if served {
		watching.Go(func() { e.watch(ctx, sel, news) })
	} else {
		e.remark("tasks: no supervisor answers: following what runs without one")
		watching.Go(func() { e.watchSurvivors(ctx, news) })
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

// watchSurvivors tells which tasks have no process any more, where there is no
// supervisor to tell.
func (e *env) watchSurvivors(ctx context.Context, news map[string]chan task.Info) {
	for {
		alive, err := process.Survivors(e.client.Socket)
		for name, c := range news {
			if err == nil && !slices.Contains(alive, name) {
				delete(news, name)
				c <- task.Info{Name: name, State: task.Lost}
			}
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return
		}
	}
}

// follow writes the task's runs, from the present one on, as they grow.
func (s *source) follow(ctx context.Context, f *logs.Follower, lines int, news <-chan task.Info) error {
	run := s.last.Run
	state, newest := task.State(""), run
	for {
		over := make(chan struct{})
		result := s.followRun(ctx, f, run, lines, over)
		var missing <-chan struct{} // ctx.Done while the log is yet to be made
		for newest == run && !state.Ended() && state != task.BackingOff {
			select {
			case t := <-news:
				state, newest = t.State, max(newest, t.Run)
				if result == nil { // it may be there by now
					result, missing = s.followRun(ctx, f, run, lines, over), nil
				}
			case err := <-result:
				if !errors.Is(err, fs.ErrNotExist) {
					return err
				}
				result, missing = nil, ctx.Done()
			case <-missing:
				return nil
			}
		}
		close(over)
		err := error(fs.ErrNotExist)
		if result != nil {
			err = <-result
		}
		if errors.Is(err, fs.ErrNotExist) { // or it was made since
			err = <-s.followRun(ctx, f, run, lines, over)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
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
		run, lines = run+1, -1
	}
}

// followRun writes the last lines of one run, and on as it grows, until over is closed.
func (s *source) followRun(ctx context.Context, f *logs.Follower, run, lines int, over <-chan struct{}) <-chan error {
	result := make(chan error, 1)
	go func() {
		result <- f.Follow(ctx, s.dir.Path(s.name, run), lines, s.out, over)
	}()
	return result
}
