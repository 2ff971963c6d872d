package lifecycle

import "tasks/pkg/task"

// What is owed: a record first, then a look, then answers. What is acknowledged is
// durable.

// call notes that one more waits.
func (t *step) call(who Who) {
	if !t.Waits(who) {
		t.Owed.Callers[who] = Pending
	}
}

// due is what those of who are told when it can be.
func (t *step) due(who Who, outcome Outcome) {
	if t.Waits(who) {
		t.Owed.Callers[who] = outcome
	}
}

// waiting is due for those who would go on waiting.
func (t *step) waiting(who Who, outcome Outcome) {
	if t.Owed.Callers[who] == Pending {
		t.Owed.Callers[who] = outcome
	}
}

func (t *step) answer(who Who) {
	if out := t.Owed.Callers[who]; out > Pending {
		t.effects = append(t.effects, Effect{Answer, who, out})
		t.Owed.Callers[who] = Nothing
	}
}

// report tells who waits for the end that there is none.
func (t *step) report() {
	for _, who := range []Who{Begins, Ends, Renews, Removes} {
		t.waiting(who, IsStuck)
	}
	if t.Cause == ByReplacement {
		t.Cause, t.Wish = ByStop, task.Down
	}
}

func (Rest) on(t *step) error {
	owed := &t.Owed
	changed := owed.Record == NotNow && owed.Changed && !t.Phase.Live()
	if changed || (owed.Record == Soon || owed.Stale) && t.tells() {
		owed.Record = Now
	}
	switch owed.Record {
	case Now:
		t.do(Save)
		return nil
	case Soon:
		owed.Stale = true
		t.do(SaveSoon)
	}
	owed.Record = NotNow
	t.conclude(false)
	return nil
}

// tells whether somebody is about to hear that it is as they asked.
func (t *step) tells() bool {
	for _, out := range t.Owed.Callers {
		if out == Done || out == Pending && (t.Phase == Over || t.Phase.Pending()) {
			return true
		}
	}
	return false
}

func (e Saved) on(t *step) error {
	t.Owed.Record, t.Owed.Stale = NotNow, e.Failed
	if t.Owed.Intent.Cause != ByItself {
		t.intended(e.Failed)
		return nil
	}
	accepted := t.Owed.Began || t.Phase.Pending()
	if begins := &t.Owed.Callers[Begins]; e.Failed && accepted && (*begins == Pending || *begins == Done) && !t.Turn.Automatic {
		t.Run.Refused, *begins = true, Pending // not before: nothing may be left of it
	}
	t.conclude(e.Failed)
	if accepted && t.Run.Refused {
		t.stop(Stop{Now: true, Grace: -1})
	}
	return nil
}

// intend ends the run for another once this is recorded: a death of the supervisor
// that cuts it in two must not leave the task ended.
func (t *step) intend(i Intent) {
	t.Owed.Intent = i
	t.do(Save)
}

// intended: what cannot be recorded does not end what runs.
func (t *step) intended(failed bool) {
	i := t.Owed.Intent
	t.Owed.Intent = Intent{}
	switch {
	case !failed && !t.Phase.Live():
		t.rest(ByReplacement)
		t.renew()
	case !failed:
		t.Wish, t.Cause = task.Up, i.Cause
		t.end(i.Grace, i.Now)
	case i.Cause == ByRestart:
		t.due(Begins, GoesOn)
		t.answer(Begins)
	default:
		t.due(Renews, GoesOn)
		t.answer(Renews)
	}
}

// conclude shows the state and tells whoever has what they wait for; failed is that
// it could not be recorded.
func (t *step) conclude(failed bool) {
	if t.Owed.Changed {
		t.do(Publish)
	}
	t.Owed.Changed, t.Owed.Began = false, false
	pending := t.Phase.Pending()
	if t.Phase == Over || pending && t.Held {
		t.waiting(Ends, Done)
	}
	switch {
	case pending && !t.Run.Refused:
		t.waiting(Begins, Done)
		t.Turn.Automatic = true // nobody is left to hear
	case t.Phase == Over && t.Run.Refused:
		t.waiting(Begins, IsRefused)
	case t.Phase == Over:
		t.waiting(Begins, WasStopped)
	}
	if t.Phase == Over && !t.Held {
		t.waiting(Renews, WasStopped)
	}
	for who, out := range t.Owed.Callers {
		if failed && out == Done {
			t.Owed.Callers[who] = Unsaved
		}
	}
	for _, who := range []Who{Ends, Turns, Begins, Renews, Removes} {
		t.answer(who)
	}
	if t.Phase == Over && t.Waits(Removes) {
		t.do(Erase)
	}
}

func (SaveDue) on(t *step) error {
	if t.Phase.Up() || !t.Phase.Live() && !t.Never() { // else it will be saved when that has happened
		t.Owed.Record = Now
	}
	return nil
}

func (Postponed) on(t *step) error {
	t.postpone()
	return nil
}

// postpone leaves what is to follow to the next supervisor.
func (t *step) postpone() {
	t.Held = true
	t.Owed.Record = Now
	t.call(Renews)
}

func (Dropped) on(t *step) error {
	t.Wish = task.Down
	return nil
}

func (e Erased) on(t *step) error {
	if e.Failed {
		t.due(Removes, NotErased)
		t.answer(Removes)
		return nil
	}
	removes := t.Owed.Callers[Removes]
	t.State = State{}
	t.Owed.Callers[Removes] = removes
	t.quiet = true
	t.do(Vanish)
	t.due(Removes, Done)
	t.answer(Removes)
	return nil
}
