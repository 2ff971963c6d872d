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
	"tasks/internal/failpoint"
	"tasks/internal/lifecycle"
	"tasks/internal/queue"
	"tasks/internal/safeopen"
	"tasks/pkg/engine"
	"tasks/pkg/task"
)

// Load takes over the tasks and groups that an earlier supervisor recorded. Call
// it once, before anything else. Runs that outlived that supervisor are taken
// back if their engine can; others are lost. What should be up is started again, and what
// waited waits again, in its order. Load does not wait for those starts: what it returns
// is closed when each has succeeded or failed, which is logged.
func (s *Supervisor) Load(ctx context.Context, records []task.Record, groups ...task.Group) (started <-chan struct{}) {
	s.queues.Close() // until all are in the queue again
	s.order.Close()  // and what they wait for is up again
	groups = s.dropTemporary(groups, records)
	records = slices.Clone(records)
	for i := range records {
		records[i].DropOverruled()
	}
	for _, g := range groups {
		s.queues.Set(g.Name, &g, false)
	}
	actors, next := make([]*actor, len(records)), make([]*lifecycle.GoOn, len(records))
	for i, r := range records {
		actors[i] = s.add(r.Spec.Name)
	}
	each := func(f func(i int)) { // side by side, for the sake of a store that groups its saves
		var all sync.WaitGroup
		for i := range records {
			all.Go(func() { f(i) })
		}
		all.Wait()
	}
	each(func(i int) { next[i] = actors[i].restore(ctx, records[i]) })
	s.reserve(records, actors, next)
	s.countFailures(actors)
	calls := make([]*Call, len(records))
	each(func(i int) { // none waits for the record of another
		if next[i] != nil {
			calls[i] = newCall(Restart(actors[i].name))
			actors[i].goOn(calls[i], *next[i])
		} else if actors[i].state.HasWork() {
			actors[i].happens(lifecycle.Flush{})
		}
		s.actors.Go(actors[i].loop)
	})
	s.goOn()
	s.giveUpAgain(records)
	all := make(chan struct{})
	s.actors.Go(func() {
		s.reportFailedStarts(calls)
		close(all)
	})
	for _, g := range groups {
		if g.Unfinished {
			s.actors.Go(func() { s.finishGroup(g) })
		}
	}
	return all
}

// reportFailedStarts logs which tasks could not be started again.
func (s *Supervisor) reportFailedStarts(calls []*Call) {
	for _, c := range calls {
		if c == nil {
			continue
		}
		if _, err := c.Wait(context.Background()); err != nil && !errors.Is(err, task.ErrUnavailable) { // else the next supervisor starts it
			s.opts.Logger.Warn("cannot start a task again", "task", c.request.name, "err", err)
		}
	}
}

// reserve gives continued tasks their places in the queues: who has waited longest
// comes first.
func (s *Supervisor) reserve(records []task.Record, actors []*actor, next []*lifecycle.GoOn) {
	var order []int
	for i := range records {
		if k := lifecycle.RecordedIn(&records[i]); next[i] != nil && k.Queued() {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(i, j int) int { return records[i].Queued.Compare(records[j].Queued.Time) })
	var waited []*queue.Place
	var since []task.Time
	for _, i := range order {
		waited, since = append(waited, actors[i].place), append(since, records[i].Queued)
	}
	s.queues.Reserve(waited, since)
}

// goOn continues a task as restore found it. It runs before the loop.
func (a *actor) goOn(c *Call, e lifecycle.GoOn) {
	if a.role.engine == nil { // a function of an earlier program
		c.fail(a.noEngine(a.role.spec))
		return
	}
	a.calls.add(lifecycle.ForStart, c)
	a.happens(e)
}

// restore makes the actor what the record says. It returns how the task continues, if it
// does. It runs before the loop.
func (a *actor) restore(ctx context.Context, r task.Record) *lifecycle.GoOn {
	var fn Func
	if r.Engine == task.EngineFunc && len(r.Spec.Command) == 0 {
		fn = a.sup.opts.Builtin
	}
	plan, err := planOf(&r.Spec)
	if err != nil {
		a.sup.opts.Logger.Error("cannot read a schedule", "task", a.name, "err", err)
	}
	a.adoptSpec(r.Spec, fn, plan)
	past := &a.past
	past.policy = a.role.policy
	if r.Edited != nil {
		e, err := a.editedTo(*r.Edited)
		if err != nil {
			a.sup.opts.Logger.Error("cannot read an edited spec", "task", a.name, "err", err)
		}
		a.role.setEdited(e)
	}
	a.keepOrder()
	past.history, past.reason, past.rested, past.unknown = r.Runs, r.Reason, r.EndedWithoutRun, r.Unknown
	a.ahead.queued, a.ahead.still = r.Queued, r.For
	if n := len(r.Runs); n > 0 {
		past.run = r.Runs[n-1].Run
	}
	if r.Next != nil {
		a.sup.order.Restore(a.name, slices.Concat(a.deps(), deps.Of(r.Next)))
		a.calls.add(lifecycle.ForReplacement, newCall(Request{kind: toStart, name: a.name, spec: r.Next, force: true, kept: true}))
	}
	kept, found := lifecycle.RecordedIn(&r), lifecycle.NoRun
	a.watchLeft(kept.Live())
	if kept.Live() {
		run := past.amend()
		run.ExitCode, run.Signal = nil, ""
		switch err = a.reclaim(ctx, r); {
		case err == nil:
			a.takenBack(r, kept)
			return nil
		case errors.Is(err, task.ErrNotFound):
			found = lifecycle.LostRun
		default:
			found = lifecycle.MayStillBe
			if keeper, ok := a.sup.opts.Logs.(LogKeeper); ok {
				keeper.Watch(&a.role.spec, past.run)
			}
		}
		past.lost = lostBecause(r, err)
	}
	e := lifecycle.Recovered{Recorded: kept, Found: found, NoEngine: a.role.engine == nil}
	if !e.GoesOn(a.role.policy) {
		if kept.Disabled {
			a.clocks.due.At = r.NextAt.Time // its rhythm
		}
		a.recovered(e)
		return nil
	}
	if a.role.edited != nil && a.role.edited.policy.Times { // since the run is over
		r.NextAt = task.Time{}
	}
	later, late := a.resume(r)
	a.recovered(e)
	next := kept.GoOn(a.role.policy, later, late)
	return &next
}

// watchLeft has the logs of ended runs bounded, too, to which what these have left behind
// still writes.
func (a *actor) watchLeft(live bool) {
	keeper, ok := a.sup.opts.Logs.(LogKeeper)
	if !ok || !a.role.spec.LeaveChildren {
		return
	}
	last := a.past.run
	if live {
		last--
	}
	keeper.WatchLeft(&a.role.spec, last)
}

// recovered is for a task without a run: what its record says of it stays so.
func (a *actor) recovered(e lifecycle.Recovered) {
	next, effects, err := a.state.Step(a.role.policy, e)
	if err != nil {
		a.sup.opts.Logger.Error("unexpected recovery", "task", a.name, "err", err)
		return
	}
	a.state, a.ahead.armed, a.past.explained = next, next.Armed, next.Armed
	a.carryOut(effects)
}

// resume sets the time that the record has. later: the time is still to come; late: how
// many have passed.
func (a *actor) resume(r task.Record) (later bool, late int) {
	now := a.sup.now()
	if r.NextAt.IsZero() {
		next, _ := a.role.plan.Next(now, now)
		a.clocks.due.Set(next, now)
		return false, 0
	}
	if r.NextAt.After(now) {
		a.clocks.due.Set(r.NextAt.Time, now)
		return true, 0
	}
	a.clocks.due.At = r.NextAt.Time
	return false, a.advance(now)
}

// reclaim takes back a run that outlived an earlier supervisor. The error is an
// ErrNotFound where there is none.
func (a *actor) reclaim(ctx context.Context, r task.Record) error {
	adopter, ok := a.role.engine.(engine.Adopter)
	if !ok || r.Ref == (task.Ref{}) {
		return task.ErrNotFound
	}
	l := engine.Launch{Spec: new(a.role.spec), Run: a.past.run, Slot: r.Slot, Adopted: true}
	kept := lifecycle.RecordedIn(&r)
	l.Ready = kept.Ready
	if kept.IsBeingEnded() { // all of it, also where its main process has ended meanwhile
		l.Spec.LeaveChildren = false
	}
	if logs := a.sup.opts.Logs; logs != nil {
		var err error
		if l.Log, err = safeopen.Open(logs.Path(a.name, a.past.run)); err != nil && !errors.Is(err, fs.ErrNotExist) {
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
	if a.role.spec.Group != "" {
		a.ahead.slot = r.Slot
		a.sup.queues.Hold(a.place, a.role.spec.Group, r.Slot)
	}
	failpoint.At("adopted")
	return nil
}

// takenBack continues a run that was taken back.
func (a *actor) takenBack(r task.Record, kept lifecycle.Recorded) {
	run, now := &a.run, time.Now()
	age := now.Sub(alarm.Steady(r.Runs[len(r.Runs)-1].StartedAt.Time))
	if aged, ok := run.proc.(engine.Aged); ok {
		age = aged.Age()
	}
	run.pausedFor = time.Duration(r.PausedFor)
	if r.State == task.Paused {
		run.pausedFor, run.pausedAt = age-time.Duration(r.Ran), now
	}
	run.since = now.Add(run.pausedFor - age)
	came := !r.NextAt.IsZero() && !r.NextAt.After(a.sup.now())
	_, late := a.resume(r)
	a.happens(lifecycle.Recovered{Recorded: kept, Found: lifecycle.TakenBack})
	if resumed := r.PausedFor != 0; resumed || !a.pauseWithGroup() { // by hand
		a.pauseAsRecorded(r.State == task.Paused)
	}
	if came {
		a.timeComes(late)
	}
}

func lostBecause(r task.Record, err error) string {
	if !errors.Is(err, task.ErrNotFound) {
		return fmt.Sprintf("process %d may still run: cannot take it back: %v", r.Ref.PID, err)
	}
	return "the supervisor ended without it"
}
