package lifecycle

import (
	"time"

	"tasks/pkg/task"
)

// Step returns the state after e, and the effects to carry out. A request that the
// state does not allow is a [task.ErrConflict] and changes nothing.
//
// After each step the caller submits the event that follows from an effect or from
// the needs of the phase, if there is one. Otherwise it submits Flush, until no work
// is pending.
func (s State) Step(p Policy, e Event) (State, []Effect, error) {
	t := &step{State: s, p: p}
	t.effects = t.room[:0]
	if err := e.on(t); err != nil {
		return s, nil, err
	}
	t.Work.Changed = t.Work.Changed || !t.quiet && t.differs(s)
	return t.State, t.effects, nil
}

// step is one step under way.
type step struct {
	State
	p       Policy
	effects []Effect
	room    [6]Effect // for the usual effects
	quiet   bool      // the state was published, and needs no record
}

func (t *step) do(actions ...Action) {
	for _, a := range actions {
		t.effects = append(t.effects, Effect{Do: a})
	}
}

// differs compares what is published or recorded of two states.
func (s State) differs(other State) bool {
	s.Work, s.Held, s.Series.Automatic = other.Work, other.Held, other.Series.Automatic
	return s != other
}

func (t *step) enter(p Phase) {
	t.Phase = p
	t.Series.ScheduleActive = (t.Series.ScheduleActive || p == Sleeping || p.Up()) && p != Over
	if p == Over {
		t.Held = false
	}
	t.Armed++
}

// endWithoutRun ends a task that waits for a run.
func (t *step) endWithoutRun(cause Cause) {
	if t.Phase.Pending() && !t.Series.Ran {
		t.Last = Ending{}
	}
	t.Last.State, t.Last.Cause = task.Stopped, cause
	t.enter(Over)
}

// attempt says how the next run starts.
type attempt struct {
	later, clear     bool
	continues        bool // the series of runs continues
	automatic, retry bool
	missed, restarts int
}

// beginAttempt leads the task to its first phase before a run.
func (t *step) beginAttempt(a attempt) {
	t.resolvePending(ForReplacement, WasStopped) // this start came first
	series := &t.Series
	series.Restarts, series.ShortRuns = a.restarts, min(a.restarts, 1) // how many of them were short is unknown
	series.Automatic, series.Missed = a.automatic, a.missed
	series.Ran = series.Ran && a.continues
	series.Retry = a.retry || t.Phase == Backoff || t.Phase == Sleeping && !t.p.Repeats
	t.Desired, t.Cause, t.RerunPending, t.Run.Refused = task.DesiredRunning, ByItself, false, false
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
	t.Series.RanBefore, t.Series.Ran = t.Series.Ran, true
	t.Cause, t.Run = ByItself, Run{}
	t.enter(Starting)
	t.do(Launch)
}

// end asks the run to end, or kills it at once. The cause is recorded if the next
// supervisor could not find it out. A stop is recorded when it has succeeded.
func (t *step) end(grace time.Duration, now bool) {
	switch t.Cause {
	case ByUnready, ByUnhealthy, ByLeftBehind:
		t.Work.Record = Now
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

// graceOf is given, or the grace period of the policy if that is negative.
func (t *step) graceOf(given time.Duration) time.Duration {
	if given >= 0 {
		return given
	}
	return t.p.Grace
}

// decideNext decides what follows a run that has ended, or could not start.
func (t *step) decideNext(l Lasted, unbegun bool) {
	t.Last = Ending{t.p.outcome(t.Cause, t.Run.Exit), t.Cause, t.Run.Exit, t.Run.Killed, t.Run.Note}
	t.resolve(ForEnd, Done)
	t.Work.Record = Now
	t.do(Settle)
	is := t.adopt()
	series := &t.Series
	// its caller gets the error, and there is no other try
	unbegun = unbegun && !series.Automatic && !(t.p.Repeats && series.ScheduleActive)
	switch {
	case t.Cause == ByRestart, t.Cause == ByTime && !t.Disabled: // in the slot that it has, if that is still there
		is.Group = is.Group || l.SlotGone
		series.Automatic, series.Retry = t.Cause == ByTime, true
		series.Restarts, series.ShortRuns, series.Missed, t.RerunPending = 0, 0, 0, false
		t.lineUp(is)
	case t.Cause == ByReplacement:
		held := t.Held
		if t.enter(Over); held {
			t.postpone()
		} else {
			t.renew()
		}
	case t.Disabled:
		t.Desired = task.DesiredStopped
		t.enter(Over)
	case t.Cause == ByStop, t.Cause == ByShutdown, t.Desired == task.DesiredStopped, unbegun:
		t.enter(Over)
	case t.RerunPending:
		t.beginAttempt(attempt{automatic: true})
	case t.shouldRestart():
		if l.Ran > t.p.Backoff.Max {
			series.ShortRuns = 0
		}
		t.BackoffDelay = backoffDelay(t.p.Backoff, series.ShortRuns, l.Jitter)
		t.enter(Backoff)
	case t.p.Repeats:
		t.Cause = ByItself
		t.enter(Sleeping)
	default:
		t.enter(Over)
	}
}

// shouldRestart reports whether the policy starts the task again.
func (t *step) shouldRestart() bool {
	p := t.p
	if p.Restart == task.RestartAlways || p.Restart == task.RestartOnFailure && t.Last.State != task.Done {
		return p.Max < 0 || t.Series.Restarts < p.Max
	}
	return false
}

// renew starts the first replacement; ForStart callers then wait for that.
func (t *step) renew() {
	t.Work.Callers[ForReplacement] = NoCaller
	t.resolvePending(ForEnd, Done)
	t.do(Renew)
}
