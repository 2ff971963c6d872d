package lifecycle

import (
	"time"

	"tasks/pkg/task"
)

// Kept is what a record says of a state.
type Kept struct {
	Wish         task.Wish
	State        task.State
	Restarts     int
	Waits        bool          // for others
	RerunPending bool          // its time came while the run lasts
	Fresh        bool          // it is on its way, and there was no run since its start
	Ready        bool          // the run
	Shutdown     bool          // the supervisor's end has ended it
	Cause        Cause         // why the run is being ended; of an older record not known
	Grace        time.Duration // that it was given
	Note         string        // what the check said that ends it
	Exited       bool          // its main process has ended
	Exit         task.Exit     // so

	Beside
}

// Beside is what the record knows beside the state.
type Beside struct {
	Ran    bool // there was a run, or is one
	Exists bool // the run under way can be found
	Rested bool // the task ended without a run
}

// Kept is what a record says of s, except for Beside.
func (s State) Kept() Kept {
	k := Kept{
		Wish: s.Wish, State: s.Public(), Restarts: s.Turn.Restarts,
		Waits: s.Phase == Waiting, RerunPending: s.RerunPending && s.Phase.Live(), Fresh: s.Phase.Pending() && !s.Turn.Ran,
		Ready: s.Phase == Running || s.Phase == Paused, Shutdown: s.Phase == Over && s.Last.Cause == ByShutdown,
	}
	intent := s.Owed.Intent
	switch s.Phase {
	case Stopping, Killing, Stuck:
		k.Cause, k.Grace, k.Note = s.Cause, s.Grace, s.Run.Note
		if k.Exited = s.Run.Exited && !s.Run.Exit.Lost; k.Exited {
			k.Exit = task.Exit{Code: s.Run.Exit.Code, Signal: s.Run.Exit.Signal}
		}
		switch {
		case s.Cause == ByShutdown && k.Exited:
			k.Cause = BySweep
		case s.Cause == ByShutdown: // it runs, for the next supervisor
			k.State, k.Cause, k.Grace, k.Ready = task.Running, ByItself, 0, true
		}
	case Probing, Running, Paused:
		if intent.Cause != ByItself {
			k.Wish, k.State, k.Ready, k.Cause, k.Grace = task.Up, task.Stopping, false, intent.Cause, intent.Grace
		}
	}
	if s.IsReplaced() && !s.HasRun() { // of the other spec nothing has begun
		k = Kept{Wish: task.Up, State: task.Waiting, Fresh: true}
	}
	return k
}

// Write records k in r.
func (k Kept) Write(r *task.Record) {
	r.Wish, r.State, r.Restarts, r.Waits, r.Fresh, r.Ready, r.Shutdown = k.Wish, k.State, k.Restarts, k.Waits, k.Fresh, k.Ready, k.Shutdown
	r.RerunPending = k.RerunPending
	r.Ending, r.Grace, r.Note = causes[k.Cause], task.Duration(k.Grace), k.Note
	if n := len(r.Runs); k.Exited && n > 0 {
		NoteExit(&r.Runs[n-1], k.Exit)
	}
}

// KeptIn is what r says.
func KeptIn(r *task.Record) Kept {
	k := Kept{
		Wish: r.Wish, State: r.State, Restarts: r.Restarts, Waits: r.Waits, Fresh: r.Fresh, Ready: r.Ready, Shutdown: r.Shutdown,
		RerunPending: r.RerunPending, Grace: time.Duration(r.Grace), Note: r.Note,
		Beside: Beside{len(r.Runs) > 0, r.Ref != task.Ref{}, !r.Rested.IsZero()},
	}
	for c, name := range causes {
		if name == r.Ending {
			k.Cause = Cause(c)
		}
	}
	if k.Cause == ByReplacement && r.Next == nil { // of a function nothing is recorded
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

// exitOf is what NoteExit has noted of a run that has not ended.
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

// Live tells whether there was a run, which may have outlived its supervisor.
func (k Kept) Live() bool {
	return !k.State.Ended() && k.State != task.BackingOff && !k.Pending() && k.Ran
}

// Pending tells whether a run was to come.
func (k Kept) Pending() bool { return k.State == task.Waiting || k.State == task.Queued }

// Queued tells whether it has, or is to have, a place in a queue that it had.
func (k Kept) Queued() bool { return k.State != task.Waiting }

// restarting tells whether another run was to follow at once.
func (k Kept) restarting() bool {
	follows := k.Cause == ByItself || k.Cause == ByRestart || k.Cause == ByTime || k.Cause == ByReplacement
	return k.Wish == task.Up && (k.State == task.Stopping && follows || k.State == task.Starting && !k.Exists)
}

// interrupted tells whether the end of the supervisor has ended what was under way.
func (k Kept) interrupted() bool { return k.Live() || k.Shutdown || k.State == task.BackingOff }

// ending is how the run of k has ended that is not there any more.
func (k Kept) ending(p *Policy) Ending {
	exit := k.Exit
	exit.Lost = !k.Exited
	return Ending{State: p.outcome(k.Cause, exit), Cause: k.Cause, Exit: exit, Note: k.Note}
}

// GoOn is how a task goes on: at its time, where that is later, or as late as it is.
func (k Kept) GoOn(p Policy, later bool, late int) GoOn {
	timed := k.Pending() || k.interrupted() && p.Repeats && !p.restarts()
	if k.restarting() || !timed {
		return GoOn{Count: k.State == task.BackingOff}
	}
	clear := k.State == task.Queued
	return GoOn{Later: later && !clear && !k.Waits, Late: late, Clear: clear} // else its time has come already
}

func (p *Policy) restarts() bool {
	return p.Restart == task.RestartAlways || p.Restart == task.RestartOnFailure
}

// GoesOn tells whether a task without a run is to have one.
func (e Recovered) GoesOn(p Policy) bool {
	k := e.Kept
	switch {
	case e.Found == TakenBack, e.Found == MayStillBe: // never a second one beside it
		return false
	case k.restarting():
		return true // its second half
	case k.Wish != task.Up:
		return false
	case k.Pending():
		return !e.NoEngine
	case k.Live() && k.Exited && p.Restart == task.RestartOnFailure && !p.Repeats && k.ending(&p).State == task.Done:
		return false
	}
	return k.interrupted() && (p.Repeats || p.restarts())
}

func (e Recovered) on(t *step) error {
	k := e.Kept
	if t.Phase != Idle {
		return task.ErrConflict
	}
	t.Wish, t.Turn.Restarts = k.Wish, k.Restarts
	if e.Found == TakenBack {
		t.Turn.Ran = true
		t.takeBack(k)
	} else {
		t.goOn(e)
	}
	// The record of one that goes on stays until that has happened: whoever finds it
	// after another death must come to the same.
	k.Beside = Beside{}
	t.Owed.Stale = !t.Held && t.Kept() != k
	switch {
	case t.Phase.Live():
	case t.Owed.Stale:
		t.Owed.Record = Now
	default:
		t.do(Publish)
		t.quiet = true
	}
	return nil
}

// goOn is for a task without a run.
func (t *step) goOn(e Recovered) {
	k := e.Kept
	t.Turn.Ran = k.Ran && !k.Fresh && !k.Rested
	t.Last.State = k.State
	switch {
	case k.Live():
		if t.Last = k.ending(t.p); e.Found == MayStillBe {
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
	goesOn := e.GoesOn(*t.p)
	if t.enter(Over); k.Pending() && goesOn {
		t.enter(Sleeping)
	}
	if t.Held = goesOn; goesOn && k.Cause == ByReplacement {
		t.call(Renews)
	}
}

// takeBack goes on with the run of k.
func (t *step) takeBack(k Kept) {
	t.RerunPending = k.RerunPending && t.p.Repeats
	switch {
	case k.State == task.Paused:
		t.enter(Paused)
	case t.p.Ready > 0 && !k.Ready:
		t.enter(Probing)
	default:
		t.enter(Running)
	}
	cause := k.Cause
	if cause == ByItself && k.Wish == task.Down {
		cause = ByStop
	}
	if cause == ByItself && k.restarting() {
		cause = ByRestart
	}
	switch cause {
	case ByItself:
		return
	case ByReplacement:
		t.call(Renews)
	}
	grace := t.p.Grace
	if k.Cause != ByItself {
		grace = k.Grace
	}
	t.Cause, t.Run.Note, t.Run.Exited, t.Run.Exit = cause, k.Note, k.Exited, k.Exit
	t.end(grace, false)
}
