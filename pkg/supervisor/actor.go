package supervisor

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"tasks/internal/lifecycle"
	"tasks/internal/queue"
	"tasks/pkg/task"
)

// An actor is the one goroutine that owns a task: its state, its run and its
// timers. It decides nothing: the state says what an event leads to. Others send it
// calls and read its snapshots. While the task needs nothing, as one that has ended, or
// nothing but the end of its run, there is no goroutine: the next call, or that end, begins
// it again.
type actor struct {
	sup  *Supervisor
	name string
	mail chan *Call // without room: a call that was sent is a call that is handled

	shown atomic.Pointer[snapshot] // nil before the first start was accepted, and after a removal

	done chan struct{} // closed to end the goroutine
	once sync.Once

	coming  atomic.Int32 // calls on their way to mail; more come under Supervisor.mu alone
	resting bool         // there is no goroutine; guarded by Supervisor.mu

	place   *queue.Place  // in its group
	stirred chan struct{} // has an element when there is something to look at again
	moved   atomic.Int64  // how far the clock was set since the loop looked, in nanoseconds

	unrecorded atomic.Bool // the last save failed

	// The loop's own, what only that goroutine touches:

	state  lifecycle.State
	role   role
	past   journal
	run    present
	ahead  ahead
	clocks clocks
	calls  callers

	suspension *suspension // under way, or nil
}

func newActor(s *Supervisor, name string) *actor {
	return &actor{
		sup: s, name: name, mail: make(chan *Call), done: make(chan struct{}),
		place: new(queue.Place), stirred: make(chan struct{}, 1),
	}
}

// poke has the loop look again at what it waits for.
func (a *actor) poke() {
	select {
	case a.stirred <- struct{}{}:
	default:
	}
}

// quit ends the goroutine; its task is left as it is.
func (a *actor) quit() { a.once.Do(func() { close(a.done) }) }

func (a *actor) ended() bool { return closed(a.done) }

// deliver hands c to the task's goroutine, unless that has ended for good.
func (a *actor) deliver(c *Call) bool {
	if !a.awake() {
		return false
	}
	select {
	case a.mail <- c:
		return true
	case <-a.done:
		return false
	}
}

// awake has the goroutine there for one call, unless it has ended for good.
func (a *actor) awake() bool {
	a.sup.mu.Lock()
	defer a.sup.mu.Unlock()
	if a.ended() {
		return false
	}
	a.coming.Add(1)
	if a.resting {
		a.wakeLocked()
	}
	return true
}

// wakeLocked begins the goroutine again, under Supervisor.mu.
func (a *actor) wakeLocked() {
	a.resting = false
	a.moved.Store(0) // nothing was due
	a.sup.actors.Go(a.loop)
}

// runEnds has the goroutine there for the end of the run.
func (a *actor) runEnds() {
	a.sup.mu.Lock()
	defer a.sup.mu.Unlock()
	if a.resting && a.runEnded() && !a.ended() {
		a.wakeLocked()
	}
}

// runEnded reports whether there is an end of the run to act on.
func (a *actor) runEnded() bool {
	return closed(a.run.exited) || closed(goneAfter(a.run.exited, a.run.gone))
}

// rest reports whether the goroutine can end until it is needed: at once where there is no
// run, beside one if it is idle.
func (a *actor) rest(idle bool) bool {
	if !idle && !a.state.Inactive() || !a.quiet() {
		return false
	}
	a.sup.mu.Lock()
	defer a.sup.mu.Unlock()
	a.resting = a.coming.Load() == 0 && !a.runEnded() && !a.ended()
	return a.resting
}

// quiet reports whether nothing comes but calls, and the announced end of the run.
func (a *actor) quiet() bool {
	if a.past.unsaved != nil || a.calls.any() || a.suspension != nil {
		return false
	}
	if a.state.Inactive() {
		needs := a.needs()
		needs.Time = false // it is in the record
		return !a.state.NeverStarted() && needs == lifecycle.Needs{}
	}
	return a.run.announced && a.run.checks == nil && a.clocks.timer == nil && a.clocks.due.At.IsZero()
}

// loop waits for what happens to the task. Thousands of tasks wait at once: a select of short
// cases keeps the stack small, see TestStackOfATask.
func (a *actor) loop() {
	if !a.ended() {
		a.noteEnd() // before the calls that have come since
	}
	for idle := false; !a.ended(); { // first: of a call and the end, select takes either
		if a.rest(idle) {
			return
		}
		idle = false
		deadline, check := a.limits()
		select {
		case c := <-a.mail:
			a.takeUp(c)
		case err := <-a.suspension.outcome():
			a.suspended(err)
		case l := <-a.run.launched:
			a.begun(l)
		case <-a.run.exited:
			a.exited()
		case <-goneAfter(a.run.exited, a.run.gone):
			a.gone()
		case <-a.past.unsaved:
			a.past.unsaved = nil
			a.happens(lifecycle.SaveDue{})
		case <-deadline:
			a.clocks.timer = nil
			a.deadlineComes()
		case <-a.due():
			a.tick()
		case a.ahead.slot = <-a.place.Granted():
			a.happens(lifecycle.SlotGranted{})
		case <-a.stirred:
			a.lookAgain()
		case err := <-check:
			a.checked(err)
		case <-a.idle():
			idle = true
		case <-a.done:
		}
	}
	a.drain()
}

// limits has what may end the present phase: its deadline and its check. What is paused has
// neither. Inlined, it would leave a copy of the state on the stack of the loop.
//
//go:noinline
func (a *actor) limits() (deadline <-chan time.Time, check <-chan error) {
	if a.pausing() {
		return nil, nil
	}
	if a.clocks.timer != nil {
		deadline = a.clocks.timer.C
	}
	return deadline, a.run.check
}

// restDelay is how long a run does nothing but last before its task rests: one that is stopped
// at once does not pay for another goroutine.
const restDelay = 300 * time.Millisecond

// idle has an element once the task can rest beside its run.
func (a *actor) idle() <-chan time.Time {
	if a.state.Inactive() || !a.quiet() {
		return nil
	}
	return time.After(restDelay)
}

// due has an element when the scheduled time has come. While the task is held, that is the
// next supervisor's.
func (a *actor) due() <-chan time.Time {
	if a.state.Held {
		return nil
	}
	return a.clocks.due.C()
}

// takeUp handles a call that was sent.
func (a *actor) takeUp(c *Call) {
	a.coming.Add(-1)
	a.handle(c)
	c.hasLinedUp()
	if !a.suspension.holds(c) {
		close(c.taken)
	}
}

// exited is for a main process that has ended, and gone for all of its run.
func (a *actor) exited() {
	a.run.exited = nil
	a.happens(lifecycle.Exited{Exit: a.run.proc.Exit(), Left: !closed(a.run.gone), Lasted: a.lasted()})
}

func (a *actor) gone() {
	a.run.gone = nil
	a.happens(lifecycle.Gone{LeftBehind: a.run.proc.Exit().LeftBehind, Lasted: a.lasted()})
}

// goneAfter is gone once exited was seen: of two channels that are ready,
// select takes either.
func goneAfter(exited, gone <-chan struct{}) <-chan struct{} {
	if exited != nil {
		return nil
	}
	return gone
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// drain answers those whose request will not come to its end, and saves what there
// will be no later time for.
func (a *actor) drain() {
	a.lastEnd()
	if a.past.unsaved != nil && a.shown.Load() != nil {
		a.happens(lifecycle.SaveDue{})
	}
	if a.clocks.timer != nil {
		a.clocks.timer.Stop()
	}
	a.clocks.due.Stop()
	a.endCheck()
	a.run.closeChecks()
	err := task.Errorf(task.ErrUnavailable, a.name, "the supervisor has ended")
	if a.state.NeverStarted() {
		err = task.NoSuchTask(a.name)
	}
	calls := a.calls.all()
	if s := a.suspension; s != nil {
		calls = append(calls, []*Call{s.call}, s.behind)
	}
	for _, kind := range calls {
		for _, c := range kind {
			c.fail(err)
		}
	}
}

// lastEnd is for a run that had ended when the loop did: nobody else sees the end. The next
// supervisor begins what follows it.
func (a *actor) lastEnd() {
	if a.run.proc != nil && !a.state.Follows() {
		a.noteEnd()
	}
}

// noteEnd acts on an end of the run that was reported.
func (a *actor) noteEnd() {
	if closed(a.run.exited) {
		a.exited()
	}
	if closed(goneAfter(a.run.exited, a.run.gone)) {
		a.gone()
	}
}

// happens advances the state by one event, and by the events that follow at once: a
// slot that is free, a task that has ended already, a record that is durable.
func (a *actor) happens(e lifecycle.Event) {
	for e != nil {
		was := a.state
		next, effects, err := was.Step(a.role.policy, e)
		if err != nil { // who asks checks before
			a.sup.opts.Logger.Error("unexpected request", "task", a.name, "phase", was.Phase, "err", err)
			return
		}
		a.state = next
		a.hurryStart()
		if next.Run.Refused && !was.Run.Refused {
			a.past.refused = a.past.failure
		}
		if !was.Inactive() && next.Inactive() {
			a.failFast()
		}
		if e = a.carryOut(effects); a.state.NeverStarted() { // it is gone
			break
		}
		if e == nil {
			e = a.reconcile()
		}
		if e == nil && a.state.HasWork() {
			a.explain()
			e = lifecycle.Flush{}
		}
	}
	if a.ahead.givenUp {
		a.ahead.givenUp = false
		a.stop(newCall(stopUnbegun(a.name)))
	}
	a.handleAgain()
}

// lasted is what the run that follows depends on.
func (a *actor) lasted() lifecycle.Lasted {
	return lifecycle.Lasted{Ran: a.ran(), Jitter: rand.Float64(), SlotGone: !a.sup.queues.Keeps(a.place)}
}

// carryOut does what the effects say, and returns the event that follows at once, if
// any: of a list only the last leads to one.
func (a *actor) carryOut(effects []lifecycle.Effect) (follows lifecycle.Event) {
	for _, e := range effects {
		switch e.Do {
		case lifecycle.Launch:
			a.launch()
		case lifecycle.Ask:
			a.endRun(a.role.spec.Signal())
		case lifecycle.Kill:
			a.endRun(kill)
		case lifecycle.Settle:
			a.recordEnd()
		case lifecycle.Blame:
			a.hook(task.Failed, a.past.run, "")
		case lifecycle.Forget:
			a.forgetRun()
		case lifecycle.Save:
			follows = lifecycle.Saved{Failed: a.save() != nil}
		case lifecycle.SaveSoon:
			a.past.unsaved = time.After(recordDelay)
		case lifecycle.Publish:
			a.show()
		case lifecycle.Answer:
			a.answer(e.To, e.Outcome)
		case lifecycle.Adopt:
			a.adopt()
		case lifecycle.Renew:
			follows = a.renew()
		case lifecycle.Erase:
			follows = lifecycle.Erased{Failed: a.erase() != nil}
		case lifecycle.Vanish:
			a.vanish()
		}
	}
	return follows
}
