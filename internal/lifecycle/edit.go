package lifecycle

import "tasks/pkg/task"

// Edited is the policy of a task that was edited, and what of its spec differs from the
// present one in a way that matters to what waits.
type Edited struct {
	Policy
	Group bool // it is in another group, or in none
	Order bool // it comes after other tasks
	Times bool // it is due at other times
}

// An Edit takes effect at once, but for a run, which ends as it has begun. A task that
// waits goes back to the first thing that is new: its time, other tasks, or a slot.
func (e Edit) on(t *step) error {
	if t.NeverStarted() || t.IsReplaced() || t.Held && t.Phase.Pending() {
		return task.ErrConflict
	}
	t.changeRecord()
	t.Work.Changed = true
	if t.Phase.Live() {
		return nil
	}
	is := t.adopt()
	switch {
	case t.Held:
	case t.Phase.Pending() && is.Times && e.Later && !t.Disabled: // else its run was under way
		t.enter(Sleeping)
	case t.Phase == Sleeping && is.Times:
		t.beginAttempt(attempt{automatic: true})
	case t.Phase == Waiting && is.Order, t.Phase == Queued && (is.Group || is.waits()):
		t.lineUp(is)
	case t.Phase == Backoff && !t.shouldRestart():
		t.Cause, t.Series.Missed = ByItself, 0
		if t.p.Repeats {
			t.enter(Sleeping)
		} else {
			t.enter(Over)
		}
	}
	return nil
}

// adopt makes the edited policy the present one, if there is one, and returns what is new.
func (t *step) adopt() (is Edited) {
	if t.p.Edited == nil {
		return is
	}
	is = *t.p.Edited
	t.Series.ScheduleActive = t.Series.ScheduleActive && t.p.Repeats // else there was none
	t.p = is.Policy
	if t.Disabled && !t.p.Repeats {
		t.Disabled = false
		if t.Phase == Over {
			t.Last.State, t.Last.Cause = task.Stopped, ByStop
		}
	}
	t.RerunPending = t.RerunPending && t.p.Repeats && (t.p.Overlap == task.OverlapQueue || t.p.Overlap == task.OverlapReplace)
	t.do(Adopt)
	return is
}

// waits reports whether there are other tasks to wait for.
func (e Edited) waits() bool { return e.Order && e.After }

// lineUp leads to the first thing that is new, or else to a run: in the slot of the run
// before, if there was one.
func (t *step) lineUp(is Edited) {
	again := t.Phase.Live()
	switch {
	case is.waits():
		t.enter(Waiting)
	case t.p.Grouped && (is.Group || !again):
		t.enter(Queued)
	default:
		t.launch()
		return
	}
	if t.Cause = ByItself; again { // its next run is for another turn
		t.Series.Ran, t.Run.Refused = false, false
	}
}
