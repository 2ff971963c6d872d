package lifecycle

import (
	"time"

	"tasks/pkg/task"
)

// Events that somebody has asked for.

func (e Start) on(t *step) error {
	if !t.AtRest() {
		return task.ErrConflict
	}
	t.Held = false
	t.call(Begins)
	t.begin(attempt{later: e.Later, retry: e.Retry})
	return nil
}

func (e GoOn) on(t *step) error {
	if !t.Held || !t.AtRest() && !t.Phase.Pending() {
		return task.ErrConflict
	}
	t.Held = false
	t.call(Begins)
	if t.Waits(Renews) {
		t.renew()
		return nil
	}
	a := attempt{later: e.Later, clear: e.Clear, unasked: true, late: e.Late}
	if e.Count {
		a.restarts, a.retry = t.Turn.Restarts+1, true
	}
	t.begin(a)
	return nil
}

func (e Restart) on(t *step) error {
	t.call(Begins)
	turn := &t.Turn
	switch t.Phase {
	case Idle, Sleeping, Backoff, Over:
		t.Held = false
		t.begin(attempt{})
	case Waiting, Queued: // keeps its place, and counts from zero again
		t.Wish, t.Held = task.Up, false
		turn.Automatic, turn.Ran, turn.Restarts, turn.Streak = false, false, 0, 0
	case Starting: // its run is as new as a restart would make it
		turn.Retry = turn.Retry || turn.Automatic
		turn.Restarts, turn.Streak, turn.Automatic = 0, 0, false
		if t.Cause != ByItself {
			t.follow(ByRestart)
		}
	case Probing, Running, Paused: // once that is recorded
		t.intend(Intent{ByRestart, false, t.p.Grace})
	case Stopping, Killing, Stuck:
		if t.follow(ByRestart); t.Phase == Stuck {
			t.report()
		}
	}
	return nil
}

// follow notes that another run follows the one that ends. A forced removal wins: whoever
// asks for a run meanwhile hears that the task was stopped. So does a replacement: its
// run is as new as that of a restart.
func (t *step) follow(cause Cause) {
	if t.Waits(Removes) {
		return
	}
	if t.Wish = task.Up; t.Cause != ByReplacement {
		t.Cause = cause
	}
}

func (e Replace) on(t *step) error {
	if t.AtRest() {
		return task.ErrConflict
	}
	t.call(Renews)
	grace := t.graceOf(e.Grace)
	switch t.Phase {
	case Sleeping, Waiting, Queued, Backoff: // once the other is recorded
		t.intend(Intent{ByReplacement, e.Now, grace})
	case Starting:
		t.follow(ByReplacement)
		t.Grace, t.Run.Killed = grace, t.Run.Killed || e.Now
	case Probing, Running, Paused: // likewise
		t.intend(Intent{ByReplacement, e.Now, grace})
	case Stopping, Killing, Stuck:
		t.follow(ByReplacement)
		t.hurry(e.Now, e.Grace >= 0, grace)
	}
	return nil
}

func (e Stop) on(t *step) error {
	if t.Never() {
		return task.ErrConflict
	}
	t.call(Ends)
	t.stop(e)
	return nil
}

func (e Remove) on(t *step) error {
	switch {
	case t.Phase == Over: // once nobody waits for anything else of it
		t.call(Removes)
		t.Held = false
		t.cancel()
	case !e.Force, t.Never():
		return task.ErrConflict
	default:
		t.call(Removes)
		t.stop(Stop{Now: e.Now, Grace: e.Grace})
	}
	return nil
}

func (t *step) stop(e Stop) {
	cause := ByShutdown
	if !e.Shutdown {
		cause, t.Wish = ByStop, task.Down
	}
	grace := t.graceOf(e.Grace)
	first := t.Cause == ByItself
	if e.Shutdown && t.Phase == Over && t.Held { // goes on in the next supervisor
		return
	}
	t.cancel()
	if t.Phase.Live() && t.Cause != ByStop { // a shutdown does not undo that
		t.Cause = cause
	}
	switch t.Phase {
	case Sleeping, Waiting, Queued:
		if e.Shutdown { // goes on waiting, in the next supervisor
			t.Held = true
			return
		}
		t.rest(cause)
	case Backoff:
		t.rest(cause)
	case Starting:
		if first || e.Grace >= 0 {
			t.Grace = grace
		}
		t.Run.Killed = t.Run.Killed || e.Now
	case Probing, Running, Paused:
		t.end(grace, e.Now)
	case Stopping, Killing, Stuck:
		t.hurry(e.Now, e.Grace >= 0, grace)
	case Over:
		t.Held = false
	}
}

// cancel gives up a replacement. That is recorded, since the next supervisor would
// begin it otherwise.
func (t *step) cancel() {
	if t.Waits(Renews) {
		t.Owed.Record = Now
		t.waiting(Renews, WasStopped)
	}
}

// hurry handles a second request to end a run that is ending already.
func (t *step) hurry(now, given bool, grace time.Duration) {
	switch {
	case t.Phase == Stuck:
		t.do(Kill)
		t.report()
	case t.Phase == Stopping && now:
		t.kill()
	case t.Phase == Stopping && given:
		t.Grace = grace
		t.enter(Stopping)
	}
}

func (Pause) on(t *step) error  { return t.pause(Running, Paused) }
func (Resume) on(t *step) error { return t.pause(Paused, Running) }

func (t *step) pause(from, to Phase) error {
	switch t.Phase {
	case from:
		t.enter(to)
		t.Owed.Record = Now
	case to:
	default:
		return task.ErrConflict
	}
	t.call(Turns)
	t.due(Turns, Done)
	return nil
}

// LeaveWaits is what who asks to leave waits for.
func (s State) LeaveWaits(e Leave) Who {
	switch {
	case s.Phase.Pending(), s.Phase.Live() && !e.Lasts:
		return Ends
	case s.Phase == Starting:
		return Begins
	}
	return Turns
}

func (e Leave) on(t *step) error {
	if t.Never() {
		return task.ErrConflict
	}
	who := t.LeaveWaits(e)
	t.call(who)
	switch {
	case who == Turns:
		t.due(Turns, Done)
		if t.Phase.Live() && !t.Phase.Up() { // how it is to end, or has ended
			t.Owed.Record = Now
		}
	case who == Ends && t.Phase.Live():
		t.stop(Stop{Shutdown: true, Grace: -1})
	}
	t.Held = t.Held || t.Phase != Over // what begins now is the next supervisor's
	return nil
}
