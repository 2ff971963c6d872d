package enginetest

import (
	"fmt"
	"syscall"

	"tasks/pkg/engine"
	"tasks/pkg/task"
)

// FakeRun is a run of a Fake, as the test has it. What the test does too late
// changes nothing.
type FakeRun struct {
	Launch engine.Launch // as Start was given it

	fake    *Fake
	ref     task.Ref
	begun   chan struct{}
	exited  chan struct{}
	gone    chan struct{}
	stops   chan syscall.Signal
	signals chan syscall.Signal
	failed  error // set before begun is closed

	// The fake's mutex guards these.
	announce                  func() // nil: nobody asked for it
	ignoresStop               bool
	isBegun, isExited, isGone bool
	isDead                    bool // has ended, and it is not reported
	exit                      task.Exit
	ended                     bool // failed
	paused                    bool
}

// Begin lets a held Start return.
func (r *FakeRun) Begin() {
	r.fake.mu.Lock()
	defer r.fake.mu.Unlock()
	if !r.isBegun && !r.ended {
		r.isBegun = true
		close(r.begun)
	}
}

// Fail lets a held Start fail with err.
func (r *FakeRun) Fail(err error) {
	r.fake.mu.Lock()
	defer r.fake.mu.Unlock()
	if !r.isBegun && !r.ended {
		r.ended, r.failed = true, err
		r.closeLog()
		close(r.begun)
	}
}

// AutoStop reports whether the run ends by the signal of a Stop; what it
// left behind counts as one process then.
func (r *FakeRun) AutoStop(on bool) {
	r.fake.mu.Lock()
	defer r.fake.mu.Unlock()
	r.ignoresStop = !on
}

// Exit ends the main process. If left, others live on until Vanish.
func (r *FakeRun) Exit(e task.Exit, left bool) {
	r.fake.mu.Lock()
	defer r.fake.mu.Unlock()
	r.end(e, left)
}

// Die ends the main process without a report of that, which comes with Exit.
func (r *FakeRun) Die() {
	r.fake.mu.Lock()
	defer r.fake.mu.Unlock()
	r.isDead = true
}

// Mute has the next ends of the run not announced, as where the caller of Announce is held up.
func (r *FakeRun) Mute() {
	r.fake.mu.Lock()
	defer r.fake.mu.Unlock()
	r.announce = nil
}

// Vanish ends the processes that the run left behind: leftBehind of them were stopped.
func (r *FakeRun) Vanish(leftBehind int) {
	r.fake.mu.Lock()
	defer r.fake.mu.Unlock()
	r.vanish(leftBehind)
}

// Stops yields the signal of each Stop, also one that ends the run.
func (r *FakeRun) Stops() <-chan syscall.Signal { return r.stops }

// Signals yields each signal sent with Signal.
func (r *FakeRun) Signals() <-chan syscall.Signal { return r.signals }

// Paused reports whether the run is paused. It ends by a Stop as any other.
func (r *FakeRun) Paused() bool {
	r.fake.mu.Lock()
	defer r.fake.mu.Unlock()
	return r.paused
}

// Printf writes to the run's log, as long as it has one.
func (r *FakeRun) Printf(format string, args ...any) {
	r.fake.mu.Lock()
	defer r.fake.mu.Unlock()
	if r.Launch.Log != nil && !r.isGone && !r.ended {
		fmt.Fprintf(r.Launch.Log, format, args...)
	}
}

func (r *FakeRun) end(e task.Exit, left bool) {
	if !r.isBegun || r.isExited {
		return
	}
	r.isExited, r.exit = true, e
	if left {
		r.report(r.exited)
		return
	}
	r.isGone = true
	r.closeLog()
	r.report(r.gone) // first: who sees Exited sees whether anything is left
	r.report(r.exited)
}

// report closes exited or gone.
func (r *FakeRun) report(end chan struct{}) {
	close(end)
	if r.announce != nil {
		r.announce()
	}
}

func (r *FakeRun) vanish(leftBehind int) {
	if !r.isExited || r.isGone {
		return
	}
	r.isGone, r.exit.LeftBehind = true, leftBehind
	r.closeLog()
	r.report(r.gone)
}

func (r *FakeRun) closeLog() {
	if r.Launch.Log != nil {
		r.Launch.Log.Close()
	}
}

// Ref is what the run's Process calls itself.
func (r *FakeRun) Ref() task.Ref { return r.ref }

// Gone is closed when nothing of the run is left.
func (r *FakeRun) Gone() <-chan struct{} { return r.gone }

// fakeProcess is the run as the engine's user has it.
type fakeProcess struct{ run *FakeRun }

func (p fakeProcess) Ref() task.Ref           { return p.run.ref }
func (p fakeProcess) Exited() <-chan struct{} { return p.run.exited }
func (p fakeProcess) Gone() <-chan struct{}   { return p.run.gone }

func (p fakeProcess) Exit() task.Exit {
	p.run.fake.mu.Lock()
	defer p.run.fake.mu.Unlock()
	return p.run.exit
}

// Announce implements engine.Announcer.
func (p fakeProcess) Announce(f func()) {
	p.run.fake.mu.Lock()
	defer p.run.fake.mu.Unlock()
	p.run.announce = f
}

// Ended implements engine.Ender.
func (p fakeProcess) Ended() bool {
	p.run.fake.mu.Lock()
	defer p.run.fake.mu.Unlock()
	return p.run.isDead || p.run.isExited
}

func (p fakeProcess) Stop(sig syscall.Signal) {
	r := p.run
	r.fake.mu.Lock()
	defer r.fake.mu.Unlock()
	offer(r.stops, sig)
	switch {
	case r.ignoresStop:
	case !r.isExited:
		r.end(task.Exit{Signal: sig}, false)
	default:
		r.vanish(1)
	}
}

func (p fakeProcess) Signal(sig syscall.Signal) error {
	r := p.run
	r.fake.mu.Lock()
	defer r.fake.mu.Unlock()
	if r.isExited {
		return errFakeEnded
	}
	offer(r.signals, sig)
	return nil
}

func (p fakeProcess) Pause() error  { return p.pause(true) }
func (p fakeProcess) Resume() error { return p.pause(false) }

func (p fakeProcess) pause(on bool) error {
	r := p.run
	r.fake.mu.Lock()
	held := r.fake.held
	r.fake.mu.Unlock()
	if held != nil {
		<-held
	}
	r.fake.mu.Lock()
	defer r.fake.mu.Unlock()
	switch {
	case r.fake.stiff != nil:
		return r.fake.stiff
	case r.isExited:
		return errFakeEnded
	}
	r.paused = on
	return nil
}

// offer forgets what nobody reads for too long: an engine does not block.
func offer(c chan<- syscall.Signal, sig syscall.Signal) {
	select {
	case c <- sig:
	default:
	}
}
