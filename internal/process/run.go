package process

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"tasks/pkg/task"
)

// run is one execution of a command. The engine's mutex guards its lower half.
type run struct {
	engine   *Engine
	id       string
	ref      task.Ref
	log      fileID        // zero: none
	marked   bool          // the log has the logMark: what inherits it differs from what opened it
	line     bool          // of Exec
	adopted  bool          // begun by an earlier supervisor: it and its orphans are not our children
	oneByOne bool          // adopted, and the kernel cannot signal its process group by pidfd
	hurry    chan struct{} // has an element once one that is adopted was asked to end
	exited   chan struct{}
	gone     chan struct{}
	announce func()     // nil: nobody asked for it
	pausing  sync.Mutex // held by Pause and Resume

	over atomic.Uint64 // when its end was seen, in clock ticks after boot; 0: nobody saw it

	leave     bool // what it leaves behind stays: nobody has asked it to end
	reaped    bool // the main process is gone, and its pid may be another's
	childless bool // nothing was left of it once its main process was gone
	late      bool // exited is closed together with gone: whoever saw exited first would stop the rest
	exit      task.Exit
	want      syscall.Signal          // the last one sent to all of the run; 0: none
	asked     syscall.Signal          // the last one sent to the process group
	since     uint64                  // when it was, in clock ticks after boot
	signalled map[proc]syscall.Signal // what its processes were sent one by one; 0: nothing so far, but they were seen
	missed    map[proc]bool           // could not be signalled at some time, as when their process group was
	followed  map[proc]bool           // members that are not our children, and whose end is awaited
	reaper    proc                    // who takes in the orphans of an adopted run; zero: not known
	used      usage                   // when its usage was asked for last; at first none, at its start
	percent   *float64                // what that came to; nil: not asked for yet
	failed    error                   // why the last look could not find or signal all that is left, once it must end
}

// usage is what a run has used of the processors, as it was read between two times.
type usage struct {
	from, to time.Time
	total    time.Duration          // of its processes, and of the children that they have waited for
	own      map[proc]time.Duration // of its processes
}

// fileID is a file, by whatever name.
type fileID struct{ dev, ino uint64 }

var (
	errEnded  error = task.Errorf(task.ErrConflict, "", "its main process has ended")
	errEnding error = task.Errorf(task.ErrConflict, "", "it was asked to end")
)

func (r *run) Exited() <-chan struct{} { return r.exited }
func (r *run) Gone() <-chan struct{}   { return r.gone }

// Announce implements engine.Announcer.
func (r *run) Announce(f func()) {
	r.engine.mu.Lock()
	defer r.engine.mu.Unlock()
	r.announce = f
}

// report closes exited or gone. The caller holds the mutex.
func (r *run) report(end chan struct{}) {
	close(end)
	if r.announce != nil {
		r.announce()
	}
}

// Ref has the end of the main process from when that was seen: what stays in the run's
// session is known by it, also to the next supervisor.
func (r *run) Ref() task.Ref {
	ref := r.ref
	if ref.Over, ref.Namespace = r.over.Load(), 0; ref.Over != 0 {
		ref.Namespace = r.engine.namespace
	}
	return ref
}

func (r *run) Exit() task.Exit {
	r.engine.mu.Lock()
	defer r.engine.mu.Unlock()
	return r.exit
}

// Signal sends sig to the process group.
func (r *run) Signal(sig syscall.Signal) error {
	r.engine.mu.Lock()
	err := errEnded
	if !r.reaped {
		err = r.engine.tree.signalGroup(r, sig)
	}
	r.engine.mu.Unlock()
	if err == nil && r.oneByOne {
		err = r.signalOthers(sig)
	}
	return err
}

// Stop sends sig to all of the run: at once to the process group, and by the
// next pass to what has left it. A paused run is resumed, to act on it. What
// cannot be sent now is sent by a later pass.
func (r *run) Stop(sig syscall.Signal) {
	e := r.engine
	e.mu.Lock()
	r.leave = false // also if its main process ends before it has the signal
	e.mu.Unlock()
	r.noteDescent()
	e.mu.Lock()
	if r.want != syscall.SIGKILL {
		r.want = sig
	}
	r.asked = 0
	r.failed = e.deliver(r, sig)
	e.mu.Unlock()
	e.wantPass()
	select {
	case r.hurry <- struct{}{}:
	default: // nil, or asked before
	}
}

// StopErr implements engine.StopReporter.
func (r *run) StopErr() error {
	r.engine.mu.Lock()
	defer r.engine.mu.Unlock()
	return r.failed
}

// deliver sends sig, if it was not, to what needs no search: the process group,
// and the cgroup. The caller holds the mutex.
func (e *Engine) deliver(r *run, sig syscall.Signal) (failed error) {
	if !r.reaped && r.asked != sig {
		err := e.tree.signalGroup(r, sig)
		if err == nil && sig != syscall.SIGKILL {
			// A stopped process acts on no signal but KILL.
			if err = e.tree.signalGroup(r, syscall.SIGCONT); errors.Is(err, syscall.ESRCH) {
				err = nil // it has acted
			}
		}
		if err == nil {
			r.asked, r.since = sig, ticks()
		} else if !errors.Is(err, syscall.ESRCH) {
			failed = unsent(sig, err)
		}
	}
	group := cgroup(r.ref.Cgroup)
	if sig == syscall.SIGKILL && group != "" {
		members, err := group.members()
		if err = cmp.Or(unseen(err), e.signalMembers(r, members)); err != nil { // one by one first, so that they are counted
			failed = err
		}
		group.kill()
	}
	if err := group.thawAll(); err != nil { // now that the signal is there
		failed = fmt.Errorf("cannot resume it: %w", err)
	}
	return failed
}

func unseen(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("cannot look for its processes: %w", err)
}

func unsent(sig syscall.Signal, err error) error {
	return fmt.Errorf("cannot send %s: %w", strings.TrimPrefix(task.SignalName(sig), "SIG"), err)
}

// mustHave reports whether a member of the run must have its signal: what was begun in the
// process group since is the affair of the main process. The caller holds the mutex.
func (r *run) mustHave(s stat) bool { return s.pgrp != r.ref.PID || s.start <= r.since }

// alreadySignalled reports whether s had the run's signal with its process group. The caller
// holds the mutex.
func (r *run) alreadySignalled(s stat) bool {
	return s.pgrp == r.ref.PID && r.asked == r.want && s.start <= r.since && (!r.oneByOne || s.pid == r.ref.PID)
}

// mayHave reports whether r can have begun what has its id, and this commitMark: a run of
// a removed task with that name has another. One of another state says nothing.
func (r *run) mayHave(mark string) bool {
	return r.ref.Commit == "" || !strings.HasPrefix(mark, r.engine.opts.ID+"/") || mark == r.ref.Commit
}

// end notes how the main process ended, and when that was seen. The caller holds the
// mutex.
func (r *run) end(status syscall.WaitStatus, over uint64) {
	r.reaped = true
	r.over.Store(over)
	if status.Signaled() {
		r.exit.Signal = status.Signal()
	} else {
		r.exit.Code = status.ExitStatus()
	}
}
