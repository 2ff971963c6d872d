package supervisor

import (
	"strconv"

	"tasks/internal/hooks"
	"tasks/pkg/engine"
	"tasks/pkg/task"
)

// HookTimeout is how long a hook may take; then it is killed.
const HookTimeout = hooks.Timeout

// hook runs what the spec, and its group, want done after a run that has ended in
// that state, beside the loop. Also of a function it is a line of commands.
func (a *actor) hook(state task.State, run int, exit string) {
	lines := hooks.Lines(state, a.role.spec.Hooks, a.sup.groupHooks(a.role.spec.Group))
	shell, ok := a.sup.opts.Commands.(engine.Shell)
	if lines == nil || !ok {
		return
	}
	a.sup.hooks.Run(shell, engine.Launch{Spec: new(a.role.spec), Run: run, Slot: a.ahead.slot, Env: []string{"TASKS_STATE=" + string(state), "TASKS_EXIT=" + exit}}, lines)
}

// hookFailed is what a failed hook is reported to, or nil.
func hookFailed(o Options) func(engine.Launch, string) {
	if o.HookFailed == nil {
		return nil
	}
	return func(l engine.Launch, why string) { o.HookFailed(l.Spec, l.Run, why) }
}

// checkHooks is an ErrUsage for hooks that nothing here can run.
func (s *Supervisor) checkHooks(name string, h task.Hooks) error {
	if _, ok := s.opts.Commands.(engine.Shell); ok || h.OnExit == "" && h.OnFailure == "" {
		return nil
	}
	return task.Errorf(task.ErrUsage, name, "this supervisor runs no hooks")
}

func (s *Supervisor) groupHooks(name string) task.Hooks {
	if name == "" {
		return task.Hooks{}
	}
	g, _ := s.queues.Get(name)
	return g.Hooks
}

// exitText is the exit of a run for its hooks: its code, or the name of a
// signal; "" where it is not known.
func exitText(r *task.Run) string {
	if r.ExitCode != nil {
		return strconv.Itoa(*r.ExitCode)
	}
	return r.Signal
}
