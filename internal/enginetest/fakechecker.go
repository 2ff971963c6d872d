package enginetest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"tasks/pkg/engine"
	"tasks/pkg/task"
)

// FakeChecker makes checks that do what the test says. It starts no goroutine and
// reads no clock, so it may be used in a testing/synctest bubble.
type FakeChecker struct {
	checks *line[*FakeChecks]

	mu    sync.Mutex
	fails []error
	all   []*FakeChecks
}

// NewFakeChecker makes a checker without checks.
func NewFakeChecker() *FakeChecker { return &FakeChecker{checks: newLine[*FakeChecks]()} }

// FailNext lets the next Begin fail with err; of several, each serves one, in
// order.
func (c *FakeChecker) FailNext(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fails = append(c.fails, err)
}

// Next waits for the oldest checks that no Next has returned yet.
func (c *FakeChecker) Next(t testing.TB) *FakeChecks {
	t.Helper()
	return c.checks.next(t, "checks")
}

// Idle reports whether there are no checks that Next would return at once.
func (c *FakeChecker) Idle() bool { return c.checks.idle() }

// Left is how many checks were not closed, and how many are under way.
func (c *FakeChecker) Left() (open, going int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.all {
		ready, healthy := k.Going()
		if going += ready + healthy; !k.Closed() {
			open++
		}
	}
	return open, going
}

// Begin implements engine.Checker.
func (c *FakeChecker) Begin(l engine.Launch, log string) (engine.Checks, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.fails) > 0 {
		err := c.fails[0]
		c.fails = c.fails[1:]
		return nil, err
	}
	k := &FakeChecks{
		Spec: l.Spec, Run: l.Run, Slot: l.Slot, Log: log, IsReady: l.Ready, ready: make(chan error, 1), unhealthy: make(chan error, 1), word: errors.New("not yet"),
	}
	c.all = append(c.all, k)
	c.checks.add(k)
	return k, nil
}

// FakeChecks are the checks of one run, as the test has them.
type FakeChecks struct {
	Spec    *task.Spec
	Run     int
	Slot    int
	Log     string
	IsReady bool // was known as they were made

	ready, unhealthy chan error

	mu             sync.Mutex
	word           error
	delayed        time.Duration
	readies, wells int // checks under way
	closed         int
}

// BeReady ends a readiness check: nil says that the run is ready, an error that
// it never will be.
func (k *FakeChecks) BeReady(err error) { k.ready <- err }

// Fail ends a health check with err.
func (k *FakeChecks) Fail(err error) { k.unhealthy <- err }

// Finish ends the check under way, of either kind, if there is one: as BeReady,
// or with an error as Fail.
func (k *FakeChecks) Finish(err error) {
	ready, healthy := k.Going()
	switch {
	case ready > 0:
		k.BeReady(err)
	case healthy > 0 && err != nil:
		k.Fail(err)
	}
}

// Say is what a readiness check says when its context ends; nil is that it has
// succeeded after all.
func (k *FakeChecks) Say(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.word = err
}

// Delay is how long the readiness check says that it has waited for its turns.
func (k *FakeChecks) Delay(d time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.delayed = d
}

// Delayed implements engine.Delayed.
func (k *FakeChecks) Delayed() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.delayed
}

// Going is how many checks of readiness and of health are under way.
func (k *FakeChecks) Going() (ready, healthy int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.readies, k.wells
}

// Closed reports whether the checks were closed, and whether once.
func (k *FakeChecks) Closed() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.closed == 1
}

// Env implements engine.Checks.
func (k *FakeChecks) Env() []string { return []string{"NOTIFY_SOCKET=fake"} }

// Ready implements engine.Checks.
func (k *FakeChecks) Ready(ctx context.Context) error {
	k.count(&k.readies, 1)
	defer k.count(&k.readies, -1)
	select {
	case err := <-k.ready:
		return err
	case <-ctx.Done():
		k.mu.Lock()
		defer k.mu.Unlock()
		return k.word
	}
}

// Healthy implements engine.Checks.
func (k *FakeChecks) Healthy(ctx context.Context) error {
	k.count(&k.wells, 1)
	defer k.count(&k.wells, -1)
	select {
	case err := <-k.unhealthy:
		return err
	case <-ctx.Done():
		return nil
	}
}

// Close implements engine.Checks.
func (k *FakeChecks) Close() { k.count(&k.closed, 1) }

func (k *FakeChecks) count(n *int, by int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	*n += by
}
