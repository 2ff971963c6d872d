package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"tasks/pkg/client"
	"tasks/pkg/task"
)

// batch is many tasks that are waited for together, and how far they are.
type batch struct {
	names []string
	tasks map[string]task.Info // as last seen
	open  int                  // have not ended
	count map[task.State]int
	since time.Time
}

// newBatch is the tasks that were started since then.
func newBatch(since time.Time, started []task.Info) *batch {
	b := &batch{tasks: make(map[string]task.Info, len(started)), count: make(map[task.State]int), since: since}
	for _, t := range started {
		b.names = append(b.names, t.Name)
		b.tasks[t.Name] = t
		b.count[t.State]++
		if !t.State.Ended() {
			b.open++
		}
	}
	return b
}

// see notes what a task now is, until it has ended.
func (b *batch) see(t task.Info) {
	was, ours := b.tasks[t.Name]
	if !ours || was.State.Ended() {
		return
	}
	b.count[was.State]--
	b.count[t.State]++
	b.tasks[t.Name] = t
	if t.State.Ended() {
		b.open--
	}
}

// seeAll notes what all tasks now are; endsOf says how those ended that are not there any more.
func (b *batch) seeAll(all []task.Info, endsOf func([]task.Info) []task.Info) {
	there := make(map[string]bool, len(all))
	for _, t := range all {
		there[t.Name] = true
		b.see(t)
	}
	var gone []task.Info
	for _, name := range b.names {
		if t := b.tasks[name]; !there[name] && !t.State.Ended() {
			gone = append(gone, t)
		}
	}
	for _, t := range endsOf(gone) {
		b.see(t)
	}
}

// watch notes what the events tell until all have ended.
func (b *batch) watch(events iter.Seq2[task.Event, error], noted func()) error {
	if b.open == 0 {
		return nil
	}
	for event, err := range events {
		switch {
		case err != nil:
			return err
		case event.Missed > 0:
			return errMissed
		}
		b.see(event.Task)
		if noted(); b.open == 0 {
			return nil
		}
	}
	return nil
}

// toWatch is what to watch for the tasks of sel: every task if the request would be too long,
// or for a group, as the event of a task that leaves it is not the group's.
func toWatch(sel task.Selector) task.Selector {
	size := 0
	for _, name := range sel.Names {
		size += len(name) + 8
	}
	if size > roomForInputs || len(sel.InGroups()) > 0 {
		return task.Selector{}
	}
	return sel
}

// line says how far the batch is, in at most width columns.
func (b *batch) line(width int) string {
	total, ended := len(b.names), len(b.names)-b.open
	spent := time.Since(b.since)
	parts := []string{fmt.Sprintf("%d of %d ended", ended, total)}
	if n := b.count[task.Running]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d running", n))
	}
	if n := b.bad(); n > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", n))
	}
	if ended > 0 && spent >= time.Second {
		rate := float64(ended) / spent.Seconds()
		parts = append(parts, rateText(rate), span(time.Duration(float64(b.open)/rate*float64(time.Second)))+" left")
	}
	text := strings.Join(parts, ", ")
	if room := min(width-len(text)-4, 30); room >= 10 && total > 0 {
		full := room * ended / total
		text = "[" + strings.Repeat("#", full) + strings.Repeat(".", room-full) + "] " + text
	}
	if width > 1 && len(text) >= width {
		text = text[:width-1]
	}
	return text
}

func rateText(perSecond float64) string {
	if perSecond >= 10 {
		return fmt.Sprintf("%.0f/s", perSecond)
	}
	if perSecond >= 0.1 {
		return fmt.Sprintf("%.1f/s", perSecond)
	}
	return fmt.Sprintf("%.1f/min", perSecond*60)
}

// bad is how many have not ended well.
func (b *batch) bad() int { return b.count[task.Failed] + b.count[task.Stopped] + b.count[task.Lost] }

// waitForBatch returns when all of the batch have ended. A terminal sees how far
// it is; then come the tasks that have not ended well, and a summary.
func (e *env) waitForBatch(ctx context.Context, c *client.Client, b *batch) error {
	if len(b.names) == 0 { // all were refused
		return nil
	}
	show := e.meter(b)
	err := e.withSuccessors(ctx, func(again bool) error {
		now, events, err := c.Observe(ctx, toWatch(task.Selector{Names: b.names}))
		if err != nil && !again && errors.As(err, new(unreachedError)) {
			return client.ErrLost // it is gone since it has answered the start
		}
		if err != nil {
			return err
		}
		b.seeAll(now, func(gone []task.Info) []task.Info { return e.endsOf(c, gone) })
		show(false)
		return b.watch(events, func() { show(false) })
	})
	show(true)
	if err != nil {
		if errors.Is(err, context.Canceled) {
			err = context.Cause(ctx)
		}
		return err
	}
	all, bad := make([]task.Info, 0, len(b.names)), []task.Info(nil)
	for _, name := range b.names {
		t := b.tasks[name]
		all = append(all, t)
		if t.State != task.Done {
			bad = append(bad, t)
		}
	}
	tasks := "tasks"
	if len(all) == 1 {
		tasks = "task"
	}
	e.remark("%d %s: %d done, %d not, in %s", len(all), tasks, len(all)-len(bad), len(bad), span(time.Since(b.since)))
	print := bad
	if e.output == "json" || e.output == "name" {
		print = all
	}
	return joined(e.printTouched(print), codeOfTasks(all))
}

// meter shows on a terminal how far b is, a few times a second; with the end it
// takes the line away.
func (p *printer) meter(b *batch) func(end bool) {
	if !p.errTTY || p.quiet {
		return func(bool) {}
	}
	var last time.Time
	width := 0
	return func(end bool) {
		switch {
		case end && width > 0:
			width = p.overwrite(width, "")
		case !end && time.Since(last) > 200*time.Millisecond:
			last = time.Now()
			width = p.overwrite(width, b.line(cmp.Or(p.width, 80)))
		}
	}
}
