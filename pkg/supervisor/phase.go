package supervisor

import (
	"context"
	"time"

	"tasks/internal/deps"
	"tasks/internal/lifecycle"
	"tasks/pkg/task"
)

// follow begins what the machine's phase waits for, other tasks or a slot, and
// ends what another one waited for. It returns what follows at once, if anything.
func (a *actor) follow() (in lifecycle.Input, more bool) {
	was, is := a.at, a.machine.Phase
	a.at = is
	if was == lifecycle.Waiting && is != was {
		a.wait.End()
		a.wait, a.waits = nil, nil
	}
	if holds := is.Live() || is == lifecycle.Queued && was == is; !holds && a.place.Taken() {
		a.sup.queues.Leave(a.place)
		a.slot = 0
		if is != lifecycle.Queued || a.lack == "" { // else it is back, in its place
			a.queued = task.Time{}
		}
	}
	switch {
	case is == was:
	case is == lifecycle.Waiting:
		names := deps.Of(&a.spec)
		a.waits = make(map[string]bool, len(names))
		for _, name := range names {
			a.waits[name] = true
		}
		a.wait = a.sup.order.Await(names, a.poke) // first, so that no change is missed
		return a.waited(names)
	case is == lifecycle.Queued:
		since, slot, admitted := a.sup.queues.Enter(a.place, a.spec.Group, a.spec.Priority)
		if a.queued.IsZero() { // else it waited in an earlier supervisor
			a.queued = since
		}
		if a.slot = slot; admitted {
			return lifecycle.Input{Kind: lifecycle.DidGrant}, true
		}
	}
	return in, false
}

// waited looks at those of the awaited tasks that names has.
func (a *actor) waited(names []string) (in lifecycle.Input, more bool) {
	why := a.unmet(names)
	if a.sup.order.Closed() { // asked after the look: what closes it stops tasks
		return in, false
	}
	if why != "" {
		return lifecycle.Input{Kind: lifecycle.DidBlock, Exit: task.Exit{Code: 126, Err: why}}, true
	}
	return lifecycle.Input{Kind: lifecycle.DidClear}, len(a.waits) == 0
}

// lookAgain looks at what may have changed: the awaited tasks, or the clock.
func (a *actor) lookAgain() {
	if by := time.Duration(a.moved.Swap(0)); by != 0 {
		a.moveDue(by)
	}
	a.due.Arm(a.sup.now())
	if a.machine.Phase != lifecycle.Waiting {
		return
	}
	before := len(a.waits)
	if in, more := a.waited(a.wait.News()); more {
		in.Unasked = true // who asked was answered when it began to wait
		a.input(in)
	} else if len(a.waits) != before {
		a.reason = a.waitsFor()
		a.show()
	}
}

// arm sets the timer to the deadline of a phase that was entered, and begins its
// check.
func (a *actor) arm() {
	if a.armed == a.machine.Armed {
		return
	}
	a.armed = a.machine.Armed
	if a.timer != nil {
		a.timer.Stop()
		a.timer = nil
	}
	a.next = task.Time{}
	a.beginCheck()
	d := a.machine.Deadline(a.policy)
	if d == 0 {
		return
	}
	// The run may be older than the phase: it was taken back, or paused. One that was
	// not ready then may take as long as any other.
	limit, first := a.policy.Timeout, a.machine.Phase == lifecycle.Probing
	switch {
	case first && limit > 0:
		d = min(a.policy.Ready, max(limit-a.ran(), time.Nanosecond))
	case a.machine.Phase.Up() && !first:
		d = max(d-a.ran(), time.Nanosecond)
	}
	a.timer = time.NewTimer(d)
	if a.machine.Phase == lifecycle.Backoff {
		a.next = task.Time{Time: time.Now().Add(d).UTC().Round(0)}
	}
}

// beginCheck begins the check that the phase has, and ends that of the one before.
func (a *actor) beginCheck() {
	a.endCheck()
	if a.checks == nil {
		return
	}
	check := a.checks.Ready
	switch {
	case a.machine.Phase == lifecycle.Running && a.spec.Health.Checked():
		check = a.checks.Healthy
	case a.machine.Phase != lifecycle.Probing:
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	a.check, a.uncheck = result, cancel
	go func() { result <- check(ctx) }()
}

func (a *actor) endCheck() {
	if a.uncheck != nil {
		a.uncheck()
		a.check, a.uncheck = nil, nil
	}
}

// checked takes the result of the phase's check.
func (a *actor) checked(err error) {
	phase := a.machine.Phase
	a.endCheck()
	switch {
	case phase == lifecycle.Probing && err == nil:
		a.input(lifecycle.Input{Kind: lifecycle.DidReady})
	case phase == lifecycle.Probing: // it can never be
		a.input(lifecycle.Input{Kind: lifecycle.DidTimeOut, Exit: task.Exit{Err: err.Error()}})
	case phase == lifecycle.Running && err != nil:
		a.input(lifecycle.Input{Kind: lifecycle.DidSicken, Exit: task.Exit{Err: err.Error()}})
	}
}

// lastWord is how long a readiness check may take to say why it has not succeeded.
const lastWord = time.Second

// unready says why the run was not ready in time, where that is what was awaited.
func (a *actor) unready() string {
	if a.machine.Phase != lifecycle.Probing || a.check == nil {
		return ""
	}
	a.uncheck()
	wait := time.NewTimer(lastWord)
	defer wait.Stop()
	select {
	case err := <-a.check:
		if err != nil {
			return err.Error()
		}
	case <-wait.C:
	}
	return ""
}
