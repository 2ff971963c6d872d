package cli

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"tasks/pkg/client"
	"tasks/pkg/task"
)

// A command that waits continues with the next supervisor if this one is killed, replaced,
// or leaves its tasks. A service manager has started one by then, or a person who upgrades;
// if nobody does, the user must get an error.
const (
	successorWithin = 10 * time.Second
	firstLook       = 10 * time.Millisecond
	lastLook        = 500 * time.Millisecond
)

var errNoSuccessor error = task.Errorf(task.ErrUnavailable, "", "the supervisor is gone, and there is no next one")

// errMissed says that the server dropped events because the connection was too slow:
// who waits for them looks again.
var errMissed = errors.New("events were missed")

// withSuccessors does what waits on a supervisor, and does it again with the next one
// as often as the connection is lost, and at once where events were missed. Where no next
// one comes the error says so.
func (d *dialer) withSuccessors(ctx context.Context, do func(again bool) error) error {
	var end time.Time // of the wait for the next one
	pause := firstLook
	for again := false; ; again = true {
		began := time.Now()
		err := do(again)
		if errors.Is(err, errMissed) {
			continue
		}
		if lost := errors.Is(err, client.ErrLost) || again && errors.As(err, new(unreachedError)); !lost {
			return err
		}
		if end.IsZero() || time.Since(began) > remarkAfter {
			end, pause = time.Now().Add(successorWithin), firstLook
		} else if err := d.rest(ctx, &pause); err != nil { // it was the same one, on its way out
			return err
		}
		within, cancel := context.WithDeadlineCause(ctx, end, errNoSuccessor)
		err = d.successor(within, &pause)
		cancel()
		if err != nil {
			return err
		}
	}
}

// successor returns once a supervisor answers, or with the reason of ctx.
func (d *dialer) successor(ctx context.Context, pause *time.Duration) error {
	say := time.AfterFunc(remarkAfter, func() { d.says.remark("tasks: the supervisor is gone: waiting for the next one") })
	defer say.Stop()
	for {
		_, err := d.client.Info(ctx)
		if err == nil {
			return nil
		}
		if ended := d.rest(ctx, pause); ended != nil {
			if ended == errNoSuccessor && errors.As(err, new(unreachedError)) {
				return err // which says what can be done
			}
			return ended
		}
	}
}

// rest waits a while, the next time longer, unless ctx ends.
func (d *dialer) rest(ctx context.Context, pause *time.Duration) error {
	select {
	case <-time.After(*pause):
		*pause = min(2**pause, lastLook)
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// noted has the tasks that sel selects noted, as they are when a wait for them has
// lasted a moment: with the next supervisor it waits for the same ones.
func (d *dialer) noted(ctx context.Context, sel task.Selector) func() []task.Info {
	const moment = 50 * time.Millisecond
	list := make(chan []task.Info, 1)
	time.AfterFunc(moment, func() {
		tasks, _ := d.client.List(ctx, client.ListOptions{Selector: sel})
		list <- tasks
	})
	var tasks []task.Info
	return func() []task.Info {
		if tasks == nil {
			select {
			case tasks = <-list:
				list <- tasks
			case <-ctx.Done():
			}
		}
		return tasks
	}
}

// waitOn is client.Wait, under one supervisor after the other. known is the tasks as
// they were at first.
func (d *dialer) waitOn(ctx context.Context, known func() []task.Info, o client.WaitOptions) ([]task.Info, error) {
	began, bound := time.Now(), ctx
	if o.Timeout != nil {
		var cancel context.CancelFunc
		bound, cancel = context.WithTimeoutCause(ctx, time.Duration(*o.Timeout), retimed(task.ErrTimeout, o.Timeout))
		defer cancel()
	}
	var tasks []task.Info
	err := d.withSuccessors(bound, func(again bool) (err error) {
		if !again {
			tasks, err = d.client.Wait(ctx, o)
			return err
		}
		rest := o
		if o.Timeout != nil {
			rest.Timeout = new(max(0, *o.Timeout-task.Duration(time.Since(began))))
		}
		tasks, err = d.waitAgain(ctx, known(), rest)
		return retimed(err, o.Timeout)
	})
	return tasks, err
}

// retimed is err; a timeout names the whole time.
func retimed(err error, whole *task.Duration) error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, one := range many.Unwrap() {
			all = append(all, retimed(one, whole))
		}
		return errors.Join(all...)
	}
	if errors.Is(err, task.ErrTimeout) {
		return task.Errorf(task.ErrTimeout, "", "timed out after %s", whole)
	}
	return err
}

// waitAgain is client.Wait with another supervisor than the one that knew of the tasks.
func (d *dialer) waitAgain(ctx context.Context, known []task.Info, o client.WaitOptions) ([]task.Info, error) {
	names := sameNames(o.Selector, known)
	if names == nil {
		return d.client.Wait(ctx, o)
	}
	now, err := d.client.Get(ctx, client.ListOptions{Selector: task.Selector{Names: names}})
	if errors.Is(err, task.ErrUnavailable) || ctx.Err() != nil {
		return nil, err
	}
	infos, before := byName(now), byName(known)
	var open []string
	var gone []task.Info // of many that were selected: who is named is an error
	over := make(map[string]task.Info)
	for _, name := range names {
		t, there := infos[name]
		if was, ok := overSince(before[name], t); ok && (o.For == "" || o.For == "ended") {
			over[name] = was
		} else if there || slices.Contains(o.Names, name) {
			open = append(open, name)
		} else {
			gone = append(gone, before[name])
		}
	}
	for _, t := range d.endsOf(&d.client, gone) {
		over[t.Name] = t
	}
	if len(open) > 0 && !(o.Any && len(over) > 0) {
		o.Selector = task.Selector{Names: open}
		now, err = d.client.Wait(ctx, o)
		infos = byName(now)
	} else {
		err = nil
	}
	var tasks []task.Info
	for _, name := range names {
		if t, ok := over[name]; ok {
			tasks = append(tasks, t)
		} else if t, ok := infos[name]; ok {
			tasks = append(tasks, t)
		}
	}
	return tasks, err
}

// sameNames is what sel selected when the tasks were known, and what it names besides;
// nil: nothing is known, ask for sel again.
func sameNames(sel task.Selector, known []task.Info) (names []string) {
	has := make(map[string]bool, len(known))
	for _, t := range known {
		names, has[t.Name] = append(names, t.Name), true
	}
	if names == nil {
		return nil
	}
	for _, name := range sel.Names {
		if !strings.ContainsAny(name, "*?[") && !has[name] {
			names, has[name] = append(names, name), true
		}
	}
	return names
}

func byName(tasks []task.Info) map[string]task.Info {
	infos := make(map[string]task.Info, len(tasks))
	for _, t := range tasks {
		infos[t.Name] = t
	}
	return infos
}

// overSince is the task as the run that it had before has ended it, where one by hand
// has followed since. What was stopped may have been restarted, and is waited for.
func overSince(before, now task.Info) (task.Info, bool) {
	s := &before.Spec
	if before.PID == 0 || now.Run <= before.Run || s.Repeats() || s.Restart != task.RestartNo && s.Restart != "" {
		return before, false
	}
	i := slices.IndexFunc(now.Runs, func(r task.Run) bool { return r.Run == before.Run })
	if i < 0 || !now.Runs[i].State.Ended() || now.Runs[i].State == task.Stopped {
		return before, false
	}
	r, t := now.Runs[i], before
	t.State, t.PID, t.Ready, t.EndedAt = r.State, 0, nil, r.EndedAt
	t.ExitCode, t.Signal, t.TimedOut, t.Reason = r.ExitCode, r.Signal, r.TimedOut, r.Reason
	return t, true
}
