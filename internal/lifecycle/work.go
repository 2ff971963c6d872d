package lifecycle

import "tasks/pkg/task"

// Pending work is done in this order: save, publish, answer. So whatever is
// acknowledged is durable.

// addCaller notes that a caller of this kind waits.
func (t *step) addCaller(kind CallerKind) {
	if !t.HasCaller(kind) {
		t.Work.Callers[kind] = Pending
	}
}

// resolve sets the answer for callers of this kind. They get it from answer.
func (t *step) resolve(kind CallerKind, outcome Outcome) {
	if t.HasCaller(kind) {
		t.Work.Callers[kind] = outcome
	}
}

// resolvePending is resolve, unless they have another answer already.
func (t *step) resolvePending(kind CallerKind, outcome Outcome) {
	if t.Work.Callers[kind] == Pending {
		t.Work.Callers[kind] = outcome
	}
}

func (t *step) answer(kind CallerKind) {
	if out := t.Work.Callers[kind]; out > Pending {
		t.effects = append(t.effects, Effect{Answer, kind, out})
		t.Work.Callers[kind] = NoCaller
	}
}

// reportStuck answers everybody who waits for the run to end.
func (t *step) reportStuck() {
	for _, kind := range []CallerKind{ForStart, ForEnd, ForReplacement, ForRemoval} {
		t.resolvePending(kind, IsStuck)
	}
	if t.Cause == ByReplacement {
		t.Cause, t.Desired = ByStop, task.DesiredStopped
	}
}

func (Flush) on(t *step) error {
	work := &t.Work
	changed := work.Record == NotNow && work.Changed && !t.Phase.Live()
	if changed || (work.Record == Soon || work.Stale) && t.acknowledges() {
		work.Record = Now
	}
	switch work.Record {
	case Now:
		t.do(Save)
		return nil
	case Soon:
		work.Stale = true
		t.do(SaveSoon)
	}
	work.Record = NotNow
	t.conclude(false)
	return nil
}

// acknowledges reports whether a caller is about to be answered with success.
func (t *step) acknowledges() bool {
	for _, out := range t.Work.Callers {
		if out == Done || out == Pending && (t.Phase == Over || t.Phase.Pending()) {
			return true
		}
	}
	return false
}

func (e Saved) on(t *step) error {
	t.Work.Record, t.Work.Stale = NotNow, e.Failed
	if t.Work.Intent.Cause != ByItself {
		t.intended(e.Failed)
		return nil
	}
	accepted := t.Work.Began || t.Phase.Pending()
	if starts := &t.Work.Callers[ForStart]; e.Failed && accepted && (*starts == Pending || *starts == Done) && !t.Series.Automatic {
		t.Run.Refused, *starts = true, Pending // they are answered when nothing is left of the run
	}
	t.conclude(e.Failed)
	if accepted && t.Run.Refused {
		t.stop(Stop{Now: true, Grace: -1})
	}
	return nil
}

// intend records that the run ends for another, before it does: if the supervisor
// dies in between, the task must not stay ended.
func (t *step) intend(i Intent) {
	t.Work.Intent = i
	t.do(Save)
}

// intended carries out the intent. If it could not be recorded the run continues.
func (t *step) intended(failed bool) {
	i := t.Work.Intent
	t.Work.Intent = Intent{}
	switch {
	case !failed && !t.Phase.Live():
		t.endWithoutRun(ByReplacement)
		t.renew()
	case !failed:
		t.Desired, t.Cause = task.DesiredRunning, i.Cause
		t.end(i.Grace, i.Now)
	case i.Cause == ByRestart:
		t.resolve(ForStart, GoesOn)
		t.answer(ForStart)
	default:
		t.resolve(ForReplacement, GoesOn)
		t.answer(ForReplacement)
	}
}

// conclude publishes the state and answers the callers; failed says that the state
// could not be recorded.
func (t *step) conclude(failed bool) {
	if t.Work.Changed {
		t.do(Publish)
	}
	t.Work.Changed, t.Work.Began = false, false
	pending := t.Phase.Pending()
	if t.Phase == Over || pending && t.Held {
		t.resolvePending(ForEnd, Done)
	}
	switch {
	case pending && !t.Run.Refused:
		t.resolvePending(ForStart, Done)
		t.Series.Automatic = true // no caller is left
	case t.Phase == Over && t.Run.Refused:
		t.resolvePending(ForStart, IsRefused)
	case t.Phase == Over:
		t.resolvePending(ForStart, WasStopped)
	}
	if t.Phase == Over && !t.Held {
		t.resolvePending(ForReplacement, WasStopped)
	}
	for kind, out := range t.Work.Callers {
		if failed && out == Done {
			t.Work.Callers[kind] = Unsaved
		}
	}
	for _, kind := range []CallerKind{ForEnd, ForRecord, ForStart, ForReplacement, ForRemoval} {
		t.answer(kind)
	}
	if t.Phase == Over && t.HasCaller(ForRemoval) {
		t.do(Erase)
	}
}

func (SaveDue) on(t *step) error {
	if t.Phase.Up() || !t.Phase.Live() && !t.NeverStarted() { // what starts or stops is recorded when it has
		t.Work.Record = Now
	}
	return nil
}

func (Postponed) on(t *step) error {
	t.postpone()
	return nil
}

// postpone leaves the replacement to the next supervisor.
func (t *step) postpone() {
	t.Held = true
	t.Work.Record = Now
	t.addCaller(ForReplacement)
}

func (Dropped) on(t *step) error {
	t.Desired = task.DesiredStopped
	return nil
}

func (e Erased) on(t *step) error {
	if e.Failed {
		t.resolve(ForRemoval, NotErased)
		t.answer(ForRemoval)
		return nil
	}
	removes := t.Work.Callers[ForRemoval]
	t.State = State{}
	t.Work.Callers[ForRemoval] = removes
	t.quiet = true
	t.do(Vanish)
	t.resolve(ForRemoval, Done)
	t.answer(ForRemoval)
	return nil
}
