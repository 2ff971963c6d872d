package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tasks/internal/cron"
	"tasks/internal/protocol"
	"tasks/pkg/client"
	"tasks/pkg/task"
)

// parseNext is parse of a line with --next: it starts nothing, so that a whole line of
// start will do, or a known name.
func (o *startOptions) parseNext(l line) error {
	if o.next < 1 || o.next > task.MaxTimes {
		return usage("bad --next %d: use 1 to %d", o.next, task.MaxTimes)
	}
	for _, flag := range []string{"wait", "replace", "all", "state"} {
		if slices.Contains(l.given, flag) {
			return usage("--next starts nothing: it goes without --%s", flag)
		}
	}
	o.names, o.command = l.parts()
	scheduled := o.spec.When != task.When{}
	switch {
	case len(o.names) > 1:
		return usage("--next is of one schedule, not %d", len(o.names))
	case !scheduled && (o.command != nil || len(o.names) == 0):
		return usage("--next needs a schedule: --cron, --every, --at or --delay, or the name of a task that has one")
	case scheduled:
		s := task.Spec{Name: "next", Command: []string{"true"}, When: o.spec.When}
		return s.Check()
	}
	return nil
}

// printNext prints the next times of the schedule, which are the supervisor's to say: it
// may have another time zone.
func (o *startOptions) printNext(e *env) error {
	scheduled, name := o.spec.When != task.When{}, ""
	if !scheduled {
		name = o.names[0]
	}
	c, err := e.dial()
	if err != nil {
		return err
	}
	times, err := c.Next(context.Background(), o.spec.When, name, o.next)
	if scheduled && errors.Is(err, task.ErrUnavailable) {
		times, err = timesHere(o.spec.When, o.next)
		e.remark("tasks: no supervisor answers: its time zone is taken to be this one")
	}
	if err != nil {
		return err
	}
	e.sayStopped(c, name)
	return e.printTimes(times)
}

// sayStopped says that the times of a schedule will pass by.
func (e *env) sayStopped(c *client.Client, name string) {
	if name == "" || e.quiet {
		return
	}
	now, _ := c.List(context.Background(), client.ListOptions{Selector: task.Selector{Names: []string{name}}}) // only a remark
	switch {
	case len(now) != 1:
	case now[0].Disabled:
		e.remark("tasks: %s is disabled, and starts no run at these times before 'tasks enable %[1]s'", name)
	case now[0].State.Ended():
		e.remark("tasks: %s is %s, and starts no run at these times before 'tasks enable %[1]s'", name, now[0].State)
	}
}

// timesHere are the times for a supervisor that would be started here.
func timesHere(when task.When, count int) ([]time.Time, error) {
	plan, err := cron.New(when, time.Local)
	if err != nil {
		return nil, usageError{err}
	}
	times, err := plan.Times(time.Now(), count)
	if err != nil {
		return nil, usageError{err}
	}
	return times, nil
}

// printTimes prints a line for each: date, time and offset; on a terminal also how far
// away that is.
func (p *printer) printTimes(times []time.Time) error {
	switch {
	case p.output == "json":
		dates := make([]protocol.Date, len(times))
		for i, at := range times {
			dates[i] = protocol.Date{At: task.Time{Time: at}, Offset: at.Format("-07:00")}
		}
		return p.printJSON(dates)
	case p.quiet:
		return nil
	}
	now := time.Now()
	for _, at := range times {
		line := at.Format("2006-01-02 15:04:05 -07:00")
		if p.tty {
			line += at.Format("  Mon") + "  in " + span(at.Sub(now).Round(time.Second))
		}
		if _, err := fmt.Fprintln(p.out, line); err != nil {
			return err
		}
	}
	return nil
}
