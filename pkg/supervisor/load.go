package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"time"

	"tasks/internal/alarm"
	"tasks/internal/deps"
	"tasks/internal/fault"
	"tasks/internal/lifecycle"
	"tasks/internal/queue"
	"tasks/internal/safeopen"
	"tasks/pkg/task"
)

// Load takes over the tasks and groups that an earlier supervisor recorded. Call
// it once, before anything else. Runs that outlived that supervisor are taken
// back if their engine can; others are lost. What should be up is started again,
// and what waited goes on waiting, in its order; if ctx ends first, that goes on
// without the caller.
func (s *Supervisor) Load(ctx context.Context, records []task.Record, groups ...task.Group) {
	s.queues.Close() // until all are in the queue again
	s.order.Close()  // and what they wait for is up again
	for _, g := range groups {
		s.queues.Set(g.Name, &g)
	}
	actors, next := make([]*actor, len(records)), make([]Op, len(records))
	var restored sync.WaitGroup // side by side, for the sake of a store that groups its saves
	for i, r := range records {
		actors[i] = s.add(r.Spec.Name)
		restored.Go(func() {
			next[i] = actors[i].restore(ctx, r)
			actors[i].resuming = next[i].Kind == OpRestart
		})
	}
	restored.Wait()
	order := make([]int, len(records))
	for i, a := range actors {
		order[i] = i
		s.actors.Go(a.loop)
	}
	// First what runs for others, then who has waited longest.
	slices.SortStableFunc(order, func(i, j int) int { return records[i].Queued.Compare(records[j].Queued.Time) })
	var waited []*queue.Place
	var since []task.Time
	for _, i := range order {
		if next[i].Kind == OpRestart && records[i].State != task.Waiting {
			waited, since = append(waited, actors[i].place), append(since, records[i].Queued)
		}
	}
	s.queues.Reserve(waited, since)
	var calls []*Call
	for _, pend := range []bool{false, true} {
		begun := len(calls)
		for _, i := range order {
			if next[i].Kind == OpRestart && pending(records[i].State) == pend {
				calls = append(calls, s.Submit(next[i]))
			}
		}
		for _, c := range calls[begun:] { // once it takes another, it has begun the one before
			s.Submit(Op{Kind: opNothing, Name: c.op.Name})
		}
	}
	s.goOn()
	for _, c := range calls {
		if _, err := c.Wait(ctx); err != nil {
			s.opts.Logger.Warn("cannot start a task again", "task", c.op.Name, "err", err)
		}
	}
}

// pending tells the states that lead to a run.
func pending(state task.State) bool { return state == task.Waiting || state == task.Queued }

// restore makes the actor what the record says. The Op is an OpRestart where the
// task is to go on: at once, or as before at its time or in its place. It runs
// before the loop.
func (a *actor) restore(ctx context.Context, r task.Record) (next Op) {
	var fn Func
	if r.Engine == task.EngineFunc && len(r.Spec.Command) == 0 {
		fn = a.sup.opts.Builtin
	}
	plan, err := planOf(&r.Spec)
	if err != nil {
		a.sup.opts.Logger.Error("cannot read a schedule", "task", a.name, "err", err)
	}
	a.adoptSpec(r.Spec, fn, plan)
	a.sup.order.Restore(a.name, deps.Of(&r.Spec))
	a.history, a.machine.Wish, a.machine.Restarts, a.reason = slices.Clone(r.Runs), r.Wish, r.Restarts, r.Reason
	a.queued, a.unknown = r.Queued, r.Unknown
	if n := len(r.Runs); n > 0 {
		a.run = r.Runs[n-1].Run
	}
	live := !r.State.Ended() && r.State != task.BackingOff && !pending(r.State) && len(r.Runs) > 0
	if live {
		if err = a.reclaim(ctx, r); err == nil {
			return Op{}
		}
	}
	m := &a.machine
	m.Phase, m.Last.State = lifecycle.Over, r.State
	m.Begun, a.rested = !r.Fresh && r.Rested.IsZero() && len(r.Runs) > 0, r.Rested
	switch {
	case live:
		m.Last = lifecycle.Ending{State: task.Lost, Exit: task.Exit{Lost: true}}
		a.settle()
		a.reason = lostBecause(r, err)
		a.history[len(a.history)-1].Reason = a.reason
	case r.State == task.BackingOff:
		m.Last.State = task.Stopped
	case pending(r.State) && a.engine != nil:
		m.Phase, m.Cause = lifecycle.Sleeping, lifecycle.Shutdown // until it goes on
		a.at = m.Phase
	case !r.State.Ended():
		m.Last.State = task.Lost
	}
	if r.Shutdown {
		m.Last.Cause = lifecycle.Shutdown
	}
	next = a.goesOn(r, live, err)
	// The record of one that goes on stays until that has happened: whoever finds it
	// after another death must come to the same.
	if (live || r.State == task.BackingOff) && next.Kind != OpRestart {
		if err := a.save(); err != nil {
			a.sup.opts.Logger.Error("cannot save a task", "task", a.name, "err", err)
		}
	}
	a.show()
	return next
}

// goesOn says whether and how the task of the record goes on: live tells that it had
// a run then, and err why that could not be taken back.
func (a *actor) goesOn(r task.Record, live bool, err error) Op {
	again := Op{Kind: OpRestart, Name: a.name, unasked: true}
	switch {
	case live && !errors.Is(err, task.ErrNotFound):
		return Op{} // it may well run: never a second one beside it
	case restarting(r):
		a.resume(r)
		return again // its second half
	case r.Wish != task.Up:
		return Op{}
	}
	interrupted := live || r.Shutdown || r.State == task.BackingOff
	restarts := r.Spec.Restart == task.RestartAlways || r.Spec.Restart == task.RestartOnFailure
	switch {
	case pending(a.machine.Public()), interrupted && r.Spec.Repeats() && !restarts:
		again.later, again.late = a.resume(r)
		again.clear = r.State == task.Queued
		if again.clear || r.Waits { // its time has come already; what comes is that of another run
			again.later = false
		}
		return again
	case interrupted && restarts:
		a.resume(r)
		return again
	}
	return Op{}
}

// resume sets the time that the record has. Later is whether it is to come, and
// late how many have passed.
func (a *actor) resume(r task.Record) (later bool, late int) {
	now := a.sup.now()
	if r.NextAt.IsZero() {
		next, _ := a.plan.Next(now, now)
		a.due.Set(next, now)
		return false, 0
	}
	if r.NextAt.After(now) {
		a.due.Set(r.NextAt.Time, now)
		return true, 0
	}
	a.due.At = r.NextAt.Time
	return false, a.advance(now)
}

// reclaim takes back a run that outlived an earlier supervisor. The error is an
// ErrNotFound where there is none.
func (a *actor) reclaim(ctx context.Context, r task.Record) error {
	adopter, ok := a.engine.(task.Adopter)
	if !ok || r.Ref == (task.Ref{}) {
		return task.ErrNotFound
	}
	l := task.Launch{Spec: new(a.spec), Run: a.run, Slot: r.Slot, Adopted: true}
	if logs := a.sup.opts.Logs; logs != nil {
		var err error
		if l.Log, err = safeopen.Open(logs.Path(a.name, a.run)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			a.sup.opts.Logger.Warn("cannot open the log of a run that was taken back", "task", a.name, "err", err)
		}
	}
	proc, err := adopter.Adopt(ctx, l, r.Ref)
	if err != nil {
		return err
	}
	if keeper, ok := a.sup.opts.Logs.(LogKeeper); ok {
		keeper.Watch(l.Spec, l.Run)
	}
	checks, err := a.sup.checksOf(l, a.logPath())
	if err != nil {
		a.sup.opts.Logger.Warn("cannot check a run that was taken back", "task", a.name, "err", err)
	}
	a.hold(proc, checks)
	if a.spec.Group != "" {
		a.slot = r.Slot
		a.sup.queues.Hold(a.place, a.spec.Group, r.Slot)
	}
	if p, ok := proc.(task.Pauser); ok && r.State != task.Paused { // one that was paused, and not recorded
		if err := p.Resume(); err != nil {
			a.sup.opts.Logger.Warn("cannot resume a run that was taken back", "task", a.name, "err", err)
		}
	}
	fault.At("adopted")
	if aged, ok := proc.(task.Aged); ok {
		a.since = time.Now().Add(-aged.Age())
	} else {
		a.since = alarm.Steady(r.Runs[len(r.Runs)-1].StartedAt.Time)
	}
	a.pausedAt = time.Now()
	_, late := a.resume(r)
	a.input(lifecycle.Input{Kind: lifecycle.DidAdopt, Ready: r.Ready, Paused: r.State == task.Paused})
	if late > 0 {
		a.comes(late)
	}
	switch {
	case r.Wish == task.Down:
		a.input(lifecycle.Input{Kind: lifecycle.DoStop, Cause: lifecycle.Stop, Grace: -1})
	case restarting(r):
		a.input(lifecycle.Input{Kind: lifecycle.DoRestart})
	}
	return nil
}

func lostBecause(r task.Record, err error) string {
	if !errors.Is(err, task.ErrNotFound) {
		return fmt.Sprintf("process %d may still run: cannot take it back: %v", r.Ref.PID, err)
	}
	return "the supervisor ended without it"
}
