package cli

import (
	"context"
	"errors"
	"slices"
	"time"

	"tasks/internal/taskfile"
	"tasks/pkg/client"
	"tasks/pkg/task"
)

// An act is what an up of a file does, under one supervisor after the other.
type act struct {
	e     *env
	c     *client.Client
	file  *taskfile.File
	whole bool           // no task of the file was left out
	runs  map[string]int // the last runs of all tasks before it; nil: not known yet
	began bool           // something was to be started
}

// enact does what the plan is once no other up or down of the file is under way,
// and tells whether it came to starting something.
func (e *env) enact(ctx context.Context, c *client.Client, file *taskfile.File, whole bool) (started bool, err error) {
	release, err := e.takeTurn(ctx, c, file.Path)
	if err != nil {
		return false, err
	}
	defer release()
	a := &act{e: e, c: c, file: file, whole: whole}
	err = e.withSuccessors(ctx, func(again bool) error {
		left, done := e.parting(ctx, c)
		defer done()
		apply := c.Apply
		if again {
			apply = c.ApplyAgain
		}
		err := a.once(ctx, apply)
		if errors.Is(err, task.ErrUnavailable) && (errors.As(err, new(unreachedError)) || left()) {
			return leftError{err}
		}
		return err
	})
	if errors.Is(err, task.ErrUnavailable) {
		e.remark("tasks: up did not finish: 'tasks up --check' lists the remaining changes, once a supervisor serves")
	}
	return a.began, err
}

// once plans from the present state and carries that out. What an earlier supervisor
// has started of it is not started again.
func (a *act) once(ctx context.Context, apply applier) error {
	steps, now, err := a.e.plan(ctx, a.c, a.file, a.whole)
	if a.runs == nil {
		a.e.takesOver(a.file, now)
	}
	if err != nil {
		return err
	}
	a.keep(steps, now)
	var begin []task.Spec
	ends := make(map[string]bool)
	for _, s := range steps {
		if s.Kind == taskfile.Start || s.Kind == taskfile.Restart {
			begin = append(begin, s.Spec)
		}
		ends[s.Name] = s.Kind == taskfile.Stop
	}
	for _, level := range taskfile.Down(a.file, now) {
		level = slices.DeleteFunc(level, func(name string) bool { return !ends[name] })
		if len(level) == 0 {
			continue
		}
		if _, err := a.c.Stop(ctx, client.StopOptions{Selector: task.Selector{Names: level}}); err != nil {
			return err
		}
	}
	// What runs is ended by its start, each after that of what it comes after, and not
	// before it is sure that the other can begin.
	a.began = true
	_, err = a.e.apply(ctx, a.c, apply, a.file.Groups, begin)
	return err
}

// keep has nothing done about tasks that have run as they are to since the first look.
func (a *act) keep(steps []taskfile.Step, now []task.Info) {
	last := make(map[string]int, len(now))
	for i := range now {
		last[now[i].Name] = now[i].Run
	}
	if a.runs == nil {
		a.runs = last
		return
	}
	for i := range steps {
		if s := &steps[i]; s.Kind == taskfile.Start && !s.Changed && last[s.Name] > a.runs[s.Name] {
			s.Kind = taskfile.Keep
		}
	}
}

// applier is client.Apply or client.ApplyAgain.
type applier func(context.Context, []task.Group, []task.Spec) ([]task.Info, error)

// apply has the supervisor set groups and start tasks of a file.
func (e *env) apply(ctx context.Context, c *client.Client, apply applier, groups []task.Group, specs []task.Spec) ([]task.Info, error) {
	caller, err := e.caller(ctx, c)
	if err != nil {
		return nil, err
	}
	for i := range specs {
		specs[i].Caller = caller
	}
	return apply(ctx, groups, specs)
}

// leftError is that the supervisor could not answer, and that the next one goes on.
type leftError struct{ error }

func (e leftError) Unwrap() error        { return e.error }
func (e leftError) Is(target error) bool { return target == client.ErrLost }

// parting watches how the supervisor ends, for who has heard that it does: left tells
// whether it leaves its tasks to the next one, once that is known.
func (e *env) parting(ctx context.Context, c *client.Client) (left func() bool, done func()) {
	const nobody = "-" // is no name of a task
	ctx, done = context.WithCancel(ctx)
	_, events, err := c.Observe(ctx, task.Selector{Names: []string{nobody}})
	if err != nil {
		return func() bool { return errors.Is(err, client.ErrLost) }, done
	}
	last := make(chan error, 1)
	go func() {
		for _, err := range events {
			if err != nil {
				last <- err
			}
		}
	}()
	return func() bool {
		select {
		case err := <-last:
			return errors.Is(err, client.ErrLost)
		case <-time.After(successorWithin): // it goes on, or takes its time
			return false
		case <-ctx.Done():
			return false
		}
	}, done
}
