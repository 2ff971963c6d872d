package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"tasks/internal/escape"
	"tasks/pkg/client"
	"tasks/pkg/task"
)

// remarkAfter is how long a stop may take before a remark says which tasks it waits for.
const remarkAfter = time.Second

// progress shows on a terminal, each second, which tasks a stop waits for, until the
// returned function is called. grace is what a stop gives a task whose own is so long; nil:
// that.
func (p *printer) progress(ctx context.Context, c *client.Client, grace func(own time.Duration) time.Duration) (end func()) {
	if !p.errTTY || p.quiet {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		begin, width := time.Now(), 0
		for {
			select {
			case <-time.After(remarkAfter):
			case <-ctx.Done():
				if width > 0 {
					p.overwrite(width, "")
				}
				return
			}
			line := p.waitingFor(ctx, c, grace, time.Since(begin))
			width = p.overwrite(width, line)
		}
	}()
	return func() {
		cancel()
		<-over
	}
}

// sayKilled says which tasks did not end by the stop signal of a command that began at
// since.
func (p *printer) sayKilled(tasks []task.Info, grace func(own time.Duration) time.Duration, since time.Time) {
	for _, t := range tasks {
		within := t.Spec.Grace()
		if grace != nil {
			within = grace(within)
		}
		if t.State == task.Stopped && strings.HasPrefix(t.Reason, "stopped; killed") && within > 0 && t.EndedAt.After(since) {
			p.remark("tasks: %s did not end within %s: killed", t.Name, short(within))
		}
	}
}

// waitingFor names the tasks that are stopping, on one line.
func (p *printer) waitingFor(ctx context.Context, c *client.Client, grace func(own time.Duration) time.Duration, since time.Duration) string {
	tasks, err := c.List(ctx, client.ListOptions{States: []task.State{task.Stopping}, Stats: true})
	if err != nil || len(tasks) == 0 {
		return ""
	}
	var parts []string
	for _, t := range tasks {
		part := t.Name
		if t.PID != 0 {
			program, _, _ := strings.Cut(commandLine(t), " ")
			part += fmt.Sprintf(" (pid %d %s", t.PID, plain(program))
			if t.Stats != nil && t.Stats.Processes > 1 {
				part += fmt.Sprintf(" and %d more", t.Stats.Processes-1)
			}
			part += ")"
		}
		within := t.Spec.Grace()
		if grace != nil {
			within = grace(within)
		}
		if since < within {
			part += fmt.Sprintf(", %s of %s", since.Round(time.Second), within)
		}
		parts = append(parts, part)
		if len(parts) == 3 && len(tasks) > 4 {
			parts = append(parts, fmt.Sprintf("%d more", len(tasks)-3))
			break
		}
	}
	return p.fit("waiting for " + strings.Join(parts, "; "))
}

// overwrite writes a line over the one on the terminal, which uses width columns, and
// returns how many the new one uses. An empty one takes it away.
func (p *printer) overwrite(width int, line string) int {
	if line == "" {
		if width > 0 {
			fmt.Fprint(p.err, escape.Return(), strings.Repeat(" ", width), escape.Return())
		}
		return 0
	}
	n := shown(line)
	fmt.Fprint(p.err, escape.Return(), line, strings.Repeat(" ", max(0, width-n)))
	return max(width, n)
}

// fit is a line without what is not printable and what the terminal has no room for.
func (p *printer) fit(line string) string {
	line = escape.String(line)
	if p.width > 1 && shown(line) >= p.width {
		line = cut(line, p.width-1)
	}
	return line
}
