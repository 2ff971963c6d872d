// Package hooks is a bounded runner of hook lines, which follow the ends of runs.
package hooks

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
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
	atOnce  = 8                // runs whose lines are run; others wait for their turn
	ofTask  = 10               // runs of a task that wait
	inAll   = 10_000           // runs of all tasks that wait
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

	mu      sync.Mutex
	running int            // runs whose lines are run
	waiting []*lines       // for their turn, the oldest first; none while running is less than atOnce
	byTask  map[string]int // how many of waiting a task has
	idle    chan struct{}  // closed when running is 0 again; nil: nobody waits
	last    time.Time      // call of Run
	waited  time.Time      // since Wait or Close was called; zero: neither was
}

// lines are what follows the end of one run.
type lines struct {
	shell   engine.Shell
	launch  engine.Launch
	lines   []string
	leftOut int // runs before it whose lines are not run
}

func (l *lines) task() string { return l.launch.Spec.Name }

// New makes a Runner, which tells the logger of what fails, and failed, unless that is nil,
// after which run and why. It must be closed.
func New(logger *slog.Logger, failed func(l engine.Launch, why string)) *Runner {
	ctx, cancel := context.WithCancel(context.Background())
	return &Runner{logger: logger, failed: failed, ctx: ctx, cancel: cancel, byTask: make(map[string]int)}
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

// Run runs the lines one after the other, and returns at once. One that fails keeps
// none from running. Where too many wait, those of the oldest run are left out.
func (r *Runner) Run(shell engine.Shell, l engine.Launch, all []string) {
	next := &lines{shell: shell, launch: l, lines: all}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = time.Now()
	if r.running < atOnce {
		r.running++
		go r.work(next)
		return
	}
	r.waiting = append(r.waiting, next)
	r.byTask[next.task()]++
	var crowd func(*lines) bool
	switch {
	case r.byTask[next.task()] > ofTask:
		crowd = func(w *lines) bool { return w.task() == next.task() }
	case len(r.waiting) > inAll:
		crowd = func(*lines) bool { return true }
	default:
		return
	}
	gone := r.removeLocked(slices.IndexFunc(r.waiting, crowd))
	r.waiting[slices.IndexFunc(r.waiting, crowd)].leftOut += gone.leftOut + 1
}

// work runs the lines, and then what waits.
func (r *Runner) work(l *lines) {
	for ; l != nil; l = r.nextWaiting() {
		if l.leftOut > 0 {
			r.report(l)
		}
		for _, line := range l.lines {
			r.run(l.shell, l.launch, line)
		}
	}
}

// nextWaiting removes the oldest lines that wait; nil: there are none, and one fewer runs.
func (r *Runner) nextWaiting() *lines {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.waiting) > 0 {
		return r.removeLocked(0)
	}
	if r.running--; r.running == 0 && r.idle != nil {
		close(r.idle)
		r.idle = nil
	}
	return nil
}

func (r *Runner) removeLocked(at int) *lines {
	l := r.waiting[at]
	r.waiting = slices.Delete(r.waiting, at, at+1)
	if r.byTask[l.task()]--; r.byTask[l.task()] == 0 {
		delete(r.byTask, l.task())
	}
	return l
}

// report says how many runs before the one of l were left out.
func (r *Runner) report(l *lines) {
	r.logger.Warn("hooks were not run: too many waited for their turn", "task", l.task(), "before", l.launch.Run, "runs", l.leftOut)
	if r.failed != nil {
		r.failed(l.launch, fmt.Sprintf("hooks of %d runs before this one were not run: too many waited for their turn", l.leftOut))
	}
}

// run runs the line, and logs how it fails.
func (r *Runner) run(shell engine.Shell, l engine.Launch, line string) {
	if r.ctx.Err() != nil {
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
