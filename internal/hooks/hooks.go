// Package hooks is a bounded runner of hook lines, which follow the ends of runs.
package hooks

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"tasks/internal/room"
	"tasks/pkg/engine"
	"tasks/pkg/task"
)

// The bounds of hooks.
const (
	Timeout = time.Minute      // a line that takes longer is killed
	atOnce  = 8                // others wait for their turn
	atEnd   = 10 * time.Second // what Close grants those under way

	// How long a line is tried again that cannot start because the machine is out of resources.
	tries                 = 5 * time.Minute
	firstRetry, lastRetry = 100 * time.Millisecond, 5 * time.Second
)

// Lines is which lines follow a run that has ended in that state: of each of all, in
// their order, the one after each end before the one after failures.
func Lines(state task.State, all ...task.Hooks) []string {
	failed := state == task.Failed || state == task.Lost
	var lines []string
	for _, h := range all {
		if h.OnExit != "" {
			lines = append(lines, h.OnExit)
		}
		if h.OnFailure != "" && failed {
			lines = append(lines, h.OnFailure)
		}
	}
	return lines
}

// A Runner runs lines beside its callers. Make one with [New].
type Runner struct {
	logger *slog.Logger
	failed func(l engine.Launch, why string)
	ctx    context.Context
	cancel context.CancelFunc
	turns  chan struct{}

	mu      sync.Mutex
	running int           // calls of Run whose lines have not ended
	idle    chan struct{} // closed when running is 0 again; nil: nobody waits
	last    time.Time     // call of Run
	waited  time.Time     // since Wait or Close was called; zero: neither was
}

// New makes a Runner, which tells the logger of what fails, and failed, unless that is nil,
// after which run and why. It must be closed.
func New(logger *slog.Logger, failed func(l engine.Launch, why string)) *Runner {
	ctx, cancel := context.WithCancel(context.Background())
	return &Runner{logger: logger, failed: failed, ctx: ctx, cancel: cancel, turns: make(chan struct{}, atOnce)}
}

// Wait waits for the lines under way, also for new ones meanwhile, no longer than Close
// does. It is for a caller that continues until then.
func (r *Runner) Wait() {
	select {
	case <-r.ended():
	case <-time.After(r.bound()):
	}
}

// bound is how much longer lines may take at the end: atEnd since the first to ask, or since
// the last line that came after that.
func (r *Runner) bound() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waited.IsZero() {
		r.waited = time.Now()
	}
	since := r.waited
	if r.last.After(since) {
		since = r.last
	}
	return atEnd - time.Since(since)
}

// Close waits for the lines under way, within a bound: then they are killed, and waiting
// lines are not run. The time of Wait counts, unless lines came after it.
func (r *Runner) Close() {
	timer := time.AfterFunc(r.bound(), r.cancel)
	defer timer.Stop()
	<-r.ended()
	r.cancel()
}

// ended is closed once no line is under way.
func (r *Runner) ended() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running == 0 {
		none := make(chan struct{})
		close(none)
		return none
	}
	if r.idle == nil {
		r.idle = make(chan struct{})
	}
	return r.idle
}

// count counts the calls of Run.
func (r *Runner) count(by int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running += by; by > 0 {
		r.last = time.Now()
	}
	if r.running == 0 && r.idle != nil {
		close(r.idle)
		r.idle = nil
	}
}

// Run runs the lines one after the other, and returns at once. One that fails keeps
// none from running.
func (r *Runner) Run(shell engine.Shell, l engine.Launch, lines []string) {
	r.count(1)
	go func() {
		defer r.count(-1)
		for _, line := range lines {
			r.run(shell, l, line)
		}
	}()
}

// run runs the line in its turn, and logs how it fails.
func (r *Runner) run(shell engine.Shell, l engine.Launch, line string) {
	select {
	case r.turns <- struct{}{}:
		defer func() { <-r.turns }()
	case <-r.ctx.Done():
	}
	if r.ctx.Err() != nil { // also where there was a turn
		r.logger.Warn("a hook was not run: the supervisor has ended", "task", l.Spec.Name, "hook", line)
		return
	}
	output, exit, err := r.exec(shell, l, line)
	if err == nil && exit.OK() {
		return
	}
	why, text := []any{"code", exit.Code}, fmt.Sprintf("exit code %d", exit.Code)
	switch {
	case err != nil:
		why, text = []any{"err", err}, err.Error()
	case exit.Signal != 0:
		why, text = []any{"signal", task.SignalName(exit.Signal)}, task.SignalName(exit.Signal)
	}
	output = strings.TrimSpace(output)
	r.logger.With("task", l.Spec.Name, "hook", line).Warn("a hook failed", append(why, "output", output)...)
	if r.failed == nil {
		return
	}
	if output != "" {
		text += ": " + output[strings.LastIndexByte(output, '\n')+1:]
	}
	r.failed(l, fmt.Sprintf("the hook %s failed: %s", shortened(line), text))
}

// shortened is a line as errors name it.
func shortened(line string) string {
	const most = 60
	line = strings.Join(strings.Fields(line), " ")
	if runes := []rune(line); len(runes) > most {
		line = string(runes[:most-1]) + "…"
	}
	return "'" + line + "'"
}

// exec executes the line. What cannot begin now is tried again.
func (r *Runner) exec(shell engine.Shell, l engine.Launch, line string) (output string, exit task.Exit, err error) {
	for wait, began := firstRetry, time.Now(); ; wait = min(2*wait, lastRetry) {
		ctx, cancel := context.WithTimeout(r.ctx, Timeout)
		output, exit, err = shell.Exec(ctx, l, line)
		cancel()
		switch {
		case !room.OutOfResources(err):
			return output, exit, err
		case time.Since(began) > tries:
			return output, exit, fmt.Errorf("given up: %w", err)
		case wait == firstRetry:
			r.logger.Warn("a hook cannot begin; it is tried again", "task", l.Spec.Name, "hook", line, "err", err)
		}
		select {
		case <-time.After(wait):
		case <-r.ctx.Done():
			return output, exit, fmt.Errorf("given up as the supervisor ends: %w", err)
		}
	}
}
