package lifecycle

import (
	"time"

	"tasks/pkg/task"
)

// Step gives the state after e, and what to do. A request that the state does not
// allow is a [task.ErrConflict] and changes nothing.
//
// After each step comes the event that follows at once from an effect or from what
// the phase needs, if any does, and else Rest, until nothing is owed.
func (s State) Step(p Policy, e Event) (State, []Effect, error) {
	t := step{State: s, p: &p}
	if err := e.on(&t); err != nil {
		return s, nil, err
	}
	if t.unlike(s) && !t.quiet {
		t.Owed.Changed = true
	}
	return t.State, t.effects, nil
}

// step is one step under way.
type step struct {
	State
	p       *Policy
	effects []Effect
	quiet   bool // it was shown, and nothing of it need be recorded
}

func (t *step) do(actions ...Action) {
	for _, a := range actions {
		t.effects = append(t.effects, Effect{Do: a})
	}
}

// unlike compares what is shown or recorded.
func (s State) unlike(other State) bool {
	s.Owed, s.Held, s.Turn.Automatic = other.Owed, other.Held, other.Turn.Automatic
	return s != other
}

func (t *step) enter(p Phase) {
	t.Phase = p
	t.Turn.ScheduleActive = (t.Turn.ScheduleActive || p == Sleeping || p.Up()) && p != Over
	if p == Over {
		t.Held = false
	}
	t.Armed++
}

// rest ends the task, which has no run.
func (t *step) rest(cause Cause) {
	if t.Phase.Pending() && !t.Turn.Ran {
		t.Last = Ending{}
	}
	t.Last.State, t.Last.Cause = task.Stopped, cause
	t.enter(Over)
}

// attempt says how a run is to come to be.
type attempt struct {
	later, clear   bool
	unasked, retry bool
	late, restarts int
}

// begin puts the task on its way to a run.
func (t *step) begin(a attempt) {
	t.waiting(Renews, WasStopped) // somebody was faster
	turn := &t.Turn
	turn.Restarts, turn.Streak = a.restarts, min(a.restarts, 1) // how many were short is not known
	turn.Automatic, turn.Late = a.unasked, a.late
	turn.Ran = turn.Ran && a.unasked && a.later
	turn.Retry = a.retry || t.Phase == Backoff
	t.Wish, t.Cause, t.RerunPending, t.Run.Refused = task.Up, ByItself, false, false
	switch {
	case a.later:
		t.enter(Sleeping)
	case t.p.After && !a.clear:
		t.enter(Waiting)
	default:
		t.queue()
	}
}

func (t *step) queue() {
	if t.p.Grouped {
		t.enter(Queued)
	} else {
		t.launch()
	}
}

func (t *step) launch() {
	t.Turn.RanBefore, t.Turn.Ran = t.Turn.Ran, true
	t.Cause, t.Run = ByItself, Run{}
	t.enter(Starting)
	t.do(Launch)
}

// end asks the run to end, or kills it at once. Why is recorded where a later
// supervisor could not tell; a stop is not yet acknowledged.
func (t *step) end(grace time.Duration, now bool) {
	switch t.Cause {
	case ByUnready, ByUnhealthy, BySweep:
		t.Owed.Record = Now
	}
	if now {
		t.kill()
		return
	}
	t.Grace = grace
	t.enter(Stopping)
	t.do(Ask)
}

func (t *step) kill() {
	t.Run.Killed = true
	t.enter(Killing)
	t.do(Kill)
}

// graceOf is given, unless that is negative.
func (t *step) graceOf(given time.Duration) time.Duration {
	if given >= 0 {
		return given
	}
	return t.p.Grace
}

// settle decides what follows a run that is over, or could not begin.
func (t *step) settle(l Lasted, unbegun bool) {
	t.Last = Ending{t.p.outcome(t.Cause, t.Run.Exit), t.Cause, t.Run.Exit, t.Run.Killed, t.Run.Note}
	t.due(Ends, Done)
	t.Owed.Record = Now
	t.do(Settle)
	turn := &t.Turn
	// its caller is told, and it is not tried again
	unbegun = unbegun && !turn.Automatic && !(t.p.Repeats && turn.ScheduleActive)
	switch {
	case t.Cause == ByRestart, t.Cause == ByTime: // in the slot that it has
		turn.Automatic, turn.Retry = t.Cause == ByTime, true
		turn.Restarts, turn.Streak, turn.Late, t.RerunPending = 0, 0, 0, false
		t.launch()
	case t.Cause == ByReplacement:
		held := t.Held
		if t.enter(Over); held {
			t.postpone()
		} else {
			t.renew()
		}
	case t.Cause == ByStop, t.Cause == ByShutdown, t.Wish == task.Down, unbegun:
		t.enter(Over)
	case t.RerunPending:
		t.begin(attempt{unasked: true})
	case t.again():
		if l.Ran > t.p.Backoff.Max {
			turn.Streak = 0
		}
		t.Pause = pause(t.p.Backoff, turn.Streak, l.Jitter)
		t.enter(Backoff)
	case t.p.Repeats:
		t.Cause = ByItself
		t.enter(Sleeping)
	default:
		t.enter(Over)
	}
}

// again tells whether the policy starts the task once more.
func (t *step) again() bool {
	p := t.p
	if p.Restart == task.RestartAlways || p.Restart == task.RestartOnFailure && t.Last.State != task.Done {
		return p.Max < 0 || t.Turn.Restarts < p.Max
	}
	return false
}

// renew leads to the first of Renews, whatever others wait for begins with it.
func (t *step) renew() {
	t.Owed.Callers[Renews] = Nothing
	t.waiting(Ends, Done)
	t.do(Renew)
}
