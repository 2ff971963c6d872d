package supervisor

import (
	"fmt"
	"strings"
	"time"

	"tasks/internal/lifecycle"
	"tasks/pkg/engine"
	"tasks/pkg/task"
)

// A snapshot is a task at one moment, for everybody to read.
type snapshot struct {
	info task.Info // without Runs
	runs []task.Run
	env  task.Env
	next task.Env       // of the next run
	proc engine.Process // the present run, or nil

	output *output // of the runs, where it is in memory
}

// show publishes a new snapshot.
func (a *actor) show() {
	s, past, spec := &a.state, &a.past, &a.role.spec
	now := &snapshot{runs: past.history, env: spec.Env, next: a.role.latest().Env, proc: a.run.proc, output: a.past.output, info: task.Info{
		Name: a.name, State: s.Public(), Desired: s.Desired, Engine: a.engineName(), Group: spec.Group, Command: spec.Command,
		Cwd: spec.Cwd, Run: past.run, Restarts: s.Series.Restarts, Reason: past.reason, NextAt: a.clocks.next, Spec: spec.Shown(),
		Priority: spec.Priority, After: spec.After, Slot: a.ahead.slot,
	}}
	info := &now.info
	if a.role.edited != nil {
		info.Edited = new(a.role.edited.spec.Shown())
	}
	if a.needs().Tasks {
		info.WaitsFor = a.waitedFor()
	}
	switch {
	case s.Disabled:
		info.Disabled, info.NextAt = true, task.Time{}
	case info.NextAt.IsZero():
		info.NextAt = wall(a.clocks.due.At)
	}
	if a.run.proc != nil {
		info.PID = a.run.proc.Ref().PID
	}
	if ready, is := s.IsReady(); is {
		info.Ready = &ready
	}
	if n := len(past.history); !s.Series.Ran {
		info.EndedAt = past.rested
	} else if n > 0 {
		r := past.history[n-1]
		info.StartedAt, info.EndedAt, info.ExitCode, info.Signal = r.StartedAt, r.EndedAt, r.ExitCode, r.Signal
		info.TimedOut = r.TimedOut
		if lasted := r.EndedAt.Sub(r.StartedAt.Time); lasted >= 0 {
			info.Duration = new(task.Duration(lasted.Round(time.Millisecond)))
		}
	}
	info.LastExit, info.Zone = a.lastExit(now.runs), a.role.zone
	info.Log = a.logPath()
	a.shown.Store(now)
	a.sup.hub.publish(info, false)
	a.sup.order.Changed(a.name)
	a.belongTo(spec.Group)
}

// belongTo makes the task one of a group; "": of none.
func (a *actor) belongTo(group string) {
	if forgotten := a.sup.queues.Belong(a.place, group); forgotten != "" {
		a.sup.forgetGroup(forgotten)
	}
}

// lastExit is the last of runs that has ended, where it says more than the task does.
func (a *actor) lastExit(runs []task.Run) *task.Run {
	if !a.role.spec.Repeats() && a.state.Public().Ended() {
		return nil
	}
	for i := len(runs) - 1; i >= 0; i-- {
		if runs[i].State != "" {
			return &runs[i]
		}
	}
	return nil
}

// logPath is the log of the last run, or "". It is asked for once per run: a keeper looks at
// its directory.
func (a *actor) logPath() string {
	logs := a.sup.opts.Logs
	if logs == nil || a.past.run == 0 {
		return ""
	}
	if a.past.logOf != a.past.run {
		if a.past.log = logs.Path(a.name, a.past.run); a.past.log == "" {
			return "" // for now
		}
		a.past.logOf = a.past.run
	}
	return a.past.log
}

// explain says why the state is what it is. What was said of an end stays.
func (a *actor) explain() {
	if a.past.explained == a.state.Armed && a.state.Inactive() {
		return
	}
	a.past.explained = a.state.Armed
	a.past.reason = a.because()
}

func (a *actor) because() string {
	switch needs := a.needs(); {
	case needs.Tasks:
		return a.waitsFor()
	case a.state.Inactive() && !a.state.Disabled:
		return a.why()
	case a.ahead.missing != "" && !a.state.Inactive() && !a.state.Asleep():
		return "cannot begin yet: " + a.ahead.missing
	case needs.Slot == lifecycle.InQueue:
		return a.whyQueued()
	}
	unreached := ""
	if err := a.stopErr(); err != nil {
		unreached = err.Error()
	}
	return a.state.Reason(a.past.policy, unreached)
}

func (a *actor) whyQueued() string {
	name := a.role.spec.Group
	if group, _ := a.sup.queues.Get(name); group.Paused {
		return fmt.Sprintf("group %s is paused: resume it with 'tasks group resume %s'", name, name)
	}
	return "waits for a slot of " + name
}

// why says how the last run that is over came to its end.
func (a *actor) why() string {
	switch {
	case a.state.Run.Refused && a.past.refused != nil:
		return a.past.refused.Error()
	case a.state.Last.State == task.Lost && a.past.lost != "":
		return a.past.lost
	}
	why, spec := a.state.Why(a.past.policy), &a.role.spec
	if a.state.Last.State == task.Stopped && !a.state.Series.Ran && a.sup.failures.givenUp(spec) {
		why += fmt.Sprintf(": --fail-fast=%d", spec.FailFast)
	}
	return why
}

// stopErr is why some of the run was not reached by its stop.
func (a *actor) stopErr() error {
	if r, ok := a.run.proc.(engine.StopReporter); ok {
		return r.StopErr()
	}
	return nil
}

// whatIsLeft says why a run has not ended although it was killed.
func (a *actor) whatIsLeft() string {
	if err := a.stopErr(); err != nil {
		return err.Error() + "; trying again"
	}
	if a.run.proc == nil || a.run.proc.Ref().PID == 0 {
		return "its function does not return"
	}
	t, ok := a.run.proc.(engine.Tree)
	if !ok {
		return fmt.Sprintf("process %d is still there after KILL", a.run.proc.Ref().PID)
	}
	left := t.Remaining()
	if len(left) == 0 { // they cannot be listed, or are about to be gone
		return "still there after KILL"
	}
	const most = 5
	var named []string
	for _, p := range left[:min(len(left), most)] {
		name := fmt.Sprintf("%d %s", p.PID, strings.Join(p.Command, " "))
		if p.Blocked {
			name += " (in uninterruptible sleep)"
		}
		named = append(named, name)
	}
	if n := len(left) - most; n > 0 {
		named = append(named, fmt.Sprintf("%d more", n))
	}
	return "still there after KILL: " + strings.Join(named, ", ")
}
