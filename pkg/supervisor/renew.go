package supervisor

import (
	"bytes"
	"encoding/json"
	"time"

	"tasks/internal/lifecycle"
	"tasks/pkg/task"
)

// replace has c's start follow the run that it ends, unless it could not begin.
func (a *actor) replace(c *Call) {
	if kept := a.past.kept; c.request.again && kept != nil && sameStart(*kept, c.request) && time.Now().Before(a.past.keptUntil) {
		a.past.kept = nil // it has begun already
		if a.state.HasCaller(lifecycle.ForStart) {
			a.calls.add(lifecycle.ForStart, c)
		} else {
			c.answer(&a.shown.Load().info, nil)
		}
		return
	}
	if !c.request.force {
		waits := ""
		if a.ahead.wait != nil {
			waits = a.waitsFor()
		}
		c.fail(task.Errorf(task.ErrConflict, a.name, "%s", a.state.NotStarted(a.name, waits)))
		return
	}
	err := a.room()
	if spec := c.request.spec; err == nil && (c.request.fn != nil || len(spec.Command) > 0) {
		err = a.acceptNext(spec) // it is refused before the other is stopped
	}
	if err != nil {
		c.fail(err)
		return
	}
	a.calls.add(lifecycle.ForReplacement, c)
	a.happens(lifecycle.Replace{Now: c.request.end.Now, Grace: a.graceOf(c)})
	a.placed()
}

// askedAgain is how long a client retries with the next supervisor.
const askedAgain = 10 * time.Second

// renew makes the task, which has ended for it, what the first call asks for that
// waits for that. Others then replace that.
func (a *actor) renew() lifecycle.Event {
	a.reconcile() // what the other needed ends first
	if a.sup.isClosing() {
		return lifecycle.Postponed{}
	}
	c, others := a.calls.replacement[0], a.calls.replacement[1:]
	a.calls.replacement = nil
	later, err := a.become(c, true)
	if err != nil {
		a.keepOrder()
		c.fail(err)
		a.calls.retry = append(a.calls.retry, others...)
		return lifecycle.Dropped{}
	}
	if a.calls.add(lifecycle.ForStart, c); c.request.kept {
		a.past.kept, a.past.keptUntil = &c.request, time.Now().Add(askedAgain)
	}
	for _, other := range others {
		if sameStart(other.request, c.request) { // as of a client that asks the next supervisor again
			a.calls.add(lifecycle.ForStart, other)
		} else {
			a.calls.retry = append(a.calls.retry, other)
		}
	}
	return lifecycle.Start{Later: later, Retry: true}
}

// sameStart reports whether the two ask for the same.
func sameStart(a, b Request) bool {
	one, err := json.Marshal(a.spec)
	other, failed := json.Marshal(b.spec)
	return a.fn == nil && b.fn == nil && err == nil && failed == nil && bytes.Equal(one, other)
}
