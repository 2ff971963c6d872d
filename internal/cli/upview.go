package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"tasks/internal/deps"
	"tasks/internal/escape"
	"tasks/pkg/client"
	"tasks/pkg/task"
)

// waitUp waits until each of the tasks is up, or cannot be: also the ones that were on
// their way already. The tasks are as they are then; none, where no supervisor says so. There is
// an error for each that is not up, unless one has said so.
func (e *env) waitUp(ctx context.Context, c *client.Client, known []task.Info, said map[string]bool) ([]task.Info, error) {
	var names []string
	for _, t := range known {
		names = append(names, t.Name)
	}
	v := &upView{e: e, names: names, tasks: known, since: time.Now()}
	hide := v.show(ctx, c)
	tasks, err := e.waitOn(ctx, func() []task.Info { return known }, client.WaitOptions{Selector: task.Selector{Names: names}, For: "up"})
	hide()
	if err != nil {
		return nil, err
	}
	return tasks, notUp(tasks, said)
}

// named is the tasks that errors are about.
func named(err error) map[string]bool {
	names := make(map[string]bool)
	for _, one := range failures(err) {
		var of *task.Error
		if errors.As(one, &of) {
			names[of.Name] = true
		}
	}
	return names
}

func notUp(tasks []task.Info, said map[string]bool) error {
	var errs []error
	for _, t := range tasks {
		if said[t.Name] {
			continue
		}
		if t.State == task.Failed || t.State == task.Lost || t.State == task.Stopped || t.State == task.BackingOff || t.State == task.Starting {
			why := t.Reason
			if t.State == task.Starting {
				why = fmt.Sprintf("it keeps failing, and is starting again: restart %d", t.Restarts)
			}
			if why == "" {
				why = string(t.State)
			}
			errs = append(errs, fmt.Errorf("%s is not up: %s", t.Name, why))
		}
	}
	return errors.Join(errs...)
}

// upView is what `up` waits for: a few lines on a terminal, elsewhere some after a while.
type upView struct {
	e     *env
	names []string
	tasks []task.Info // as last seen
	since time.Time
	lines int // that are on the terminal
}

// most is how many tasks are shown on a terminal.
const most = 10

// silence is after how long a remark says what is waited for, where no terminal shows it.
const silence = 10 * time.Second

// show shows what is waited for until hide is called.
func (v *upView) show(ctx context.Context, c *client.Client) (hide func()) {
	if v.e.quiet {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		pause := silence
		if v.e.errTTY {
			pause = time.Second
			defer v.clear()
		}
		for {
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return
			}
			now, err := c.List(ctx, client.ListOptions{Selector: task.Selector{Names: v.names}})
			switch {
			case err != nil: // who waits hears of it
			case v.e.errTTY:
				v.tasks = now
				v.draw()
			default:
				v.tasks = now
				for _, line := range v.open() {
					v.e.remark("tasks: not up yet: %s", line)
				}
				return
			}
		}
	}()
	return func() {
		cancel()
		<-over
	}
}

// open says of each task that is not up what it does.
func (v *upView) open() (lines []string) {
	at := make(map[string]*task.Info, len(v.tasks))
	for i := range v.tasks {
		at[v.tasks[i].Name] = &v.tasks[i]
	}
	look := deps.LookUp(func(name string) *task.Info { return at[name] })
	for i := range v.tasks {
		t := &v.tasks[i]
		if look.IsUp(t) {
			continue
		}
		line := fmt.Sprintf("%s %s", t.Name, t.State)
		if t.Reason != "" {
			line += ": " + plain(t.Reason)
		}
		lines = append(lines, line)
	}
	return lines
}

// draw shows on a terminal what is still waited for.
func (v *upView) draw() {
	lines := v.open()
	open := len(lines)
	if v.clear(); open == 0 {
		return
	}
	if open > most {
		lines = append(lines[:most], fmt.Sprintf("%d more", open-most))
	}
	head := fmt.Sprintf("%d of %d are up, %s", len(v.names)-open, len(v.names), span(time.Since(v.since)))
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
