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

// patience is how long a stop may take before a terminal is told for whom it waits.
const patience = time.Second

// progress tells on a terminal, each second, for whom a stop waits, until the
// function that it returns is called.
func (e *env) progress(ctx context.Context) (end func()) {
	if !e.errTTY || e.quiet {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		begin, width := time.Now(), 0
		for {
			select {
			case <-time.After(patience):
			case <-ctx.Done():
				if width > 0 {
					e.overwrite(width, "")
				}
				return
			}
			line := e.waitingFor(ctx, time.Since(begin))
			width = e.overwrite(width, line)
		}
	}()
	return func() {
		cancel()
		<-over
	}
}

// waitingFor names the tasks that are stopping, on one line.
func (e *env) waitingFor(ctx context.Context, since time.Duration) string {
	tasks, err := e.client.List(ctx, client.ListOptions{States: []task.State{task.Stopping}, Stats: true})
	if err != nil || len(tasks) == 0 {
		return ""
	}
	var parts []string
	for _, t := range tasks {
		part := t.Name
		if t.PID != 0 {
			program, _, _ := strings.Cut(commandLine(t), " ")
			part += fmt.Sprintf(" (pid %d %s", t.PID, plain(program))
			if t.Stats != nil && t.Processes > 1 {
				part += fmt.Sprintf(" and %d more", t.Processes-1)
			}
			part += ")"
		}
		grace := time.Duration(*t.Spec.StopTimeout)
		if e.grace != nil {
			grace = e.grace(grace)
		}
		if since < grace {
			part += fmt.Sprintf(", %s of %s", since.Round(time.Second), grace)
		}
		parts = append(parts, part)
		if len(parts) == 3 && len(tasks) > 4 {
			parts = append(parts, fmt.Sprintf("%d more", len(tasks)-3))
			break
		}
	}
	return e.fit("waiting for " + strings.Join(parts, "; "))
}

// overwrite writes a line over the one on the terminal, of which width columns
// are in use, and returns how many are then. An empty one takes it away.
func (e *env) overwrite(width int, line string) int {
	if line == "" {
		if width > 0 {
			fmt.Fprint(e.err, escape.Return(), strings.Repeat(" ", width), escape.Return())
		}
		return 0
	}
	n := shown(line)
	fmt.Fprint(e.err, escape.Return(), line, strings.Repeat(" ", max(0, width-n)))
	return max(width, n)
}

// fit is a line without what is not printable and what the terminal has no room for.
func (e *env) fit(line string) string {
	line = escape.String(line)
	if e.width > 1 && shown(line) >= e.width {
		line = cut(line, e.width-1)
	}
	return line
}
