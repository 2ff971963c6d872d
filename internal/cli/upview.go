package cli

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"tasks/internal/deps"
	"tasks/internal/escape"
	"tasks/pkg/client"
	"tasks/pkg/task"
)

// upView is what `up` waits for, and its few lines on a terminal.
type upView struct {
	e     *env
	names []string
	tasks map[string]task.Info // as last seen
	since time.Time
	lines int // that are on the terminal
}

// waitUp waits until each of the tasks is up, or cannot be: those that were started
// just now, and those that were on their way already. What became of them before is
// not watched: a restart begins with a stop.
func (e *env) waitUp(ctx context.Context, c *client.Client, names []string) error {
	if len(names) == 0 { // else all tasks would be watched
		return nil
	}
	v := &upView{e: e, names: names, tasks: make(map[string]task.Info), since: time.Now()}
	err := e.withSuccessors(ctx, func(bool) error {
		watch, cancel := context.WithCancel(ctx)
		defer cancel()
		now, events, err := c.Observe(watch, task.Selector{Names: v.names})
		if err != nil {
			return err
		}
		for name, t := range v.tasks { // what the next supervisor does not have was removed
			t.State = task.Stopped
			v.tasks[name] = t
		}
		for _, t := range now {
			v.tasks[t.Name] = t
		}
		return v.wait(watch, events)
	})
	if errors.Is(err, context.Canceled) {
		err = context.Cause(ctx)
	}
	return err
}

func (v *upView) wait(ctx context.Context, events iter.Seq2[task.Event, error]) error {
	defer v.clear()
	type news struct {
		event task.Event
		err   error
	}
	come := make(chan news)
	go func() {
		for event, err := range events {
			select {
			case come <- news{event, err}:
			case <-ctx.Done():
				return
			}
		}
	}()
	var beat, long <-chan time.Time
	if !v.e.errTTY {
		long = time.After(silence)
	} else if !v.e.quiet {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		beat = tick.C
	}
	for !v.over() {
		v.draw()
		select {
		case n := <-come:
			switch {
			case n.err != nil:
				return n.err
			case n.event.Missed > 0:
				return errMissed
			}
			v.tasks[n.event.Task.Name] = n.event.Task
		case <-beat:
		case <-long:
			for _, line := range v.open() {
				v.e.remark("tasks: waiting for %s", line)
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return v.failures()
}

// up tells whether there is nothing more to wait for of t.
func (v *upView) up(t task.Info) bool {
	switch t.State {
	case task.Queued:
		return true
	case task.Waiting:
		return !t.NextAt.IsZero() || v.held(t)
	case task.Running:
		return t.Ready == nil || *t.Ready
	case task.Paused, task.BackingOff:
		return true
	case task.Starting:
		return t.Restarts > 0 // and has failed before
	}
	return t.State.Ended()
}

// held tells whether t waits for one that nothing more is waited for: it would
// not begin before the time, the slot or the end of that.
func (v *upView) held(t task.Info) bool {
	for _, dep := range deps.Of(&t.Spec) {
		d, ok := v.tasks[dep]
		switch {
		case !ok || !v.up(d):
		case d.State == task.Waiting, d.State == task.Queued, d.State == task.Paused, d.State == task.BackingOff:
			return true
		case d.State == task.Running && d.Spec.Service() && slices.Contains(t.Spec.AfterEnded, dep):
			return true
		}
	}
	return false
}

func (v *upView) over() bool {
	return !slices.ContainsFunc(v.names, func(name string) bool { return !v.up(v.tasks[name]) })
}

// failures is an error for each that is not up.
func (v *upView) failures() error {
	var errs []error
	for _, name := range v.names {
		t := v.tasks[name]
		if t.State == task.Failed || t.State == task.Lost || t.State == task.Stopped || t.State == task.BackingOff || t.State == task.Starting {
			why := t.Reason
			if t.State == task.Starting {
				why = fmt.Sprintf("it keeps failing, and is starting again: restart %d", t.Restarts)
			}
			if why == "" {
				why = string(t.State)
			}
			errs = append(errs, fmt.Errorf("%s is not up: %s", name, why))
		}
	}
	return errors.Join(errs...)
}

// open says of each task that is not up what it does.
func (v *upView) open() (lines []string) {
	for _, name := range v.names {
		t := v.tasks[name]
		if v.up(t) {
			continue
		}
		line := fmt.Sprintf("%s %s", name, t.State)
		if t.Reason != "" {
			line += ": " + plain(t.Reason)
		}
		lines = append(lines, line)
	}
	return lines
}

// most is how many tasks are shown on a terminal.
const most = 10

// silence is after how long it is told what is waited for where no terminal shows it.
const silence = 10 * time.Second

// draw shows on a terminal what is still waited for.
func (v *upView) draw() {
	if !v.e.errTTY || v.e.quiet {
		return
	}
	lines := v.open()
	open := len(lines)
	if open > most {
		lines = append(lines[:most], fmt.Sprintf("%d more", open-most))
	}
	head := fmt.Sprintf("%d of %d are up, %s", len(v.names)-open, len(v.names), span(time.Since(v.since)))
	v.clear()
	for _, line := range append([]string{head}, lines...) {
		fmt.Fprintln(v.e.err, v.e.fit(line))
		v.lines++
	}
}

// clear takes the lines away.
func (v *upView) clear() {
	if v.lines > 0 {
		fmt.Fprint(v.e.err, strings.Repeat(escape.Sequence("A")+escape.Sequence("2K"), v.lines))
		v.lines = 0
	}
}
