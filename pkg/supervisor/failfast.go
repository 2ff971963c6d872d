package supervisor

import (
	"sync"

	"tasks/internal/lifecycle"
	"tasks/pkg/task"
)

// retry answers at once for a task that need not be started.
func (a *actor) retry(c *Call) {
	if !a.state.NeedsRetry() {
		c.answer(&a.shown.Load().info, nil)
		return
	}
	later, err := a.become(c, false)
	if err != nil {
		c.fail(err)
		return
	}
	a.calls.add(lifecycle.ForStart, c)
	a.calls.lining = c
	a.happens(lifecycle.Retry{Later: later})
	a.placed()
}

// failures counts the tasks of each batch that failed for good, see [task.Spec.FailFast].
type failures struct {
	mu  sync.Mutex
	all map[string]int
}

// note counts a failure, and reports whether it is the one at which the batch is given up.
func (f *failures) note(s *task.Spec) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.all == nil {
		f.all = make(map[string]int)
	}
	f.all[s.Batch]++
	return f.all[s.Batch] == s.FailFast
}

// givenUp reports whether no further task of the batch begins.
func (f *failures) givenUp(s *task.Spec) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return s.FailFast > 0 && f.all[s.Batch] >= s.FailFast
}

// failFast is called when the task has ended, before anything else: the next one of its batch
// must not have its slot.
func (a *actor) failFast() {
	if spec := &a.role.spec; spec.FailFast > 0 && a.state.NeedsRetry() && a.sup.failures.note(spec) {
		a.sup.queues.Halt(spec.Batch)
		go a.sup.giveUp(spec.Batch)
	}
}

// giveUp stops what has not begun of a batch. Runs continue.
func (s *Supervisor) giveUp(batch string) {
	for _, t := range s.Shared() {
		if t.Spec.Batch == batch && !t.State.Ended() {
			s.Submit(stopUnbegun(t.Name))
		}
	}
}

// stopUnbegun stops a task that waits for its first run.
func stopUnbegun(name string) Request { return Request{kind: toStop, name: name, unbegun: true} }

// leaveBatch is for a task that is started again by hand: it stands for itself.
func (a *actor) leaveBatch() { a.role.spec.Batch, a.role.spec.FailFast = "", 0 }

// countFailures counts those of an earlier supervisor, before anything begins.
func (s *Supervisor) countFailures(actors []*actor) {
	for _, a := range actors {
		if spec := &a.role.spec; spec.FailFast > 0 && a.state.NeedsRetry() && s.failures.note(spec) {
			s.queues.Halt(spec.Batch)
		}
	}
}

// giveUpAgain finishes what an earlier supervisor began.
func (s *Supervisor) giveUpAgain(records []task.Record) {
	for i := range records {
		if spec := &records[i].Spec; s.failures.givenUp(spec) {
			s.Submit(stopUnbegun(spec.Name))
		}
	}
}
