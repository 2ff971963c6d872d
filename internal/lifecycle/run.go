package lifecycle

import "tasks/pkg/task"

// Events on the way to a run, and of one.

// on: a time that comes for what is held is one of the next supervisor's.
func (e Tick) on(t *step) error {
	was := t.State
	queue := t.p.Overlap == task.OverlapQueue
	again := queue || t.p.Overlap == task.OverlapReplace
	switch {
	case t.Held, t.Wish == task.Down, t.Cause.Asked():
	case t.Phase == Sleeping, t.Phase == Backoff && t.p.Repeats:
		t.begin(attempt{unasked: true, late: e.Late})
	case !t.p.Repeats:
	case t.Phase.Up() && t.p.Overlap == task.OverlapReplace:
		t.Cause = ByTime
		t.end(t.p.Grace, false)
	case t.Phase == Starting && queue: // to be replaced, it is as new as what would follow
		t.RerunPending = true
	case again && t.Phase.Live() && t.Phase != Starting:
		t.RerunPending = true
	}
	t.Owed.Stale = t.Owed.Stale || t.RerunPending && !was.RerunPending // its time, which has passed, says so as well
	if t.State == was {                                                // it is another time that the task has now
		return Dated{}.on(t)
	}
	return nil
}

// on: a time that still leads to a run stays in the record.
func (Dated) on(t *step) error {
	if t.Never() {
		return nil
	}
	t.Owed.Changed = true
	if !t.RerunPending && !t.Held && (t.Phase.Up() || !t.Phase.Live()) {
		t.Owed.Record = Now
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
	t.Last = Ending{State: task.Failed, Exit: e.Exit}
	t.do(Blame)
	if t.p.Repeats { // its next time may find it otherwise
		t.enter(Sleeping)
		return nil
	}
	t.due(Begins, IsBlocked)
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
	t.Owed.Began = true
	if e.Brief && t.Turn.Automatic && !t.Waits(Begins) {
		t.Owed.Record = Soon
	} else {
		t.Owed.Record = Now
	}
	if t.Cause != ByRestart {
		t.due(Begins, Done)
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
	case t.p.Grouped:
		t.yield()
	default:
		if t.Turn.Automatic { // none has begun: it does not count as a restart
			t.Turn.Restarts = max(t.Turn.Restarts-1, 0)
		}
		t.fail(e.Exit, e.Lasted, !t.Turn.Retry)
	}
	return nil
}

// fail is for a run that could not begin.
func (t *step) fail(exit task.Exit, l Lasted, unbegun bool) {
	t.Run.Exited, t.Run.Exit = true, exit
	if t.Cause == ByReplacement { // before it is another's turn
		t.due(Begins, CannotBegin)
		t.answer(Begins)
	}
	t.settle(l, unbegun)
	switch {
	case t.Phase == Backoff:
		t.due(Begins, TriedAgain)
	case !t.Phase.Live() && t.Cause != ByReplacement: // also of a schedule that goes on
		t.due(Begins, CannotBegin)
	}
}

// yield takes a run that could not begin back to where it waited for its slot.
func (t *step) yield() {
	t.Turn.Ran, t.Run.Killed, t.RerunPending = t.Turn.RanBefore, false, false
	t.waiting(Ends, Done)
	t.do(Forget)
	switch t.Cause {
	case ByStop, ByReplacement:
		t.Last.State, t.Last.Cause = task.Stopped, t.Cause
		t.enter(Over)
		if t.due(Begins, WasStopped); t.Cause == ByReplacement {
			t.answer(Begins)
			t.renew()
		}
		return
	case ByShutdown:
		t.Held = true
	}
	t.Cause = ByItself
	if !t.Waits(Begins) {
		t.Owed.Record = Soon // as it was before, and maybe there is no room for it
	}
	t.enter(Queued)
}

func (Ready) on(t *step) error {
	if t.Phase == Probing {
		t.enter(Running)
		t.Owed.Record = Now
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
	if e.Left { // nobody could tell later how
		t.Owed.Record = Now
	}
	switch {
	case !e.Left, t.Phase.Up() && t.p.Leave:
		t.settle(e.Lasted, false)
	case t.Phase.Up():
		t.Cause = BySweep
		t.end(t.p.Grace, false)
	}
	return nil
}

func (e Gone) on(t *step) error {
	if t.Run.Exited && (t.Phase == Stopping || t.Phase == Killing || t.Phase == Stuck) {
		t.Run.Exit.Swept = e.Swept
		t.settle(e.Lasted, false)
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
		t.report()
	case Backoff:
		if t.Held {
			return nil
		}
		t.Turn.Restarts++
		t.Turn.Streak++
		t.Turn.Automatic, t.Turn.Retry, t.Turn.Late, t.Cause = true, true, 0, ByItself
		t.queue()
	}
	return nil
}
