package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tasks/internal/escape"
	"tasks/internal/events"
	"tasks/internal/logs"
	"tasks/pkg/client"
	"tasks/pkg/task"
)

type eventOptions struct {
	selection
	since   string
	failing bool
	from    time.Time // of since; zero: any time
	lines   *int
	follow  bool
}

func newEvents(e *env) *cobra.Command {
	return e.verb(new(eventOptions), &cobra.Command{
		Use:   "events [NAME...]",
		Short: "Show what happened to tasks, and when",
		Long: `Show what happened to tasks, and when: which run began and how it ended, restarts,
stops, and when a supervisor began and ended. Also of tasks that were removed. The
history is read from its files, which keep the last 4 to 8 MiB of it, also where
no supervisor runs. --json prints an array; with --follow an object per line.`,
		Example: `  tasks events
  tasks events web 'job-*' --since 10m
  tasks events --failing --since 20:00
  tasks events -f -g encode
  tasks events --since 08:00 --json | jq -r '.[] | select(.event == "failed") | .name'`,
		ValidArgsFunction: completeNames(nil),
	})
}

func (o *eventOptions) flags(f *pflag.FlagSet) {
	o.selection.flags(f)
	f.BoolVar(&o.failing, "failing", false, "only failures: runs that failed or were lost, and tasks that could not start")
	f.StringVar(&o.since, "since", "", "from `TIME` on: a duration ago such as 10m, a time of day such as 15:04, or RFC 3339")
	intVar(f, &o.lines, "lines", "n", "only the last `N` events (default: all; with --follow and without --since 10)")
	f.BoolVarP(&o.follow, "follow", "f", false, "keep showing what happens from now on")
}

func (o *eventOptions) parse(l line) error {
	if err := o.selection.parse(l); err != nil {
		return err
	}
	if err := checked(task.CheckCount("--lines", o.lines)); err != nil || o.since == "" {
		return err
	}
	var err error
	o.from, err = sinceTime(o.since, time.Now())
	return err
}

// pick is which events are asked for.
func (o *eventOptions) pick() *pick {
	p := &pick{sel: o.selector(), since: o.from, failing: o.failing, lines: -1, met: make(map[string]bool)}
	switch {
	case o.lines != nil:
		p.lines = *o.lines
	case o.follow && o.since == "":
		p.lines = 10
	}
	return p
}

func (o *eventOptions) run(e *env) error {
	p := o.pick()
	c, err := e.dial()
	if err != nil {
		return err
	}
	dir, unserved, err := e.historyDir(c)
	if err != nil {
		return err
	}
	r, err := events.Open(dir)
	if err != nil {
		return err
	}
	defer r.Close()
	if unserved != nil && r.Empty() {
		return unserved // the better answer
	}
	past, err := p.read(r)
	if err != nil {
		return err
	}
	missing := p.missing(r, func(sel task.Selector) error {
		if unserved != nil {
			return knownByLogs(dir, sel)
		}
		_, err := c.List(context.Background(), client.ListOptions{Selector: sel})
		return err
	})
	if missing != nil && len(p.met) == 0 && len(past) == 0 {
		return missing
	}
	if !o.follow {
		return joined(missing, e.printEvents(past))
	}
	if unserved != nil {
		e.remark("tasks: no supervisor answers: following what the next one does")
	}
	e.endWithReader()
	ctx, done := untilInterrupt(unchanged)
	defer done()
	print := e.eventStream()
	if err := print(past); err != nil {
		return joined(missing, err)
	}
	err = r.Follow(ctx, func(more []events.Event) error {
		return print(slices.DeleteFunc(more, func(ev events.Event) bool { return !p.takes(&ev) }))
	})
	if errors.Is(context.Cause(ctx), errInterrupted) {
		err = exitCode(interrupted)
	}
	return joined(missing, err)
}

// sinceTime is the moment that is so long before now, that time of day the last
// time it was, or that time.
func sinceTime(text string, now time.Time) (time.Time, error) {
	if d, err := task.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	at, clock, err := task.ParseAt(text)
	if err != nil {
		return at, usage("bad --since %q: use a duration such as 10m, a time of day such as 15:04, or RFC 3339 such as 2006-01-02T15:04:05Z", text)
	}
	if !at.IsZero() {
		return at, nil
	}
	y, m, d := now.Date()
	for at = now; !at.Before(now); d-- {
		at = time.Date(y, m, d, 0, 0, int(clock/time.Second), 0, now.Location())
	}
	return at, nil
}

// pick is which events are asked for.
type pick struct {
	sel     task.Selector
	since   time.Time // zero: any time
	failing bool      // failures alone
	lines   int       // the last ones; negative: all
	met     map[string]bool
}

// takes reports whether the event is one that was asked for, and notes what it is of.
func (p *pick) takes(ev *events.Event) bool {
	return p.named(ev) && (!p.failing || ev.Event == events.Failed || ev.Event == events.Lost)
}

// named reports whether the event is of what was named, and notes what it is of.
func (p *pick) named(ev *events.Event) bool {
	if p.sel.Empty() || p.sel.All {
		return true
	}
	if ev.Name == "" {
		return false
	}
	taken := false
	if ev.Group != "" && slices.Contains(p.sel.InGroups(), ev.Group) {
		p.met["group "+ev.Group], taken = true, true
	}
	for _, want := range p.sel.Names {
		if ok, _ := path.Match(want, ev.Name); ok || want == ev.Name {
			p.met[want], taken = true, true
		}
	}
	return taken
}

// read is the events of the past, the oldest first.
func (p *pick) read(r *events.Reader) ([]events.Event, error) {
	var found []events.Event
	for ev, err := range r.Back() {
		if err != nil {
			return nil, err
		}
		if len(found) == p.lines {
			break
		}
		if !ev.At.Before(p.since) && p.takes(&ev) { // an older one may come after it: the clock was wrong, or was set
			found = append(found, ev)
		}
	}
	slices.Reverse(found)
	return found, nil
}

// missing is what of the names, and the groups, nothing is known of: neither by
// the supervisor nor by logs nor by all of the history.
func (p *pick) missing(r *events.Reader, known func(task.Selector) error) error {
	errs := make(map[string]error)
	ask := func(word string, sel task.Selector) {
		if err := known(sel); err != nil && !p.met[word] {
			errs[word] = err
		}
	}
	for _, want := range p.sel.Names {
		if !p.met[want] {
			ask(want, task.Selector{Names: []string{want}})
		}
	}
	words := slices.Clone(p.sel.Names)
	for _, group := range p.sel.InGroups() {
		word := "group " + group
		if words = append(words, word); !p.met[word] {
			ask(word, task.Selector{Group: group})
		}
	}
	if len(errs) > 0 {
		for ev, err := range r.Back() {
			if err != nil {
				return err
			}
			p.takes(&ev)
		}
	}
	var all []error
	for _, word := range words {
		if err := errs[word]; err != nil && !p.met[word] {
			all = append(all, err)
		}
	}
	return errors.Join(all...)
}

// historyDir is where the history is: by the supervisor, or else where that
// keeps its state, and why none answered.
func (d *dialer) historyDir(c *client.Client) (dir string, unserved, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second) // one that hangs has a history, too
	defer cancel()
	info, unserved := c.Info(ctx)
	if unserved != nil && ctx.Err() != nil {
		unserved = task.Errorf(task.ErrUnavailable, "", "the supervisor on %s does not answer", c.Socket)
	}
	if unserved == nil {
		if info.StateDir == "" {
			return "", nil, task.Errorf(nil, "", "the supervisor on %s keeps no history", info.Socket)
		}
		return info.StateDir, nil, nil
	}
	dir, err = d.stateDir()
	return dir, unserved, err
}

// knownByLogs is an error unless what sel names has logs.
func knownByLogs(dir string, sel task.Selector) error {
	if sel.Group != "" {
		return task.NoSuchGroup(sel.Group)
	}
	names, err := logs.Dir(filepath.Join(dir, "logs")).Names()
	if err != nil {
		return err
	}
	for _, name := range names {
		if ok, _ := path.Match(sel.Names[0], name); ok || name == sel.Names[0] {
			return nil
		}
	}
	return task.NoSuchTask(sel.Names[0])
}

// eventStream prints events as they come, in the form that was asked for.
func (p *printer) eventStream() func([]events.Event) error {
	if p.output == "json" {
		return func(some []events.Event) error {
			var text bytes.Buffer
			enc := json.NewEncoder(&text)
			enc.SetEscapeHTML(false)
			for _, ev := range some {
				if err := enc.Encode(ev); err != nil {
					return err
				}
			}
			_, err := p.out.Write(escape.JSON(text.Bytes()))
			return err
		}
	}
	if p.output == "name" || p.quiet {
		return p.printEvents
	}
	w := p.eventLines()
	var c columns
	var begin [][]string
	if !p.noHeaders {
		begin = append(begin, p.eventHead())
	}
	return func(some []events.Event) error {
		rows := append(begin, p.eventRows(some)...)
		begin = nil
		return c.print(w, rows)
	}
}
