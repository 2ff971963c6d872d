package supervisor

import (
	"maps"
	"slices"
	"time"

	"tasks/internal/failpoint"
	"tasks/internal/lifecycle"
	"tasks/pkg/task"
)

// saveRetry is how long after a failed save the next one is tried.
const saveRetry = 2 * time.Second

// recordDelay is how long the run of a job from a queue goes unrecorded. Many are over
// by then, and take one save instead of two. If the supervisor dies meanwhile the next
// one stops the run and starts another.
const recordDelay = 20 * time.Millisecond

// recordEnd notes in the history how the run ended.
func (a *actor) recordEnd() {
	failpoint.At("ended")
	r, last := a.past.amend(), a.state.Last
	r.EndedAt, r.State, r.Reason, r.Stack = task.Now(), last.State, a.why(), last.Exit.Stack
	r.TimedOut = last.TimedOut()
	if !last.Exit.Lost {
		lifecycle.NoteExit(r, last.Exit)
	}
	a.past.reason = r.Reason
	a.endCheck()
	a.run.closeChecks()
	a.run = present{}
	a.hook(r.State, r.Run, exitText(r))
	if keeper, ok := a.sup.opts.Logs.(LogKeeper); ok {
		keeper.Done(a.name, a.past.run)
	}
}

// save returns when the task's record is durable. If that fails it is retried later, even
// if a caller gets the error: a full disk may have space by then.
func (a *actor) save() error {
	past := &a.past
	past.unsaved = nil
	if a.sup.opts.Store == nil {
		return nil
	}
	r := task.Record{
		Spec: a.role.spec, Engine: a.engineName(), Reason: past.reason, NextAt: wall(a.clocks.due.At),
		Queued: a.ahead.queued, EndedWithoutRun: past.rested, Slot: a.ahead.slot,
		Runs: past.history, Unknown: past.unknown,
	}
	if a.run.proc != nil {
		r.Ref, r.PausedFor = a.run.proc.Ref(), task.Duration(a.run.pausedFor)
		if !a.run.pausedAt.IsZero() {
			r.Ran = task.Duration(a.ran())
		}
	}
	a.state.Recorded().Write(&r)
	if a.ahead.wait != nil {
		r.For = slices.Sorted(maps.Keys(a.ahead.waits))
	}
	if a.role.edited != nil {
		r.Edited = &a.role.edited.spec
	}
	if a.state.IsReplaced() {
		a.recordNext(&r)
	}
	r.SetAsOf()
	failed := past.failure != nil
	past.failure = a.sup.opts.Store.Save(r)
	a.unrecorded.Store(past.failure != nil)
	switch err := past.failure; {
	case err == nil && failed:
		a.sup.opts.Logger.Info("saved a task at last", "task", a.name)
	case err != nil:
		past.unsaved = time.After(saveRetry)
		if !failed {
			a.sup.opts.Logger.Error("cannot save a task", "task", a.name, "err", err)
		}
	}
	if a.state.Work.Began {
		failpoint.At("recorded")
	}
	if a.state.Intends() && past.failure == nil {
		failpoint.At("intended")
	}
	return past.failure
}

// wall is t as it is stored.
func wall(t time.Time) task.Time {
	if t.IsZero() {
		return task.Time{}
	}
	return task.Time{Time: t.UTC().Round(0)}
}

// recordNext notes what the call asks for that replaces the task: whoever finds it
// begins that.
func (a *actor) recordNext(r *task.Record) {
	asked := &a.calls.replacement[0].request
	next := asked.spec
	switch {
	case asked.fn != nil:
		return
	case len(next.Command) == 0: // the same again
		next = a.role.latest()
	}
	if a.state.HasRun() {
		r.Next = next
		return
	}
	r.Spec = *next
	r.NextAt, r.Queued, r.Slot, r.For = task.Time{}, task.Time{}, 0, nil
	if plan, err := planOf(next); err == nil {
		if first, err := plan.First(a.sup.now()); err == nil && first.After(a.sup.now()) {
			r.NextAt = wall(first)
		}
	}
}

func (a *actor) engineName() string {
	if a.role.fn != nil || len(a.role.spec.Command) == 0 {
		return task.EngineFunc
	}
	return task.EngineProcess
}
