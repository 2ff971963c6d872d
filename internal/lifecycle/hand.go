package lifecycle

import (
	"time"

	"tasks/pkg/task"
)

// Requests of callers.

func (e Start) on(t *step) error {
	if !t.Inactive() {
		return task.ErrConflict
	}
	t.Held, t.Disabled = false, false
	t.addCaller(ForStart)
	t.beginAttempt(attempt{later: e.Later, retry: e.Retry})
	return nil
}

// NeedsRetry reports whether the task failed or is lost, and nothing starts it again.
func (s State) NeedsRetry() bool {
	state := s.Public()
	return s.Phase == Over && !s.Held && (state == task.Failed || state == task.Lost)
}

func (e Retry) on(t *step) error {
	if !t.NeedsRetry() {
		return task.ErrConflict
	}
	return Start{Later: e.Later}.on(t)
}

func (e GoOn) on(t *step) error {
	if !t.Held || !t.Inactive() && !t.Phase.Pending() {
		return task.ErrConflict
	}
	t.Held = false
	t.addCaller(ForStart)
	if t.HasCaller(ForReplacement) {
		t.Run.Refused = false // that was another run
		t.renew()
		return nil
	}
	a := attempt{later: e.Later && !t.Disabled, clear: e.Clear, continues: e.Continues, automatic: true, missed: e.Missed}
	switch {
	case e.Continues && t.Phase.Pending():
		a.restarts = t.Series.Restarts
	case e.Count:
		a.restarts, a.retry = t.Series.Restarts+1, true
	}
	t.beginAttempt(a)
	return nil
}

func (e Restart) on(t *step) error {
	t.addCaller(ForStart)
	series := &t.Series
	switch t.Phase {
	case Idle, Sleeping, Backoff, Over:
		t.Held = false
		t.beginAttempt(attempt{})
	case Waiting, Queued: // keeps its place in the queue, and counts restarts from zero
		t.Desired, t.Held = task.DesiredRunning, false
		series.Automatic, series.Ran, series.Restarts, series.ShortRuns = false, false, 0, 0
		if t.Phase == Queued && !t.p.Grouped { // there may be resources now
			series.Retry = true
			t.launch()
		}
	case Starting: // the run is new anyway
		series.Retry = series.Retry || series.Automatic
		series.Restarts, series.ShortRuns, series.Automatic = 0, 0, false
		if t.Cause != ByItself {
			t.noteRerun(ByRestart)
		}
	case Probing, Running, Paused: // stopped once the intent is recorded
		t.intend(Intent{ByRestart, false, t.p.Grace})
	case Stopping, Killing, Stuck:
		if t.noteRerun(ByRestart); t.Phase == Stuck {
			t.reportStuck()
		}
	}
	return nil
}

// noteRerun notes that another run follows when this one ends. A forced removal wins:
// callers who ask for a run meanwhile get the answer that the task was stopped. A
// replacement wins over a restart: its run is new anyway.
func (t *step) noteRerun(cause Cause) {
	if t.HasCaller(ForRemoval) {
		return
	}
	if t.Desired = task.DesiredRunning; t.Cause != ByReplacement {
		t.Cause = cause
	}
}

func (e Replace) on(t *step) error {
	if t.Inactive() {
		return task.ErrConflict
	}
	t.addCaller(ForReplacement)
	grace := t.graceOf(e.Grace)
	switch t.Phase {
	case Sleeping, Waiting, Queued, Backoff: // ended once the intent is recorded
		t.intend(Intent{ByReplacement, e.Now, grace})
	case Starting:
		t.noteRerun(ByReplacement)
		t.Grace, t.Run.Killed = grace, t.Run.Killed || e.Now
	case Probing, Running, Paused: // likewise
		t.intend(Intent{ByReplacement, e.Now, grace})
	case Stopping, Killing, Stuck:
		t.noteRerun(ByReplacement)
		t.hurry(e.Now, e.Grace >= 0, grace)
	}
	return nil
}

func (e Stop) on(t *step) error {
	if t.NeverStarted() {
		return task.ErrConflict
	}
	t.addCaller(ForEnd)
	t.stop(e)
	return nil
}

func (e Remove) on(t *step) error {
	switch {
	case t.Phase == Over: // removed when all other callers are answered
		t.addCaller(ForRemoval)
		t.Held = false
		t.cancel()
	case !e.Force, t.NeverStarted():
		return task.ErrConflict
	default:
		t.addCaller(ForRemoval)
		t.stop(Stop{Now: e.Now, Grace: e.Grace})
	}
	return nil
}

func (t *step) stop(e Stop) {
	cause := ByShutdown
	if !e.Shutdown {
		cause, t.Desired = ByStop, task.DesiredStopped
	}
	grace := t.graceOf(e.Grace)
	first := t.Cause == ByItself
	if e.Shutdown && t.Phase == Over && t.Held { // the next supervisor resumes it
		return
	}
	t.cancel()
	if t.Phase.Live() && t.Cause != ByStop { // a shutdown does not undo that
		t.Cause = cause
	}
	switch t.Phase {
	case Sleeping, Waiting, Queued:
		if e.Shutdown { // it waits on, in the next supervisor
			t.Held = true
			return
		}
		t.endWithoutRun(cause)
	case Backoff:
		t.endWithoutRun(cause)
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

// cancel cancels a replacement. The record says so, or the next supervisor would
// start it.
func (t *step) cancel() {
	if t.HasCaller(ForReplacement) {
		t.Work.Record = Now
		t.resolvePending(ForReplacement, WasStopped)
	}
}

// hurry handles another request to stop a run that is stopping already.
func (t *step) hurry(now, given bool, grace time.Duration) {
	switch {
	case t.Phase == Stuck:
		t.do(Kill)
		t.reportStuck()
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
		t.Work.Record = Now
	case to:
	default:
		return task.ErrConflict
	}
	t.addCaller(ForRecord)
	t.resolve(ForRecord, Done)
	return nil
}

// on ends a wait for a run at once. A restart that was asked for before has its run.
func (Disable) on(t *step) error {
	if !t.p.Repeats || t.NeverStarted() || t.IsReplaced() {
		return task.ErrConflict
	}
	t.changeRecord()
	twice := t.Disabled && t.Phase == Over
	t.Disabled, t.RerunPending = true, false
	if !twice && !t.Phase.Live() {
		t.Held, t.Desired = false, task.DesiredStopped
		t.enter(Over)
	}
	return nil
}

func (Enable) on(t *step) error {
	if !t.p.Repeats || t.NeverStarted() || t.IsReplaced() || t.Phase.Live() && t.Desired == task.DesiredStopped {
		return task.ErrConflict
	}
	t.changeRecord()
	t.Disabled = false
	if t.Phase == Over && !t.Held {
		t.beginAttempt(attempt{later: true})
	}
	return nil
}

// changeRecord answers the caller once the record has what follows.
func (t *step) changeRecord() {
	t.Work.Record = Now
	t.addCaller(ForRecord)
	t.resolve(ForRecord, Done)
}

// LeaveWaitsFor is what the caller of a Leave waits for.
func (s State) LeaveWaitsFor(e Leave) CallerKind {
	switch {
	case s.Phase.Pending(), s.Phase.Live() && !e.Lasts:
		return ForEnd
	case s.Phase == Starting:
		return ForStart
	}
	return ForRecord
}

func (e Leave) on(t *step) error {
	if t.NeverStarted() {
		return task.ErrConflict
	}
	kind := t.LeaveWaitsFor(e)
	t.addCaller(kind)
	switch {
	case kind == ForRecord:
		t.resolve(ForRecord, Done)
		if t.Phase.Live() && !t.Phase.Up() { // the next supervisor must know how the run ends
			t.Work.Record = Now
		}
	case kind == ForEnd && t.Phase.Live():
		t.stop(Stop{Shutdown: true, Grace: -1})
	}
	t.Held = t.Held || t.Phase != Over // only the next supervisor starts another run
	return nil
}
