package supervisor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tasks/internal/fault"
	"tasks/internal/lifecycle"
	"tasks/pkg/task"
)

// saveRetry is how long after a failed save the next one is tried.
const saveRetry = 2 * time.Second

// recordDelay is how long the run of a job that has waited for its slot goes
// unrecorded: many are over by then, and take one save in place of two.
// If the supervisor dies meanwhile the next one ends the run, and begins it anew.
const recordDelay = 20 * time.Millisecond

// settle notes in the history how the run ended.
func (a *actor) settle() {
	fault.At("ended")
	r := &a.history[len(a.history)-1]
	last := a.machine.Last
	r.EndedAt, r.State, r.Reason, r.Stack = task.Now(), last.State, a.why(), last.Exit.Stack
	r.TimedOut = last.Cause == lifecycle.Timeout || last.Cause == lifecycle.Unready
	switch e := last.Exit; {
	case e.Lost:
	case e.Signal != 0:
		r.Signal = task.SignalName(e.Signal)
	default:
		r.ExitCode = new(e.Code)
	}
	a.proc, a.exited, a.gone = nil, nil, nil
	if a.checks != nil {
		a.checks.Close()
		a.checks = nil
	}
	a.hook(r.State, r.Run, exitText(r))
	if keeper, ok := a.sup.opts.Logs.(LogKeeper); ok {
		keeper.Done(a.name, a.run)
	}
}

// after saves what must not be lost, shows it, and then answers callers: what
// is acknowledged is durable.
func (a *actor) after(was lifecycle.Machine, kind lifecycle.Kind, settled, stuck bool) {
	before, phase := was.Phase, a.machine.Phase
	blocked := kind == lifecycle.DidBlock && phase != lifecycle.Waiting
	changed := settled || blocked || before != phase // a start may lead from over to over
	if blocked {
		a.hook(task.Failed, a.run, "")
	}
	if phase == lifecycle.Over && changed {
		if a.due.Stop(); a.machine.Last.Cause != lifecycle.Shutdown { // else the next supervisor goes by it
			a.due.At = time.Time{}
		}
		if !a.machine.Begun {
			a.rested = task.Now()
		}
	}
	a.reason = a.because(phase, changed)
	var err error
	began := kind == lifecycle.DidBegin // of an adopted run the record says all
	turned := kind == lifecycle.DoPause || kind == lifecycle.DoResume || kind == lifecycle.DidReady
	switch {
	case began && a.brief(), kind == lifecycle.DidLack && phase == lifecycle.Queued && len(a.begins) == 0: // as it was before, and maybe no room
		a.unsaved = time.After(recordDelay)
	case began || settled || turned || !phase.Live() && was != a.machine:
		err = a.save()
	}
	accepted := began || phase.Pending()
	if accepted && err != nil && len(a.begins) > 0 && !a.machine.Unasked { // else nothing is acknowledged
		a.refused = err
	}
	if began {
		fault.At("recorded")
	}
	if was != a.machine {
		a.show()
	}
	a.answer(kind, settled || phase == lifecycle.Over, stuck, err)
	if accepted && a.refused != nil {
		a.input(lifecycle.Input{Kind: lifecycle.DoStop, Cause: lifecycle.Stop, Now: true, Grace: -1})
	}
}

// brief tells whether the run that begins is that of a job from the queue, of which
// nobody is told: it may be over soon.
func (a *actor) brief() bool {
	return a.machine.Unasked && a.slot > 0 && !a.spec.Service() && len(a.begins) == 0
}

// because says why the state is what it is; changed tells that it was not before.
func (a *actor) because(phase lifecycle.Phase, changed bool) string {
	m := &a.machine
	switch phase {
	case lifecycle.Waiting:
		return a.waitsFor()
	case lifecycle.Queued:
		if a.lack != "" {
			return "cannot begin yet: " + a.lack
		}
		return "waits for a slot of " + a.spec.Group
	case lifecycle.Sleeping:
		if !m.Begun && m.Last.Exit.Err == "" {
			return ""
		}
		return a.why()
	case lifecycle.Backoff:
		return a.why()
	case lifecycle.Over:
		if changed {
			return a.why()
		}
		return a.shown.Load().info.Reason // as it was
	}
	if err := a.stopErr(); err != nil && phase == lifecycle.Stuck {
		asked := *m
		asked.Phase = lifecycle.Stopping
		return asked.Doing(a.policy) + "; " + err.Error()
	}
	return m.Doing(a.policy)
}

// answer tells the callers whose operation has come to its end.
func (a *actor) answer(kind lifecycle.Kind, over, stuck bool, saved error) {
	info := &a.shown.Load().info
	reply := func(calls *[]*Call, err error) {
		for _, c := range *calls {
			c.answer(info, err)
		}
		*calls = nil
	}
	if saved != nil {
		saved = fmt.Errorf("cannot record that %s is %s: %w", a.name, info.State, saved)
		a.sup.opts.Logger.Error("cannot save a task", "task", a.name, "err", saved)
	}
	pending := a.machine.Phase.Pending()
	if over || pending && a.machine.Cause == lifecycle.Shutdown {
		reply(&a.ends, saved)
	}
	reply(&a.turns, saved)
	unbegun := (kind == lifecycle.DidFail || kind == lifecycle.DidLack && !pending) && !a.machine.Phase.Live()
	switch {
	case unbegun && a.machine.Phase == lifecycle.Backoff:
		reply(&a.begins, task.Errorf(nil, a.name, "cannot start %s yet, it is tried again: %s", a.name, a.history[len(a.history)-1].Reason))
	case unbegun: // also of a schedule that goes on
		reply(&a.begins, task.Errorf(nil, a.name, "cannot start %s: %s", a.name, a.history[len(a.history)-1].Reason))
	case pending && a.refused == nil:
		reply(&a.begins, nil)
	case kind == lifecycle.DidBlock && over:
		reply(&a.begins, task.Errorf(nil, a.name, "cannot start %s: %s", a.name, a.reason))
	case stuck:
		err := task.Errorf(task.ErrTimeout, a.name, "Task %s did not end: %s", a.name, a.whatIsLeft())
		reply(&a.ends, err)
		reply(&a.begins, err)
	case kind == lifecycle.DidBegin && a.refused == nil && a.machine.Cause != lifecycle.Restart:
		reply(&a.begins, nil)
	case over && a.machine.Phase == lifecycle.Over && a.refused != nil: // not before: nothing may be left of it
		reply(&a.begins, fmt.Errorf("cannot start %s: %w", a.name, a.refused))
	case over && a.machine.Phase == lifecycle.Over:
		reply(&a.begins, task.Errorf(task.ErrConflict, a.name, "Task %s was stopped before it began again.", a.name))
	}
}

// stopErr is why some of the run was not reached by its stop.
func (a *actor) stopErr() error {
	if r, ok := a.proc.(task.StopReporter); ok {
		return r.StopErr()
	}
	return nil
}

// whatIsLeft says why a run has not ended although it was killed.
func (a *actor) whatIsLeft() string {
	if err := a.stopErr(); err != nil {
		return err.Error() + "; trying again"
	}
	if a.proc == nil || a.proc.Ref().PID == 0 {
		return "its function does not return"
	}
	t, ok := a.proc.(task.Tree)
	if !ok {
		return fmt.Sprintf("process %d is still there after KILL", a.proc.Ref().PID)
	}
	left := t.Left()
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

// why says how the last run that is over came to its end.
func (a *actor) why() string {
	if a.refused != nil {
		return a.refused.Error()
	}
	return a.machine.Why(a.policy)
}

// save returns when the task's record is durable. Where that fails it is tried
// again later, whoever is told: a full disk may have room by then.
func (a *actor) save() error {
	a.unsaved = nil
	if a.sup.opts.Store == nil {
		return nil
	}
	r := task.Record{
		Spec: a.spec, Engine: a.engineName(), Wish: a.machine.Wish, State: a.machine.Public(), Restarts: a.machine.Restarts,
		Reason: a.reason, NextAt: wall(a.due.At), Queued: a.queued, Waits: a.machine.Phase == lifecycle.Waiting, Fresh: a.machine.Phase.Pending() && !a.machine.Begun, Rested: a.rested, Slot: a.slot,
		Ready: a.machine.Phase == lifecycle.Running || a.machine.Phase == lifecycle.Paused, Shutdown: a.machine.Last.Cause == lifecycle.Shutdown && a.machine.Phase == lifecycle.Over,
		Runs: slices.Clone(a.history), Unknown: a.unknown,
	}
	if a.proc != nil {
		r.Ref = a.proc.Ref()
	}
	err := a.sup.opts.Store.Save(r)
	a.failed = err != nil
	if a.failed {
		a.unsaved = time.After(saveRetry)
	}
	return err
}

// wall is t as it is stored.
func wall(t time.Time) task.Time {
	if t.IsZero() {
		return task.Time{}
	}
	return task.Time{Time: t.UTC().Round(0)}
}

// saveLate saves what was put off, or could not be saved before, unless the run is
// about to begin or to end: that will be saved then.
func (a *actor) saveLate() {
	a.unsaved = nil
	if p := a.machine.Phase; p.Live() && !p.Up() {
		return
	}
	again := a.failed
	switch err := a.save(); {
	case err == nil && again:
		a.sup.opts.Logger.Info("saved a task at last", "task", a.name)
	case err != nil && !again:
		a.sup.opts.Logger.Error("cannot save a task", "task", a.name, "err", err)
	}
}

// restarting tells whether the record is of a restart under way.
func restarting(r task.Record) bool {
	return r.Wish == task.Up && (r.State == task.Stopping || r.State == task.Starting && r.Ref == (task.Ref{}))
}

func (a *actor) engineName() string {
	if a.fn != nil || len(a.spec.Command) == 0 {
		return task.EngineFunc
	}
	return task.EngineProcess
}

// A snapshot is a task at one moment, for everybody to read.
type snapshot struct {
	info task.Info // without Runs
	runs []task.Run
	env  task.Env
	proc task.Process // the present run, or nil

	replaced bool // it is stopped for another start
}

// show publishes a new snapshot.
func (a *actor) show() {
	m := &a.machine
	now := &snapshot{runs: slices.Clone(a.history), env: a.spec.Env, proc: a.proc, replaced: a.replacing, info: task.Info{
		Name: a.name, State: m.Public(), Wish: m.Wish, Engine: a.engineName(), Group: a.spec.Group, Command: a.spec.Command,
		Cwd: a.spec.Cwd, Run: a.run, Restarts: m.Restarts, Reason: a.reason, NextAt: a.next, Spec: a.spec.Shown(),
		Priority: a.spec.Priority, After: a.spec.After, Slot: a.slot,
	}}
	info := &now.info
	if info.NextAt.IsZero() {
		info.NextAt = wall(a.due.At)
	}
	if a.proc != nil {
		info.PID = a.proc.Ref().PID
	}
	switch m.Phase {
	case lifecycle.Running, lifecycle.Paused:
		info.Ready = new(true)
	case lifecycle.Starting, lifecycle.Probing:
		info.Ready = new(false)
	}
	if !m.Begun && m.Phase != lifecycle.Idle {
		info.EndedAt = a.rested
	} else if n := len(a.history); n > 0 {
		r := a.history[n-1]
		info.StartedAt, info.EndedAt, info.ExitCode, info.Signal = r.StartedAt, r.EndedAt, r.ExitCode, r.Signal
		info.TimedOut = r.TimedOut
	}
	info.Log = a.logPath()
	a.shown.Store(now)
	a.sup.hub.publish(info, false)
	a.sup.order.Changed(a.name)
}

// logPath is the log of the last run, or "".
func (a *actor) logPath() string {
	if logs := a.sup.opts.Logs; logs != nil && a.run > 0 {
		return logs.Path(a.name, a.run)
	}
	return ""
}

// ran is how long the present run has lasted.
func (a *actor) ran() time.Duration {
	if a.since.IsZero() {
		return 0
	}
	return time.Since(a.since)
}
