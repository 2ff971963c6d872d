// Package enginetest holds what tests of engines, and of what drives engines,
// share: one contract suite, and a scripted engine.
package enginetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"testing"

	"tasks/pkg/engine"
	"tasks/pkg/task"
)

// Fake is an engine, and a shell, whose runs do what the test says. By default a Start
// returns at once, the run ends by the first signal of a Stop, and a line ends well. It
// starts no goroutine and reads no clock, so it may be used in a testing/synctest bubble.
// Its methods may be called from several goroutines.
type Fake struct {
	execs *line[*FakeExec]

	mu          sync.Mutex
	hold        bool
	holdExec    bool
	failExec    error // of lines; nil: they begin
	ignoresStop bool
	stiff       error
	held        chan struct{} // what each Pause and Resume waits for; nil: nothing
	fails       []error
	starts      int
	runs        []*FakeRun    // all that began, or may yet; the pid counts them from 1
	queue       []*FakeRun    // not returned by a Next yet
	more        chan struct{} // the queue is not empty
}

// NewFake makes an engine without runs.
func NewFake() *Fake { return &Fake{more: make(chan struct{}, 1), execs: newLine[*FakeExec]()} }

// Hold lets the Starts from now on wait until the test calls Begin or Fail on
// their runs; Hold(false) ends that for later ones.
func (f *Fake) Hold(on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hold = on
}

// AutoStop tells the runs that begin from now on whether to end by the signal
// of a Stop. It is on at first.
func (f *Fake) AutoStop(on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ignoresStop = !on
}

// FailNext lets the next Start fail with err; of several, each serves one
// Start, in order. Next does not return such a run.
func (f *Fake) FailNext(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fails = append(f.fails, err)
}

// FailPause lets each Pause and Resume from now on fail with err; nil ends that.
func (f *Fake) FailPause(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stiff = err
}

// HoldPauses has each Pause and Resume wait until release is called.
func (f *Fake) HoldPauses() (release func()) {
	held := make(chan struct{})
	f.mu.Lock()
	defer f.mu.Unlock()
	f.held = held
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.held = nil
		close(held)
	}
}

// Starts is how often Start was called, failures included.
func (f *Fake) Starts() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.starts
}

// Live is how many runs have begun and are not gone.
func (f *Fake) Live() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, r := range f.runs {
		if r.isBegun && !r.isGone {
			n++
		}
	}
	return n
}

// Next waits for the oldest run that was asked for and that no Next has
// returned yet.
func (f *Fake) Next(t testing.TB) *FakeRun {
	t.Helper()
	for {
		f.mu.Lock()
		if len(f.queue) > 0 {
			r := f.queue[0]
			f.queue = f.queue[1:]
			f.wake()
			f.mu.Unlock()
			return r
		}
		f.mu.Unlock()
		select {
		case <-f.more:
		case <-t.Context().Done():
			t.Fatal("no run was started")
		}
	}
}

// Idle reports whether there is no run that Next would return at once.
func (f *Fake) Idle() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.queue) == 0
}

// wake lets one Next look at the queue. The caller holds the mutex.
func (f *Fake) wake() {
	if len(f.queue) > 0 {
		select {
		case f.more <- struct{}{}:
		default:
		}
	}
}

// Start implements engine.Engine.
func (f *Fake) Start(_ context.Context, l engine.Launch) (engine.Process, error) {
	r, err := f.start(l)
	if err != nil {
		r.closeLog()
		return nil, err
	}
	<-r.begun // a held one takes its time, whatever becomes of ctx
	if r.failed != nil {
		return nil, r.failed
	}
	return fakeProcess{r}, nil
}

func (f *Fake) start(l engine.Launch) (*FakeRun, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.starts++
	r := &FakeRun{
		Launch: l, fake: f, ignoresStop: f.ignoresStop,
		begun: make(chan struct{}), exited: make(chan struct{}), gone: make(chan struct{}),
		stops: make(chan syscall.Signal, 64), signals: make(chan syscall.Signal, 64),
	}
	if len(f.fails) > 0 {
		err := f.fails[0]
		f.fails = f.fails[1:]
		return r, err
	}
	if !f.hold {
		r.isBegun = true
		close(r.begun)
	}
	f.runs = append(f.runs, r)
	r.ref = task.Ref{PID: len(f.runs), Start: 1, Boot: "fake"}
	f.queue = append(f.queue, r)
	f.wake()
	return r, nil
}

// Adopter is f as an engine whose runs can be taken back. Two supervisors of
// one test share its runs that way.
func (f *Fake) Adopter() interface {
	engine.Engine
	engine.Adopter
} {
	return adopter{f}
}

type adopter struct{ *Fake }

// Adopt finds the run by its ref. It returns a gone one as not found.
func (a adopter) Adopt(_ context.Context, l engine.Launch, ref task.Ref) (engine.Process, error) {
	if l.Log != nil {
		l.Log.Close()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, r := range a.runs {
		if r.ref == ref && r.isBegun && !r.isGone {
			return fakeProcess{r}, nil
		}
	}
	return nil, fmt.Errorf("process %d is no longer there: %w", ref.PID, task.ErrNotFound)
}

var errFakeEnded = errors.New("the run has ended")
