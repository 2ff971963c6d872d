package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"tasks/pkg/client"
	"tasks/pkg/task"
)

// batch is many tasks that are waited for together, and how far they are.
type batch struct {
	names []string
	said  map[string]bool // tasks whose error was printed already
	since time.Time

	mu     sync.Mutex           // guards what follows
	tasks  map[string]task.Info // as last seen
	open   int                  // have not ended
	before int                  // had ended when the batch was made
	count  map[task.State]int
}

// newBatch is the tasks that are waited for since then.
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
	b.before = len(b.names) - b.open
	return b
}

// see notes what a task now is, until it has ended.
func (b *batch) see(t task.Info) {
	b.mu.Lock()
	defer b.mu.Unlock()
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
func (b *batch) watch(events iter.Seq2[task.Event, error]) error {
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
		if b.see(event.Task); b.open == 0 {
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
	b.mu.Lock()
	defer b.mu.Unlock()
	total, ended := len(b.names), len(b.names)-b.open
	spent := time.Since(b.since)
	parts := []string{fmt.Sprintf("%d of %d ended", ended, total)}
	for _, s := range task.States() {
		if n := b.count[s]; n > 0 && s != task.Done {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		}
	}
	parts = append(parts, span(spent))
	if ended > b.before && spent >= time.Second {
		rate := float64(ended-b.before) / spent.Seconds()
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

// summary says how the batch has ended.
func (b *batch) summary() string {
	parts := []string{}
	for _, s := range task.States() {
		if n := b.count[s]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		}
	}
	return fmt.Sprintf("%s: %s, in %s", counted(len(b.names), "task"), strings.Join(parts, ", "), span(time.Since(b.since)))
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

// waitForBatch returns when all of the batch have ended. A terminal sees how far
// it is; then come the tasks that have not ended well, and a summary.
func (e *env) waitForBatch(ctx context.Context, c *client.Client, b *batch) error {
	if len(b.names) == 0 { // all were refused
		return nil
	}
	end := e.meter(b)
	err := e.withSuccessors(ctx, func(again bool) error {
		now, events, err := c.Observe(ctx, toWatch(task.Selector{Names: b.names}))
		if err != nil && !again && errors.As(err, new(unreachedError)) {
			return client.ErrLost // it is gone since it has answered the start
		}
		if err != nil {
			return err
		}
		b.seeAll(now, func(gone []task.Info) []task.Info { return e.endsOf(c, gone) })
		return b.watch(events)
	})
	end()
	if err != nil {
		if errors.Is(err, context.Canceled) {
			err = context.Cause(ctx)
		}
		return err
	}
	all, bad := make([]task.Info, 0, len(b.names)), []task.Info(nil)
	failFast, unstarted := false, 0
	for _, name := range b.names {
		t := b.tasks[name]
		all = append(all, t)
		if t.Spec.FailFast > 0 && unbegun(&t) {
			unstarted++
		} else if t.State != task.Done {
			bad = append(bad, t)
		}
		failFast = failFast || t.Spec.FailFast > 0
	}
	code := codeOfTasks(all)
	if failFast {
		code = codeOfTasks(byEnd(bad))
	}
	e.remark("%s", b.summary())
	print := bad
	if e.output == "json" || e.output == "name" {
		print = all
	}
	err = joined(e.printTouched(print), code)
	e.sayWhy(slices.DeleteFunc(bad, func(t task.Info) bool { return b.said[t.Name] || strings.HasSuffix(t.Reason, " "+exitOf(t)) })) // the table says it
	if unstarted > 0 {
		e.remark("tasks: to continue: 'tasks start -g %s --state failed,stopped'", all[0].Group)
	}
	return err
}

// byEnd is tasks in the order in which they ended.
func byEnd(tasks []task.Info) []task.Info {
	return slices.SortedStableFunc(slices.Values(tasks), func(a, b task.Info) int { return a.EndedAt.Compare(b.EndedAt.Time) })
}

// sayWhy says of tasks that have not ended well why that is so.
func (p *printer) sayWhy(bad []task.Info) {
	const most = 5
	for i, t := range bad {
		if i == most {
			p.remark("tasks: and %d more: 'tasks show NAME' says why", len(bad)-most)
			return
		}
		if t.Reason == "" || t.Reason == string(t.State) {
			p.remark("tasks: %s: %s", t.Name, string(t.State))
			continue
		}
		p.remark("tasks: %s: %s: %s", t.Name, string(t.State), t.Reason)
	}
}

// meter shows on a terminal how far b is, a few times a second, until the returned function
// takes the line away.
func (p *printer) meter(b *batch) (end func()) {
	if !p.errTTY || p.quiet {
		return func() {}
	}
	over, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for width := 0; ; {
			width = p.overwrite(width, b.line(cmp.Or(p.width, 80)))
			select {
			case <-tick.C:
			case <-over:
				p.overwrite(width, "")
				return
			}
		}
	}()
	return func() {
		close(over)
		<-gone
	}
}

// showWait shows on a terminal how far a wait for the tasks of sel is, once it has lasted a
// moment, until the returned function is called.
func (e *env) showWait(ctx context.Context, c *client.Client, sel task.Selector) (end func()) {
	if !e.errTTY || e.quiet {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	gone := make(chan struct{})
	begin, is := time.Now(), sel.Matcher()
	go func() {
		defer close(gone)
		var b *batch
		for pause := remarkAfter; ; {
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return
			}
			now, events, err := c.Observe(ctx, toWatch(sel))
			if err != nil { // the wait itself says what that means
				continue
			}
			if b == nil {
				b = newBatch(begin, slices.DeleteFunc(now, func(t task.Info) bool { return !is(&t) }))
				defer e.meter(b)()
			} else {
				b.seeAll(now, func(gone []task.Info) []task.Info { return e.endsOf(c, gone) })
			}
			b.watch(events)
		}
	}()
	return func() {
		cancel()
		<-gone
	}
}
