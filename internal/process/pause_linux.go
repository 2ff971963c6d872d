package process

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"
)

// pauseTimeout is how long all processes of a run may take to stop.
const pauseTimeout = 5 * time.Second

// Pause implements engine.Pauser. What is in the run's cgroup is frozen by one
// write: no fork outruns that, and no shell with job control sees it. What has
// left the cgroup, or all where there is none, gets STOP again and again until nothing is
// seen running. Both are states of the kernel: they outlive this supervisor, and the next
// can end them. The error is an errEnded, or that the run was asked to end, or that it
// forks faster than it can be stopped; it is resumed then.
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
	again := false                 // nothing was running when it was last looked at
	wait := time.Millisecond
	for end := time.Now().Add(pauseTimeout); ; {
		going, err := r.halt(frozen, stopped)
		switch {
		case errors.Is(err, errEnded), errors.Is(err, errEnding):
			return err
		case err == nil && going == 0 && (!frozen || isTrue(group.frozen())):
			if again {
				return nil
			}
			again = true // what has ended as it was looked at may have begun another before
			continue
		case time.Now().Before(end):
		case err == nil && going == 0:
			return nil // the rest is in the kernel, and will not leave it
		case err == nil:
			err = fmt.Errorf("%d of its processes keep running", going)
			fallthrough
		default:
			return errors.Join(err, r.wake(true))
		}
		again = false
		time.Sleep(wait)
		wait = min(2*wait, 50*time.Millisecond)
	}
}

// isTrue is what could be looked at and is so.
func isTrue(is bool, err error) bool { return is && err == nil }

// halt suspends each running member of the run, and returns how many
// there were. What hangs in the kernel stops as it leaves that.
func (r *run) halt(frozen bool, stopped map[proc]bool) (going int, err error) {
	e := r.engine
	members, err := r.members()
	if err != nil {
		return 0, err
	}
	var inside []int
	if frozen {
		if inside, err = cgroup(r.ref.Cgroup).pids(); err != nil {
			return 0, err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := r.pausable(); err != nil { // a stop has resumed it
		return 0, err
	}
	for _, s := range members {
		if s.state == 'Z' { // only its first thread has ended
			if _, thread, err := living(s.pid); err == nil {
				s.state = thread.state
			}
		}
		hangs := s.state == 'D' || s.state == 'Z'
		if slices.Contains(inside, s.pid) || s.stopped() || hangs && stopped[s.proc] {
			continue
		}
		going++
		switch sendErr := e.tree.send(s.proc, pidfdSignal, syscall.SIGSTOP); {
		case sendErr == nil:
			stopped[s.proc] = true
		case !gone(sendErr):
			err = fmt.Errorf("cannot stop process %d: %w", s.pid, sendErr)
		}
	}
	return going, err
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

// Resume implements engine.Pauser. Nothing of the run is stopped after it, whoever
// has stopped it. What the run has frozen in a cgroup of its own stays so: a pause has not
// frozen that, and a takeback, too, resumes a run.
func (r *run) Resume() error {
	r.pausing.Lock()
	defer r.pausing.Unlock()
	r.engine.mu.Lock()
	err := r.pausable()
	r.engine.mu.Unlock()
	if err != nil {
		return err
	}
	return r.wake(false)
}

// wake resumes the stopped processes of the run, and the ones about to stop. Where that
// cannot be done it is tried again for as long as a pause may take.
func (r *run) wake(all bool) (err error) {
	wait := time.Millisecond
	for end := time.Now().Add(pauseTimeout); ; {
		if err = r.wakeOnce(all); err == nil || time.Now().After(end) {
			return err
		}
		time.Sleep(wait)
		wait = min(2*wait, 50*time.Millisecond)
	}
}

func (r *run) wakeOnce(all bool) error {
	if err := cgroup(r.ref.Cgroup).thaw(); err != nil {
		return err
	}
	members, err := r.members()
	for _, s := range members {
		if all || s.mayStop() {
			if sendErr := r.engine.tree.resume(s); sendErr != nil {
				err = fmt.Errorf("cannot resume process %d: %w", s.pid, sendErr)
			}
		}
	}
	return err
}

// members is all that is part of the run, whose main process lives. After an error some may be
// missing.
func (r *run) members() ([]stat, error) {
	found, err := r.engine.members.of(r, r.engine.membersOf)
	return found.members, cmp.Or(err, found.unsure)
}

func (e *Engine) membersOf(runs map[*run]bool) (map[*run]membership, error) {
	grouped := make(map[proc]*run)
	for r := range runs {
		members, err := cgroup(r.ref.Cgroup).members()
		if err != nil {
			return nil, err
		}
		for _, s := range members {
			grouped[s.proc] = r
		}
	}
	found, unsure, err := e.tree.members(e, runs, grouped, func(s stat, _ *run) bool { return s.pid != ownPID })
	memberships := make(map[*run]membership, len(runs))
	for r := range runs {
		memberships[r] = membership{found[r], unsure[r]}
	}
	return memberships, err
}

// release resumes what a run leaves behind: nobody else would.
func (e *Engine) release(r *run, left []stat) error {
	err := cgroup(r.ref.Cgroup).thaw()
	for _, s := range left {
		if s.mayStop() {
			if sendErr := e.tree.resume(s); sendErr != nil {
				err = sendErr
			}
		}
	}
	return err
}

// resume takes back a STOP. A process that may not be signalled, as a setuid program, was not
// sent any.
func (t *tree) resume(s stat) error {
	err := t.send(s.proc, pidfdSignal, syscall.SIGCONT)
	if gone(err) || errors.Is(err, syscall.EPERM) {
		return nil
	}
	return err
}

// mayStop reports whether the process has stopped, or may have been sent a STOP that it acts on
// as it leaves the kernel. Where the first thread has ended its state says nothing.
func (s stat) mayStop() bool {
	return s.stopped() || s.state == 'D' || s.state == 'R' || s.state == 'Z'
}

// stopped reports whether the process has stopped, by a signal or for a debugger.
func (s stat) stopped() bool { return s.state == 'T' || s.state == 't' }
