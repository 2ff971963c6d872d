package lifecycle

import "tasks/pkg/task"

// Events of a run, and of the phases before it.

// on leaves a Tick of a held task to the next supervisor.
func (e Tick) on(t *step) error {
	was := t.State
	queue := t.p.Overlap == task.OverlapQueue
	again := queue || t.p.Overlap == task.OverlapReplace
	switch {
	case t.Held, t.Desired == task.DesiredStopped, t.Disabled, t.Cause.Asked():
	case t.Phase == Sleeping, t.Phase == Backoff && t.p.Repeats:
		t.beginAttempt(attempt{automatic: true, missed: e.Missed})
	case !t.p.Repeats:
	case t.Phase.Up() && t.p.Overlap == task.OverlapReplace:
		t.Cause = ByTime
		t.end(t.p.Grace, false)
	case t.Phase == Starting && queue: // with OverlapReplace the run is new anyway
		t.RerunPending = true
	case again && t.Phase.Live() && t.Phase != Starting:
		t.RerunPending = true
	}
	t.Work.Stale = t.Work.Stale || t.RerunPending && !was.RerunPending // the record still has the time that came
	if t.State == was {                                                // only the next scheduled time changed
		return Dated{}.on(t)
	}
	return nil
}

// on keeps a time in the record for as long as it leads to a run.
func (Dated) on(t *step) error {
	if t.NeverStarted() {
		return nil
	}
	t.Work.Changed = true
	if !t.RerunPending && !t.Held && (t.Phase.Up() || !t.Phase.Live()) {
		t.Work.Record = Now
	}
	return nil
}

func (DependenciesMet) on(t *step) error {
	if t.Phase == Waiting && !t.Held {
		t.queue()
	}
	return nil
}

func (e DependencyFailed) on(t *step) error {
	if t.Phase != Waiting || t.Held {
		return nil
	}
	t.Last, t.Series.Ran = Ending{State: task.Failed, Exit: e.Exit}, false // no run has ended
	t.do(Blame)
	switch {
	case t.Disabled:
		t.Desired = task.DesiredStopped
	case t.p.Repeats: // at its next time the dependency may be met
		t.enter(Sleeping)
		return nil
	}
	t.resolve(ForStart, IsBlocked)
	t.enter(Over)
	return nil
}

func (SlotGranted) on(t *step) error {
	if t.Phase == Queued && !t.Held {
		t.launch()
	}
	return nil
}

func (e Began) on(t *step) error {
	if t.Phase != Starting {
		return nil
	}
	t.Work.Began = true
	if e.Brief && t.Series.Automatic && !t.HasCaller(ForStart) {
		t.Work.Record = Soon
	} else {
		t.Work.Record = Now
	}
	if t.Cause != ByRestart {
		t.resolve(ForStart, Done)
	}
	switch {
	case t.Cause != ByItself: // a stop came meanwhile
		t.end(t.Grace, t.Run.Killed)
	case t.p.Ready > 0:
		t.enter(Probing)
	default:
		t.enter(Running)
	}
	return nil
}

func (e Failed) on(t *step) error {
	if t.Phase == Starting {
		t.fail(e.Exit, e.Lasted, true)
	}
	return nil
}

func (e OutOfResources) on(t *step) error {
	switch {
	case t.Phase != Starting:
	case t.p.Grouped, t.Series.Automatic, t.Series.Retry:
		t.yield()
	default: // its caller gets the error
		t.fail(e.Exit, e.Lasted, true)
	}
	return nil
}

// fail settles a run that could not start.
func (t *step) fail(exit task.Exit, l Lasted, unbegun bool) {
	t.Run.Exited, t.Run.Exit = true, exit
	if t.Cause == ByReplacement { // before the replacement starts
		t.resolve(ForStart, CannotBegin)
		t.answer(ForStart)
	}
	again := t.Cause == ByRestart
	t.decideNext(l, unbegun)
	switch {
	case again: // they get the answer of the next run
	case t.Phase == Backoff:
		t.resolve(ForStart, TriedAgain)
	case !t.Phase.Live() && t.Cause != ByReplacement: // also if its schedule starts it again
		t.resolve(ForStart, CannotBegin)
	}
}

// yield has a task wait whose run could not start: in the queue of its group, or until it
// is tried again.
func (t *step) yield() {
	t.Series.Ran, t.Run.Killed, t.RerunPending = t.Series.RanBefore, false, false
	t.resolvePending(ForEnd, Done)
	t.do(Forget)
	is := t.adopt()
	switch t.Cause {
	case ByStop, ByReplacement:
		t.Last.State, t.Last.Cause = task.Stopped, t.Cause
		t.enter(Over)
		if t.resolve(ForStart, WasStopped); t.Cause == ByReplacement {
			t.answer(ForStart)
			t.Work.Record = Now
			t.renew()
		}
		return
	case ByShutdown:
		t.Held = true
	}
	t.Cause = ByItself
	if !t.p.Grouped {
		t.resolve(ForStart, TriedAgain)
	}
	if !t.HasCaller(ForStart) {
		t.Work.Record = Soon // the state is as before, and the disk may be full
	}
	if is.waits() {
		t.enter(Waiting)
	} else {
		t.enter(Queued)
	}
}

func (Ready) on(t *step) error {
	if t.Phase == Probing {
		t.enter(Running)
		t.Work.Record = Now
	}
	return nil
}

func (e Unhealthy) on(t *step) error {
	if t.Phase == Running {
		t.Cause, t.Run.Note = ByUnhealthy, e.Note
		t.end(t.p.Grace, false)
	}
	return nil
}

func (e Exited) on(t *step) error {
	if t.Run.Exited || !t.Phase.Live() || t.Phase == Starting {
		return nil
	}
	t.Run.Exited, t.Run.Exit = true, e.Exit
	if e.Left { // the next supervisor could not find out how it ended
		t.Work.Record = Now
	}
	switch {
	case !e.Left, t.Phase.Up() && t.p.Leave:
		t.decideNext(e.Lasted, false)
	case t.Phase.Up():
		t.Cause = ByLeftBehind
		t.end(t.p.Grace, false)
	}
	return nil
}

func (e Gone) on(t *step) error {
	if t.Run.Exited && (t.Phase == Stopping || t.Phase == Killing || t.Phase == Stuck) {
		t.Run.Exit.LeftBehind = e.LeftBehind
		t.decideNext(e.Lasted, false)
	}
	return nil
}

func (e TimedOut) on(t *step) error {
	switch t.Phase {
	case Probing:
		t.Cause, t.Run.Note = ByUnready, e.Note
		if limit := t.p.Timeout; limit > 0 && (limit < t.p.Ready || e.Ran >= limit) {
			t.Cause, t.Run.Note = ByTimeout, ""
		}
		t.end(t.p.Grace, false)
	case Running:
		t.Cause = ByTimeout
		t.end(t.p.Grace, false)
	case Stopping:
		t.kill()
	case Killing:
		t.enter(Stuck)
		t.reportStuck()
	case Queued:
		if !t.Held && !t.p.Grouped {
			t.launch()
		}
	case Backoff:
		if t.Held {
			return nil
		}
		t.Series.Restarts++
		t.Series.ShortRuns++
		t.Series.Automatic, t.Series.Retry, t.Series.Missed, t.Cause = true, true, 0, ByItself
		t.queue()
	}
	return nil
}
