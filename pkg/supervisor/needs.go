package supervisor

import (
	"context"
	"time"

	"tasks/internal/deps"
	"tasks/internal/lifecycle"
	"tasks/pkg/task"
)

func (a *actor) needs() lifecycle.Needs { return a.state.Needs(a.role.policy, a.ran()) }

// reconcile begins what a phase that was entered needs, and ends what another one
// needed. It returns what follows at once, if anything.
func (a *actor) reconcile() lifecycle.Event {
	if a.ahead.armed == a.state.Armed {
		return nil
	}
	a.ahead.armed = a.state.Armed
	if c := a.calls.lining; c != nil {
		a.calls.lining = nil
		defer c.hasLinedUp()
	}
	needs := a.needs()
	a.arm(needs)
	if a.ahead.wait != nil {
		a.ahead.wait.End()
		a.ahead.wait, a.ahead.waits = nil, nil
	}
	if needs.Slot != lifecycle.HasSlot && a.place.Taken() {
		a.sup.queues.Leave(a.place)
		a.ahead.slot = 0
		if needs.Slot == lifecycle.NoSlot || a.ahead.missing == "" { // else it is back, in its place
			a.ahead.queued = task.Time{}
		}
	}
	if !needs.Alarm {
		if a.clocks.due.Stop(); !needs.Time { // else the next supervisor goes by it
			a.clocks.due.At = time.Time{}
		}
		if !a.state.Series.Ran {
			a.past.rested = task.Now()
		}
	}
	switch {
	case needs.Tasks:
		names := deps.Of(&a.role.spec)
		if a.ahead.still != nil {
			names, a.ahead.still = a.ahead.still, nil
		}
		a.ahead.waits = make(map[string]bool, len(names))
		for _, name := range names {
			a.ahead.waits[name] = true
		}
		a.ahead.wait = a.sup.order.Await(names, a.poke) // first, so that no change is missed
		return a.waited(names)
	case needs.Slot == lifecycle.InQueue:
		if a.place.Batch = ""; a.state.Unbegun() { // else it is tried again
			a.place.Batch = a.role.spec.Batch
			a.ahead.givenUp = a.sup.failures.givenUp(&a.role.spec)
		}
		since, slot, admitted := a.sup.queues.Enter(a.place, a.role.spec.Group, a.role.spec.Priority)
		if a.ahead.queued.IsZero() { // else it waited in an earlier supervisor
			a.ahead.queued = since
		}
		if a.ahead.slot = slot; admitted {
			return lifecycle.SlotGranted{}
		}
	}
	return nil
}

// waited looks at those of the awaited tasks that names has.
func (a *actor) waited(names []string) lifecycle.Event {
	why := a.unmet(names)
	switch {
	case a.sup.order.Closed(): // asked after the look: what closes it stops tasks
	case why != "":
		return lifecycle.DependencyFailed{Exit: task.Exit{Code: 126, Err: why}}
	case len(a.ahead.waits) == 0:
		return lifecycle.DependenciesMet{}
	}
	return nil
}

// lookAgain looks at what may have changed: the awaited tasks, the clock, or whether the
// group is paused.
func (a *actor) lookAgain() {
	if by := time.Duration(a.moved.Swap(0)); by != 0 {
		a.moveDue(by)
	}
	if a.needs().Alarm {
		a.clocks.due.Arm(a.sup.now())
	}
	if a.needs().Slot == lifecycle.InQueue && a.shown.Load() != nil {
		if why := a.because(); why != a.past.reason {
			a.past.reason = why
			a.show()
		}
	}
	if a.ahead.wait == nil {
		return
	}
	before := len(a.ahead.waits)
	if e := a.waited(a.ahead.wait.News()); e != nil {
		a.happens(e)
	} else if len(a.ahead.waits) != before {
		a.past.reason = a.waitsFor()
		a.show()
	}
}

// arm sets the timer to the deadline of the phase, and begins its check.
func (a *actor) arm(needs lifecycle.Needs) {
	if a.clocks.timer != nil {
		a.clocks.timer.Stop()
		a.clocks.timer = nil
	}
	a.clocks.next = task.Time{}
	a.beginCheck(needs.Check)
	if needs.Deadline == 0 {
		return
	}
	a.setDeadline(needs.Deadline)
	if needs.DeadlineIsRetry {
		a.clocks.next = task.Time{Time: time.Now().Add(needs.Deadline).UTC().Round(0)}
	}
}

// beginCheck starts the check of this phase, and ends the check of the phase before.
func (a *actor) beginCheck(kind lifecycle.Check) {
	a.endCheck()
	if a.run.checks == nil {
		return
	}
	var check func(context.Context) error
	switch {
	case kind == lifecycle.ReadyCheck:
		check = a.run.checks.Ready
	case kind == lifecycle.HealthCheck && a.role.spec.Health.Checked():
		check = a.run.checks.Healthy
	default:
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	a.run.check, a.run.uncheck, a.run.putOff = result, cancel, 0
	go func() { result <- check(ctx) }()
}

func (a *actor) endCheck() {
	if a.run.uncheck != nil {
		a.run.uncheck()
		a.run.check, a.run.uncheck = nil, nil
	}
}

// checked takes the result of the phase's check.
func (a *actor) checked(err error) {
	kind := a.needs().Check
	a.endCheck()
	switch {
	case kind == lifecycle.ReadyCheck && err == nil:
		a.happens(lifecycle.Ready{})
		a.pauseWithGroup()
	case kind == lifecycle.ReadyCheck: // it can never be
		a.happens(lifecycle.TimedOut{Note: err.Error(), Ran: a.ran()})
	case kind == lifecycle.HealthCheck && err != nil:
		a.happens(lifecycle.Unhealthy{Note: err.Error()})
	}
}
