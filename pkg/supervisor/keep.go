package supervisor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"tasks/internal/fault"
	"tasks/internal/lifecycle"
	"tasks/pkg/task"
)

// saveRetry is how long after a failed save the next one is tried.
const saveRetry = 2 * time.Second

// settle notes in the history how the run ended.
func (a *actor) settle() {
	fault.At("ended")
	r := &a.history[len(a.history)-1]
	last := a.machine.Last
	r.EndedAt, r.State, r.Reason, r.Stack = task.Now(), last.State, a.why(), last.Exit.Stack
	r.TimedOut = last.Cause == lifecycle.Timeout
	switch e := last.Exit; {
	case e.Lost:
	case e.Signal != 0:
		r.Signal = task.SignalName(e.Signal)
	default:
		r.ExitCode = new(e.Code)
	}
	a.proc, a.exited, a.gone = nil, nil, nil
	if keeper, ok := a.sup.opts.Logs.(LogKeeper); ok {
		keeper.Done(a.name, a.run)
	}
}

// after saves what must not be lost, shows it, and then answers callers: what
// is acknowledged is durable.
func (a *actor) after(was lifecycle.Machine, kind lifecycle.Kind, settled, stuck bool) {
	before, phase := was.Phase, a.machine.Phase
	a.reason = a.machine.Doing(a.policy)
	if phase == lifecycle.Backoff || phase == lifecycle.Over && (settled || before != phase) {
		a.reason = a.why()
	} else if phase == lifecycle.Over {
		a.reason = a.shown.Load().info.Reason // as it was
	}
	var err error
	began := kind == lifecycle.DidBegin // of an adopted run the record says all
	if began || settled || !phase.Live() && was != a.machine {
		err = a.save()
	}
	if began && err != nil && len(a.begins) > 0 && !a.machine.Unasked { // else nothing is acknowledged
		a.refused = err
	}
	if began {
		fault.At("recorded")
	}
	if was != a.machine {
		a.show()
	}
	a.answer(kind, settled || phase == lifecycle.Over, stuck, err)
	if began && a.refused != nil {
		a.input(lifecycle.Input{Kind: lifecycle.DoStop, Cause: lifecycle.Stop, Now: true, Grace: -1})
	}
}

// answer tells the callers whose operation has come to its end.
func (a *actor) answer(kind lifecycle.Kind, over, stuck bool, saved error) {
	info := a.shown.Load().info
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
	if over {
		reply(&a.ends, saved)
	}
	switch {
	case stuck:
		err := task.Errorf(task.ErrTimeout, a.name, "Task %s did not end: %s", a.name, a.whatIsLeft())
		reply(&a.ends, err)
		reply(&a.begins, err)
	case kind == lifecycle.DidFail && !a.machine.Phase.Live():
		reply(&a.begins, task.Errorf(nil, a.name, "cannot start %s: %s", a.name, a.history[len(a.history)-1].Reason))
	case kind == lifecycle.DidBegin && a.refused == nil && a.machine.Cause != lifecycle.Restart:
		reply(&a.begins, nil)
	case over && a.machine.Phase == lifecycle.Over && a.refused != nil: // not before: nothing may be left of it
		reply(&a.begins, fmt.Errorf("cannot start %s: %w", a.name, a.refused))
	case over && a.machine.Phase == lifecycle.Over:
		reply(&a.begins, task.Errorf(task.ErrConflict, a.name, "Task %s was stopped before it began again.", a.name))
	}
}

func (a *actor) whatIsLeft() string {
	if a.proc == nil || a.proc.Ref().PID == 0 {
		return "its function does not return"
	}
	var left []task.Proc
	if t, ok := a.proc.(task.Tree); ok {
		left = t.Left()
	}
	if len(left) == 0 {
		return fmt.Sprintf("process %d is still there after KILL", a.proc.Ref().PID)
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
		Reason: a.reason, Shutdown: a.machine.Last.Cause == lifecycle.Shutdown && a.machine.Phase == lifecycle.Over,
		Runs: slices.Clone(a.history),
	}
	if a.proc != nil {
		r.Ref = a.proc.Ref()
	}
	err := a.sup.opts.Store.Save(r)
	if err != nil {
		a.unsaved = time.After(saveRetry)
	}
	return err
}

// saveAgain saves what could not be saved before, unless the run is about to
// begin or to end: that will be saved then.
func (a *actor) saveAgain() {
	a.unsaved = nil
	if p := a.machine.Phase; p.Live() && p != lifecycle.Running {
		return
	}
	if a.save() == nil {
		a.sup.opts.Logger.Info("saved a task at last", "task", a.name)
	}
}

// intend records a restart before it begins: one that a death of the supervisor
// cuts in two must not leave the task ended. Where that cannot be recorded the
// restart goes on.
func (a *actor) intend() {
	if err := a.save(); err != nil {
		a.sup.opts.Logger.Error("cannot save a task", "task", a.name, "err", err)
	}
	fault.At("intended")
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
}

// show publishes a new snapshot.
func (a *actor) show() {
	m := &a.machine
	now := &snapshot{runs: slices.Clone(a.history), env: a.spec.Env, proc: a.proc, info: task.Info{
		Name: a.name, State: m.Public(), Wish: m.Wish, Engine: a.engineName(), Group: a.spec.Group, Command: a.spec.Command,
		Cwd: a.spec.Cwd, Run: a.run, Restarts: m.Restarts, Reason: a.reason, NextAt: a.next, Spec: a.spec.Shown(),
	}}
	info := &now.info
	if a.proc != nil {
		info.PID = a.proc.Ref().PID
	}
	if n := len(a.history); n > 0 {
		r := a.history[n-1]
		info.StartedAt, info.EndedAt, info.ExitCode, info.Signal = r.StartedAt, r.EndedAt, r.ExitCode, r.Signal
		info.TimedOut = r.TimedOut
		if logs := a.sup.opts.Logs; logs != nil {
			info.Log = logs.Path(a.name, a.run)
		}
	}
	a.shown.Store(now)
	a.sup.hub.publish(*info, false)
}

// restore makes the actor what the record says, and tells whether the task is
// to be started again. It runs before the loop.
func (a *actor) restore(ctx context.Context, r task.Record) (again bool) {
	var fn Func
	if r.Engine == task.EngineFunc && len(r.Spec.Command) == 0 {
		fn = a.sup.opts.Builtin
	}
	a.adoptSpec(r.Spec, fn)
	a.history, a.machine.Wish, a.machine.Restarts, a.reason = slices.Clone(r.Runs), r.Wish, r.Restarts, r.Reason
	if n := len(r.Runs); n > 0 {
		a.run = r.Runs[n-1].Run
	}
	live := !r.State.Ended() && r.State != task.BackingOff && len(r.Runs) > 0
	var err error
	if live {
		if err = a.reclaim(ctx, r); err == nil {
			return false
		}
	}
	m := &a.machine
	m.Phase, m.Last.State = lifecycle.Over, r.State
	switch {
	case live:
		m.Last = lifecycle.Ending{State: task.Lost, Exit: task.Exit{Lost: true}}
		a.settle()
		a.reason = lostBecause(r, err)
		a.history[len(a.history)-1].Reason = a.reason
	case r.State == task.BackingOff:
		m.Last.State = task.Stopped
	case !r.State.Ended():
		m.Last.State = task.Lost
	}
	if r.Shutdown {
		m.Last.Cause = lifecycle.Shutdown
	}
	if live || r.State == task.BackingOff {
		if err := a.save(); err != nil {
			a.sup.opts.Logger.Error("cannot save a task", "task", a.name, "err", err)
		}
	}
	a.show()
	if live && !errors.Is(err, task.ErrNotFound) {
		return false // it may well run: never a second one beside it
	}
	if restarting(r) {
		return true // its second half
	}
	restarts := r.Spec.Restart == task.RestartAlways || r.Spec.Restart == task.RestartOnFailure
	return r.Wish == task.Up && restarts && (live || r.Shutdown || r.State == task.BackingOff)
}

// reclaim takes back a run that outlived an earlier supervisor. The error is an
// ErrNotFound where there is none.
func (a *actor) reclaim(ctx context.Context, r task.Record) error {
	adopter, ok := a.engine.(task.Adopter)
	if !ok || r.Ref == (task.Ref{}) {
		return task.ErrNotFound
	}
	l := task.Launch{Spec: new(a.spec), Run: a.run}
	if logs := a.sup.opts.Logs; logs != nil {
		l.Log, _ = os.Open(logs.Path(a.name, a.run)) // nil where it is gone
	}
	proc, err := adopter.Adopt(ctx, l, r.Ref)
	if err != nil {
		return err
	}
	if keeper, ok := a.sup.opts.Logs.(LogKeeper); ok {
		keeper.Watch(l.Spec, l.Run)
	}
	a.hold(proc)
	fault.At("adopted")
	if aged, ok := proc.(task.Aged); ok {
		a.since = time.Now().Add(-aged.Age())
	} else {
		a.since = steady(r.Runs[len(r.Runs)-1].StartedAt)
	}
	a.input(lifecycle.Input{Kind: lifecycle.DidAdopt})
	switch {
	case r.Wish == task.Down:
		a.input(lifecycle.Input{Kind: lifecycle.DoStop, Cause: lifecycle.Stop, Grace: -1})
	case restarting(r):
		a.input(lifecycle.Input{Kind: lifecycle.DoRestart})
	}
	return nil
}

func lostBecause(r task.Record, err error) string {
	if !errors.Is(err, task.ErrNotFound) {
		return fmt.Sprintf("process %d may still run: cannot take it back: %v", r.Ref.PID, err)
	}
	return "the supervisor ended without it"
}

// steady is a recorded time on the monotonic clock: whoever sets the wall clock
// from now on does not move it.
func steady(t task.Time) time.Time {
	now := time.Now()
	return now.Add(-now.Sub(t.Time))
}

// ran is how long the present run has lasted.
func (a *actor) ran() time.Duration {
	if a.since.IsZero() {
		return 0
	}
	return time.Since(a.since)
}
