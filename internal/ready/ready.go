// Package ready makes the checks of runs: whether one is ready, and whether it
// is still well.
//
// Every wait is for an event or a timer, a try never overlaps the one before, and
// nothing is left behind when its context ends.
package ready

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tasks/internal/logs"
	"tasks/pkg/engine"
	"tasks/pkg/task"
)

// Options of a Checker.
type Options struct {
	Shell  engine.Shell // runs the lines of cmd checks; nil: there are none
	ID     string       // tells this supervisor's runs from those of others
	Dir    string       // where the sockets of runs are, below a directory of this user alone; made when it is needed
	Logger *slog.Logger // nil: silent
}

// Checker makes the checks of runs. Its methods may be called from several
// goroutines.
type Checker struct {
	opts  Options
	dial  func(ctx context.Context, network, address string) (net.Conn, error)
	turns chan struct{} // one for each line that may be executed at the same time

	sockets sockets

	mu       sync.Mutex
	follower *logs.Follower // while somebody follows a log
	readers  int            // of it
}

// maxLines is how many lines are executed at the same time: thousands of forks at
// once would only slow each other down. One that takes longer than turnTime hangs, or
// waits, and makes way for another.
const (
	maxLines = 64
	turnTime = task.DefaultHealthTimeout
)

// New makes a Checker, the only one of its Dir. It holds nothing but what the
// checks under way need.
func New(o Options) *Checker {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	c := &Checker{opts: o, dial: new(net.Dialer).DialContext, turns: make(chan struct{}, maxLines), sockets: sockets{path: o.Dir}}
	if o.Dir != "" {
		c.sockets.removeStale()
	}
	return c
}

// Close removes the directory of the sockets. It is for a supervisor that leaves
// no runs to the next one.
func (c *Checker) Close() {
	if c.opts.Dir != "" {
		c.sockets.remove()
	}
}

// Begin implements [engine.Checker]. It may be called again for a run that an
// earlier supervisor began: what that run says of itself is heard from then on.
// The error is that a check cannot be made, such as one of a log that is not kept; of a
// run that was taken back it is logged, and the others are made.
func (c *Checker) Begin(l engine.Launch, log string) (engine.Checks, error) {
	r := &checks{checker: c, spec: l.Spec, run: l.Run, slot: l.Slot, adopted: l.Adopted, isReady: l.Ready}
	if err := r.plan(log); err != nil {
		r.Close()
		return nil, fmt.Errorf("cannot check %s: %w", l.Spec.Name, err)
	}
	return r, nil
}

// A check is one of those of a run. Its name is what people know it by.
type check struct {
	name  string
	at    string // the address that it asks; "": none
	try   func(context.Context) error
	waits bool // a try takes as long as it takes: it ends with what it waits for
	line  bool // a try executes a line
}

// checks is those of one run.
type checks struct {
	checker *Checker
	spec    *task.Spec
	run     int
	slot    int
	adopted bool
	isReady bool // and that is known
	ready   []check
	health  []check
	delay   atomic.Pointer[delay] // of the last Ready

	mu      sync.Mutex
	notices *notices // nil: the run need not say that it is ready, or cannot
	closed  bool
}

// plan makes the checks that the spec names.
func (r *checks) plan(log string) error {
	s := r.spec
	notify := ""
	if s.ReadyNotify {
		notify = s.Name
	}
	ofLog := func(name, expr string) (check, error) { return r.log(name, expr, log) }
	for _, of := range []struct {
		name, given string
		make        func(name, given string) (check, error)
		to          *[]check
	}{
		{"http", s.ReadyHTTP, r.http, &r.ready}, {"port", s.ReadyPort, r.port, &r.ready}, {"cmd", s.ReadyCmd, r.cmd, &r.ready},
		{"log", s.ReadyLog, ofLog, &r.ready}, {"notify", notify, r.notify, &r.ready},
		{"health_http", s.HealthHTTP, r.http, &r.health}, {"health_cmd", s.HealthCmd, r.cmd, &r.health},
	} {
		known := r.isReady && of.to == &r.ready
		if of.given == "" || known && of.name != "notify" { // what it says is heard as before
			continue
		}
		c, err := of.make(of.name, of.given)
		if err != nil && !r.adopted {
			return err
		}
		if err != nil {
			r.checker.opts.Logger.Warn("cannot make a check of a run that was taken back", "task", s.Name, "check", of.name, "err", err)
			if known || of.to == &r.health {
				continue
			}
			c = r.later(of.name, func() (check, error) { return of.make(of.name, of.given) })
		}
		if of.to == &r.ready && c.at != "" {
			c.try = r.notTaken(c.at, c.try)
		}
		*of.to = append(*of.to, c)
	}
	return nil
}

// later is a check that cannot be made yet, as while there are too few descriptors.
func (r *checks) later(name string, retry func() (check, error)) check {
	var made *check
	try := func(ctx context.Context) error {
		for made == nil {
			c, err := retry()
			if err == nil {
				made = &c
			} else if !sleep(ctx, r.spec.Ready.Interval()) {
				return err
			}
		}
		return r.until(ctx, *made, nil)
	}
	return check{name: name, try: try, waits: true}
}

// Env implements [engine.Checks].
func (r *checks) Env() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.notices == nil {
		return nil
	}
	return []string{"NOTIFY_SOCKET=" + r.notices.name}
}

// Close implements [engine.Checks]. What the run says of itself was taken until now.
func (r *checks) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed = true; r.notices != nil {
		r.notices.close()
	}
}

// Ready implements [engine.Checks]. All checks are made at the same time, and each
// until it has once succeeded.
func (r *checks) Ready(ctx context.Context) error {
	d := new(delay)
	r.delay.Store(d)
	failed := make([]error, len(r.ready))
	var all sync.WaitGroup
	for i, c := range r.ready {
		all.Go(func() {
			if err := r.until(ctx, c, d); err != nil {
				failed[i] = fmt.Errorf("%s: %w", c.name, err)
			}
		})
	}
	all.Wait()
	failed = slices.DeleteFunc(failed, func(err error) bool { return err == nil })
	if len(failed) == 0 {
		return nil
	}
	return joined(failed)
}

// joined is several errors on one line.
type joined []error

func (j joined) Error() string {
	var text []string
	for _, err := range j {
		text = append(text, err.Error())
	}
	return strings.Join(text, "; ")
}

func (j joined) Unwrap() []error { return j }

var errUntried = errors.New("no answer yet")

// until tries until the check succeeds. When ctx ends it returns why the last try
// that came to its end has failed.
func (r *checks) until(ctx context.Context, c check, d *delay) error {
	last := errUntried
	for {
		err := r.try(ctx, c, r.timeout(), d)
		if err == nil || c.waits && ctx.Err() != nil {
			return err
		}
		if ctx.Err() != nil { // which has cut this one short, perhaps
			return last
		}
		last = err
		if !sleep(ctx, r.spec.Ready.Interval()) {
			return last
		}
	}
}

// timeout is how long a try may take of a run that is not ready yet: it may be slower
// than a healthy one.
func (r *checks) timeout() time.Duration {
	return max(r.spec.Health.Timeout(), task.DefaultHealthTimeout)
}

// try makes the check once. How long it waits for its turn goes into d.
func (r *checks) try(ctx context.Context, c check, timeout time.Duration, d *delay) error {
	if c.waits {
		return c.try(ctx)
	}
	if c.line { // waiting for a turn is not part of the try
		d.startWait()
		done, err := r.checker.turn(ctx)
		d.endWait()
		if err != nil {
			return err
		}
		defer done()
	}
	err, late := c.limited(ctx, timeout)
	if late { // this program did not run for a while: it says nothing
		err, _ = c.limited(ctx, timeout)
	}
	return err
}

// lateness is by how much a timeout may be missed by a program that runs.
const lateness = 500 * time.Millisecond

// limited makes the check, which may take timeout; late says that it was given much longer.
func (c *check) limited(ctx context.Context, timeout time.Duration) (err error, late bool) {
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	began, over := time.Now(), make(chan time.Time, 1)
	inTime := context.AfterFunc(limited, func() { over <- time.Now() })
	err = c.try(limited)
	if inTime() || err == nil || ctx.Err() != nil {
		return err, false
	}
	return fmt.Errorf("no answer within %s", timeout), (<-over).Sub(began) > timeout+lateness
}

// turn waits until a line may be executed. It may take as long as it likes after that.
func (c *Checker) turn(ctx context.Context) (done func(), err error) {
	select {
	case c.turns <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	makeWay := sync.OnceFunc(func() { <-c.turns })
	late := time.AfterFunc(turnTime, makeWay)
	return func() {
		late.Stop()
		makeWay()
	}, nil
}

// Delayed implements [engine.Delayed].
func (r *checks) Delayed() time.Duration {
	if d := r.delay.Load(); d != nil {
		return d.sum()
	}
	return 0
}

// delay is how long a check has waited for its turns. nil counts none.
type delay struct {
	mu    sync.Mutex
	past  time.Duration
	since time.Time // of the wait under way; zero: there is none
}

func (d *delay) startWait() {
	if d != nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.since = time.Now()
	}
}

func (d *delay) endWait() {
	if d != nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.past, d.since = d.past+time.Since(d.since), time.Time{}
	}
}

func (d *delay) sum() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.since.IsZero() {
		return d.past
	}
	return d.past + time.Since(d.since)
}

// sleep waits, and reports whether ctx has not ended.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
