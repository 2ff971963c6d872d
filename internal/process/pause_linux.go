package process

import (
	"fmt"
	"os"
	"syscall"
	"time"
)

// pausePatience is how long all that is part of a run may take to come to rest.
const pausePatience = 5 * time.Second

// Pause implements task.Pauser. What is in the run's cgroup is frozen by one
// write: no fork outruns that, and no shell with job control sees it. What has
// left the cgroup, or all where there is none, gets STOP again and again until
// nothing is seen to go on. Both are states of the kernel: they outlive this
// supervisor, and the next can end them. The error is an errEnded, or that the
// run was asked to end, or that it forks faster than it can be stopped; it goes
// on then.
func (r *run) Pause() error {
	r.pausing.Lock()
	defer r.pausing.Unlock()
	e, group := r.engine, cgroup(r.ref.Cgroup)
	e.mu.Lock()
	err := r.pausable()
	frozen := err == nil && group.freeze()
	if err == nil && !frozen {
		err = e.tree.signalGroup(r, syscall.SIGSTOP)
	}
	e.mu.Unlock()
	if err != nil {
		return err
	}
	stopped := make(map[proc]bool) // were sent STOP
	wait := time.Millisecond
	for end := time.Now().Add(pausePatience); ; {
		going, err := r.halt(frozen, stopped)
		switch {
		case err != nil:
			return err
		case going == 0 && (!frozen || group.frozen()):
			return nil
		case time.Now().After(end) && going == 0:
			return nil // the rest is in the kernel, and will not leave it
		case time.Now().After(end):
			r.wake(true)
			return fmt.Errorf("%d of its processes go on", going)
		}
		time.Sleep(wait)
		wait = min(2*wait, 50*time.Millisecond)
	}
}

// halt has each member of the run that is not at rest stop, and tells how many
// there were. What hangs in the kernel stops as it leaves that.
func (r *run) halt(frozen bool, stopped map[proc]bool) (going int, err error) {
	e := r.engine
	members := e.members.of(r, e.membersOf)
	inside := make(map[int]bool)
	if frozen {
		for _, pid := range cgroup(r.ref.Cgroup).pids() {
			inside[pid] = true
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := r.pausable(); err != nil { // a stop has let it go on
		return 0, err
	}
	for _, s := range members {
		hangs := s.state == 'D' || s.state == 'Z' // of a Z only the first thread has ended
		if inside[s.pid] || s.stopped() || hangs && stopped[s.proc] {
			continue
		}
		going++
		stopped[s.proc] = true
		e.tree.send(s.proc, pidfdSignal, syscall.SIGSTOP)
	}
	return going, nil
}

// pausable is why the run cannot be paused or resumed, if so. The caller holds
// the mutex.
func (r *run) pausable() error {
	switch {
	case r.reaped:
		return errEnded
	case r.want != 0:
		return errEnding
	}
	return nil
}

// Resume implements task.Pauser. Nothing of the run is stopped after it, whoever
// has stopped it.
func (r *run) Resume() error {
	r.pausing.Lock()
	defer r.pausing.Unlock()
	r.engine.mu.Lock()
	err := r.pausable()
	r.engine.mu.Unlock()
	if err != nil {
		return err
	}
	r.wake(false)
	return nil
}

// wake lets go on what is stopped of the run, and what may be about to.
func (r *run) wake(all bool) {
	cgroup(r.ref.Cgroup).thaw()
	for _, s := range r.engine.members.of(r, r.engine.membersOf) {
		if all || s.stopped() || s.state == 'D' || s.state == 'Z' {
			r.engine.tree.send(s.proc, pidfdSignal, syscall.SIGCONT)
		}
	}
}

// membersOf is all that is part of the runs, whose main process lives.
func (e *Engine) membersOf(runs map[*run]bool) map[*run][]stat {
	grouped := make(map[proc]*run)
	for r := range runs {
		for _, s := range cgroup(r.ref.Cgroup).members() {
			grouped[s.proc] = r
		}
	}
	return e.tree.members(e, runs, grouped, func(s stat, _ *run) bool { return s.pid != os.Getpid() })
}

// release lets go on what a run leaves behind: nobody else would.
func (e *Engine) release(r *run, left []stat) {
	cgroup(r.ref.Cgroup).thaw()
	for _, s := range left {
		if s.stopped() {
			e.tree.send(s.proc, pidfdSignal, syscall.SIGCONT)
		}
	}
}

// stopped tells whether the process has stopped, by a signal or for a debugger.
func (s stat) stopped() bool { return s.state == 'T' || s.state == 't' }
