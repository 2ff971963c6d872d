package lifecycle

import (
	"slices"
	"time"

	"tasks/pkg/task"
)

// Recorded is the part of a state that the record of a task holds.
type Recorded struct {
	Desired      task.Desired
	State        task.State
	Restarts     int
	Waits        bool          // for other tasks
	RerunPending bool          // a scheduled time came during the run
	Disabled     bool          // its schedule starts no run
	Fresh        bool          // it was started, and has not run since
	Ready        bool          // the run is ready
	Shutdown     bool          // a shutdown of the supervisor ended it
	Cause        Cause         // why the run is being stopped; unknown in an older record
	Grace        time.Duration // the grace period of that stop
	Note         string        // message of the check that failed
	Exited       bool          // its main process has ended
	Exit         task.Exit     // once Exited

	Extra
}

// Extra is what the record knows that the state does not.
type Extra struct {
	Ran             bool // the task has had a run
	Exists          bool // the current run can be looked for
	EndedWithoutRun bool // the task ended without a run
}

// Recorded is what the record of s holds, but for Extra.
func (s State) Recorded() Recorded {
	k := Recorded{
		Desired: s.Desired, State: s.Public(), Restarts: s.Series.Restarts,
		Waits: s.Phase == Waiting, RerunPending: s.RerunPending && s.Phase.Live(), Fresh: s.Phase.Pending() && !s.Series.Ran, Disabled: s.Disabled,
		Ready: s.Phase == Running || s.Phase == Paused, Shutdown: s.Phase == Over && s.Last.Cause == ByShutdown && !s.Disabled,
	}
	intent := s.Work.Intent
	switch s.Phase {
	case Stopping, Killing, Stuck:
		k.Cause, k.Grace, k.Note = s.Cause, s.Grace, s.Run.Note
		if k.Exited = s.Run.Exited && !s.Run.Exit.Lost; k.Exited {
			k.Exit = task.Exit{Code: s.Run.Exit.Code, Signal: s.Run.Exit.Signal}
		}
		switch {
		case s.Cause == ByShutdown && k.Exited:
			k.Cause = ByLeftBehind
		case s.Cause == ByShutdown: // the next supervisor may find it running
			k.State, k.Cause, k.Grace, k.Ready = task.Running, ByItself, 0, true
		}
	case Probing, Running, Paused:
		if intent.Cause != ByItself {
			k.Desired, k.State, k.Ready, k.Cause, k.Grace = task.DesiredRunning, task.Stopping, false, intent.Cause, intent.Grace
		}
	}
	if s.IsReplaced() && !s.HasRun() { // the replacement has not started
		k = Recorded{Desired: task.DesiredRunning, State: task.Waiting, Fresh: true}
	}
	return k
}

// Write writes k to the record r.
func (k Recorded) Write(r *task.Record) {
	r.Desired, r.State, r.Restarts, r.Waits, r.Fresh, r.Ready, r.Shutdown = k.Desired, k.State, k.Restarts, k.Waits, k.Fresh, k.Ready, k.Shutdown
	r.RerunPending, r.Disabled = k.RerunPending, k.Disabled
	r.Ending, r.Grace, r.Note = causes[k.Cause], task.Duration(k.Grace), k.Note
	if n := len(r.Runs); k.Exited && n > 0 {
		r.Runs = slices.Clone(r.Runs) // others share them
		NoteExit(&r.Runs[n-1], k.Exit)
	}
}

// RecordedIn reads r.
func RecordedIn(r *task.Record) Recorded {
	k := Recorded{
		Desired: r.Desired, State: r.State, Restarts: r.Restarts, Waits: r.Waits, Fresh: r.Fresh, Ready: r.Ready, Shutdown: r.Shutdown,
		RerunPending: r.RerunPending, Disabled: r.Disabled, Grace: time.Duration(r.Grace), Note: r.Note,
		Extra: Extra{len(r.Runs) > 0, r.Ref != task.Ref{}, !r.EndedWithoutRun.IsZero()},
	}
	for c, name := range causes {
		if name == r.Ending {
			k.Cause = Cause(c)
		}
	}
	if k.Cause == ByReplacement && r.Next == nil { // functions are not recorded
		k.Cause = ByRestart
	}
	if k.Live() {
		k.Exit, k.Exited = exitOf(&r.Runs[len(r.Runs)-1])
	}
	return k
}

// NoteExit notes the code or the signal of e.
func NoteExit(r *task.Run, e task.Exit) {
	if e.Signal != 0 {
		r.Signal = task.SignalName(e.Signal)
	} else {
		r.ExitCode = new(e.Code)
	}
}

// exitOf is what NoteExit noted of a run that had not ended.
func exitOf(r *task.Run) (exit task.Exit, known bool) {
	if r.ExitCode != nil {
		return task.Exit{Code: *r.ExitCode}, true
	}
	sig, err := task.ParseSignal(r.Signal)
	if r.Signal == "" || err != nil {
		return task.Exit{}, false
	}
	return task.Exit{Signal: sig}, true
}

// Live reports whether there was a run, which may have outlived its supervisor.
func (k Recorded) Live() bool {
	return !k.State.Ended() && k.State != task.BackingOff && !k.Pending() && k.Ran
}

// Pending reports whether the task waited for a run.
func (k Recorded) Pending() bool { return k.State == task.Waiting || k.State == task.Queued }

// Queued reports whether the task gets back its place in the queue.
func (k Recorded) Queued() bool { return k.State != task.Waiting }

// restarting reports whether another run should have followed at once.
func (k Recorded) restarting() bool {
	follows := k.Cause == ByItself || k.Cause == ByRestart || k.Cause == ByTime && !k.Disabled || k.Cause == ByReplacement
	return k.Desired == task.DesiredRunning && (k.State == task.Stopping && follows || k.State == task.Starting && !k.Exists)
}

// interrupted reports whether the end of the supervisor interrupted the task.
func (k Recorded) interrupted() bool { return k.Live() || k.Shutdown || k.State == task.BackingOff }

// ending is how the run of k ended, which is gone.
func (k Recorded) ending(p *Policy) Ending {
	exit := k.Exit
	exit.Lost = !k.Exited
	return Ending{State: p.outcome(k.Cause, exit), Cause: k.Cause, Exit: exit, Note: k.Note}
}

// GoOn resumes the task: at its time if that is later, or else at once.
func (k Recorded) GoOn(p Policy, later bool, missed int) GoOn {
	timed := k.Pending() || k.interrupted() && p.Repeats && !p.restarts()
	switch {
	case k.restarting():
		return GoOn{}
	case !timed:
		return GoOn{Count: k.State == task.BackingOff, Continues: true}
	case k.State == task.Queued, k.Waits: // its time has come already
		return GoOn{Missed: missed, Clear: k.State == task.Queued, Continues: true}
	}
	return GoOn{Later: later, Missed: missed, Continues: later}
}

func (p *Policy) restarts() bool {
	return p.Restart == task.RestartAlways || p.Restart == task.RestartOnFailure
}

// GoesOn reports whether a task without a run gets one.
func (e Recovered) GoesOn(p Policy) bool {
	k, was := e.Recorded, p
	if p.Edited != nil { // since the run is over
		p = p.Edited.Policy
	}
	switch {
	case e.Found == TakenBack, e.Found == MayStillBe: // never two runs at the same time
		return false
	case k.restarting():
		return true // its second half
	case k.Desired != task.DesiredRunning:
		return false
	case k.Pending():
		return !e.NoEngine
	case k.Disabled:
		return false
	case k.Live() && k.Exited && p.Restart == task.RestartOnFailure && !p.Repeats && k.ending(&was).State == task.Done:
		return false
	}
	return k.interrupted() && (p.Repeats || p.restarts())
}

func (e Recovered) on(t *step) error {
	k := e.Recorded
	if t.Phase != Idle {
		return task.ErrConflict
	}
	t.Desired, t.Series.Restarts, t.Disabled = k.Desired, k.Restarts, k.Disabled && t.p.Repeats
	if e.Found == TakenBack {
		t.Series.Ran = true
		t.takeBack(k)
	} else {
		t.goOn(e)
	}
	// The record of a task that continues stays as it is until then, so that the next
	// supervisor decides the same if this one dies first.
	k.Extra = Extra{}
	t.Work.Stale = !t.Held && t.Recorded() != k
	switch {
	case t.Phase.Live():
	case t.Work.Stale:
		t.Work.Record = Now
	default:
		t.do(Publish)
		t.quiet = true
	}
	return nil
}

// goOn restores a task without a run.
func (t *step) goOn(e Recovered) {
	k, goesOn := e.Recorded, e.GoesOn(t.p)
	t.Series.Ran = k.Ran && !k.Fresh && !k.EndedWithoutRun
	t.Last.State = k.State
	switch {
	case k.Live():
		if t.Last = k.ending(&t.p); e.Found == MayStillBe {
			t.Last = Ending{State: task.Lost, Exit: task.Exit{Lost: true}}
		}
		t.do(Settle)
	case k.State == task.BackingOff:
		t.Last.State = task.Stopped
	case !k.State.Ended():
		t.Last.State = task.Lost
	}
	if k.Shutdown {
		t.Last.Cause = ByShutdown
	}
	t.adopt()
	if t.enter(Over); k.Pending() && goesOn {
		t.enter(Sleeping)
	}
	if t.Disabled && !goesOn {
		t.Desired = task.DesiredStopped
	}
	if t.Held = goesOn; goesOn && k.Cause == ByReplacement {
		t.addCaller(ForReplacement)
	}
}

// endedBy is why a run that is taken back is being ended; ByItself: it is not.
func (k Recorded) endedBy() Cause {
	switch {
	case k.Cause != ByItself:
		return k.Cause
	case k.restarting():
		return ByRestart
	case k.Desired == task.DesiredStopped:
		return ByStop
	}
	return ByItself
}

// IsBeingEnded tells whether a run that is taken back is being ended.
func (k Recorded) IsBeingEnded() bool { return k.endedBy() != ByItself }

// takeBack restores a task with a run.
func (t *step) takeBack(k Recorded) {
	t.RerunPending = k.RerunPending && t.p.Repeats
	switch {
	case k.State == task.Paused:
		t.enter(Paused)
	case t.p.Ready > 0 && !k.Ready:
		t.enter(Probing)
	default:
		t.enter(Running)
	}
	cause := k.endedBy()
	switch cause {
	case ByItself:
		return
	case ByReplacement:
		t.addCaller(ForReplacement)
	}
	grace := t.p.Grace
	if k.Cause != ByItself {
		grace = k.Grace
	}
	t.Cause, t.Run.Note, t.Run.Exited, t.Run.Exit = cause, k.Note, k.Exited, k.Exit
	t.end(grace, false)
}
