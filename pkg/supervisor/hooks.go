package supervisor

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"tasks/pkg/task"
)

// The bounds of hooks.
const (
	HookTimeout = time.Minute      // a hook that takes longer is killed
	hooksAtOnce = 8                // others wait for their turn
	hooksAtEnd  = 10 * time.Second // what the end of the supervisor grants those under way

	// How long one that cannot begin for want of descriptors or memory is tried again.
	hookTries                     = 5 * time.Minute
	firstHookRetry, lastHookRetry = 100 * time.Millisecond, 5 * time.Second
)

// hooks runs the lines that are to follow the ends of runs.
type hooks struct {
	ctx     context.Context
	cancel  context.CancelFunc
	turns   chan struct{}
	running sync.WaitGroup
}

func (h *hooks) open() {
	h.ctx, h.cancel = context.WithCancel(context.Background())
	h.turns = make(chan struct{}, hooksAtOnce)
}

// close waits for the hooks under way, within a bound.
func (h *hooks) close() {
	timer := time.AfterFunc(hooksAtEnd, h.cancel)
	defer timer.Stop()
	h.running.Wait()
	h.cancel()
}

// hook runs what the spec, and its group, want done after a run that has ended in
// that state, beside the loop.
func (a *actor) hook(state task.State, run int, exit string) {
	failed := state == task.Failed || state == task.Lost
	var lines []string
	for _, h := range []task.Hooks{a.spec.Hooks, a.sup.groupHooks(a.spec.Group)} {
		if h.OnExit != "" {
			lines = append(lines, h.OnExit)
		}
		if h.OnFailure != "" && failed {
			lines = append(lines, h.OnFailure)
		}
	}
	shell, ok := a.engine.(task.Shell)
	if lines == nil || !ok {
		return
	}
	l := task.Launch{Spec: new(a.spec), Run: run, Slot: a.slot, Env: []string{"TASKS_STATE=" + string(state), "TASKS_EXIT=" + exit}}
	a.sup.hooks.running.Go(func() {
		for _, line := range lines {
			a.sup.runHook(shell, l, line)
		}
	})
}

func (s *Supervisor) groupHooks(name string) task.Hooks {
	if name == "" {
		return task.Hooks{}
	}
	g, _ := s.queues.Get(name)
	return g.Hooks
}

func (s *Supervisor) runHook(shell task.Shell, l task.Launch, line string) {
	select {
	case s.hooks.turns <- struct{}{}:
		defer func() { <-s.hooks.turns }()
	case <-s.hooks.ctx.Done():
		s.opts.Logger.Warn("a hook was not run: the supervisor has ended", "task", l.Spec.Name, "hook", line)
		return
	}
	output, exit, err := s.execHook(shell, l, line)
	if err == nil && exit.OK() {
		return
	}
	why := []any{"code", exit.Code}
	switch {
	case err != nil:
		why = []any{"err", err}
	case exit.Signal != 0:
		why = []any{"signal", task.SignalName(exit.Signal)}
	}
	s.opts.Logger.With("task", l.Spec.Name, "hook", line).Warn("a hook failed", append(why, "output", strings.TrimSpace(output))...)
}

// execHook runs the line. What cannot begin now is tried again.
func (s *Supervisor) execHook(shell task.Shell, l task.Launch, line string) (output string, exit task.Exit, err error) {
	for wait, began := firstHookRetry, time.Now(); ; wait = min(2*wait, lastHookRetry) {
		ctx, cancel := context.WithTimeout(s.hooks.ctx, HookTimeout)
		output, exit, err = shell.Exec(ctx, l, line)
		cancel()
		switch {
		case !lacks(err):
			return output, exit, err
		case time.Since(began) > hookTries:
			return output, exit, fmt.Errorf("given up: %w", err)
		case wait == firstHookRetry:
			s.opts.Logger.Warn("a hook cannot begin; it is tried again", "task", l.Spec.Name, "hook", line, "err", err)
		}
		select {
		case <-time.After(wait):
		case <-s.hooks.ctx.Done():
			return output, exit, fmt.Errorf("given up as the supervisor ends: %w", err)
		}
	}
}

// exitText is the exit of a run as its hooks are told: its code, or the name of a
// signal; "" where it is not known.
func exitText(r *task.Run) string {
	if r.ExitCode != nil {
		return strconv.Itoa(*r.ExitCode)
	}
	return r.Signal
}
