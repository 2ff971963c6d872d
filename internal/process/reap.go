package process

import (
	"cmp"
	"errors"
	"slices"
	"syscall"
	"time"

	"tasks/internal/failpoint"
)

// passDelay is how long a run that was asked to stop may take before /proc is
// searched for what has left its process group: most need no search.
const passDelay = 20 * time.Millisecond

// wantPass asks the reaper to look at the trees of the runs that must end.
func (e *Engine) wantPass() {
	select {
	case e.look <- struct{}{}:
	default:
	}
}

// reap is the engine's one goroutine: it collects ended children, and sees
// that nothing is left of runs that are over.
func (e *Engine) reap() {
	if e.opts.Begin != nil {
		select {
		case <-e.opts.Begin:
			e.poke(false)
		case <-e.quit:
			return
		}
	}
	var search <-chan time.Time
	var again retry
	for {
		var failed error
		select {
		case <-e.chld:
			failed = e.collect()
		case <-e.look:
			if search == nil {
				search = time.After(passDelay)
			}
		case <-search:
			search = nil
			failed = e.search()
		case <-again.due:
			again.due = nil
			if failed = cmp.Or(e.collect(), e.search()); failed == nil {
				e.opts.Logger.Info("the remaining processes of runs were found, and signalled")
				again = retry{}
			}
		case reply := <-e.freeze:
			failed = e.collect()
			reply <- e.stopReaping()
		case <-e.quit:
			return
		}
		if failed != nil && again.after() {
			e.opts.Logger.Warn("cannot look for the remaining processes of runs, or signal them; trying again until that succeeds", "err", failed)
		}
	}
}

// collect reaps all children that have ended, and settles their runs.
func (e *Engine) collect() (failed error) {
	ended, strangers, failed := e.wait()
	if strangers {
		e.removeVacated()
	}
	strangers = strangers || closed(e.frozen) // the next look for what was left behind reaps them
	if len(ended) == 0 && !(strangers && e.anyLeftBehind()) && failed == nil {
		return nil
	}
	for {
		again, err := e.stopLeftBehind(false)
		failed = cmp.Or(failed, err)
		if !again {
			break
		}
		more, others, err := e.wait()
		failed = cmp.Or(failed, err)
		ended = append(ended, more...)
		if len(more) == 0 && !others {
			e.wantPass() // a debugger has it first, or a fork whose exec has failed
			break
		}
	}
	e.mu.Lock()
	for _, r := range ended {
		if r.late = r.leave && !closed(r.gone); !r.late {
			r.report(r.exited)
		}
	}
	e.mu.Unlock()
	e.removeEmptied()
	return failed
}

// removeEmptied removes the cgroups of runs that are gone, after their waiters were
// answered. Cgroups with processes left to run are removed later.
func (e *Engine) removeEmptied() {
	for _, group := range e.emptied {
		if errors.Is(group.remove(), syscall.EBUSY) {
			e.occupied = append(e.occupied, group)
		}
	}
	e.emptied = e.emptied[:0]
}

// removeVacated removes the cgroups whose last process has ended since. It holds the mutex:
// one of them may be a new run's of the same name, which is just being forked.
func (e *Engine) removeVacated() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.occupied = slices.DeleteFunc(e.occupied, func(group cgroup) bool { return !errors.Is(group.remove(), syscall.EBUSY) })
}

// reapAtOnce is how many children are reaped before another may have the mutex:
// amid thousands of stops one at a time would take as many turns.
const reapAtOnce = 64

// wait reaps what has ended: main processes of runs, whose other processes are stopped
// from then on, and strangers.
func (e *Engine) wait() (ended []*run, strangers bool, err error) {
	for more := true; more; {
		e.mu.Lock()
		for range reapAtOnce {
			var r *run
			if r, more, err = e.reapOne(); !more {
				break
			}
			if r != nil {
				ended = append(ended, r)
			} else {
				strangers = true
			}
		}
		if !closed(e.frozen) {
			for _, r := range e.ended { // only here: a look under way has not seen them
				e.leftBehind[r] = true
			}
			ended, e.ended = append(ended, e.ended...), nil
		}
		strangers, e.stirred = strangers || e.stirred, false
		e.mu.Unlock()
	}
	return ended, strangers, err
}

// reapOne reaps a child, if one has ended, and returns its run; nil for a
// stranger. The caller holds the mutex.
func (e *Engine) reapOne() (r *run, ok bool, err error) {
	var status syscall.WaitStatus
	pid, err := e.waitNext(&status)
	if errors.Is(err, syscall.ECHILD) {
		err = nil
	}
	if err != nil || pid == 0 {
		return nil, false, err
	}
	r = e.runs[pid]
	if r == nil || r.adopted { // the pid of one that was reaped elsewhere, given to a child of ours
		return nil, true, nil
	}
	failpoint.At("reaped")
	delete(e.runs, pid)
	r.end(status, ticks())
	e.leftBehind[r] = true
	return r, true, nil
}

// poke has the reaper look; stirred says that a process that is not its child
// has ended.
func (e *Engine) poke(stirred bool) {
	e.mu.Lock()
	e.stirred = e.stirred || stirred
	e.mu.Unlock()
	select {
	case e.chld <- syscall.SIGCHLD:
	default:
	}
}

func (e *Engine) anyLeftBehind() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.leftBehind) > 0
}

// stopLeftBehind finds the processes of runs whose main process has ended, sends them
// the signal that they have not had, and lets go of the runs that are gone: a look
// that succeeded found nothing of them. One pass over /proc serves them all; without full it
// is saved for those whose cgroup has something in it. Again asks for
// another look, after a wait; failed, that one must look again.
func (e *Engine) stopLeftBehind(full bool) (again bool, failed error) {
	inside, rest, failures := e.inside()
	if full {
		rest = e.leftBehind
	}
	left, unsure, again, lookErr := e.tree.orphans(e, rest)
	e.mu.Lock()
	defer e.mu.Unlock()
	for r := range eachRun(e.leftBehind) {
		members, occupied := inside[r]
		members = append(members, left[r]...)
		r.failed = failures[r]
		if rest[r] {
			r.failed = cmp.Or(r.failed, unseen(lookErr), unseen(unsure[r]))
		}
		switch {
		case len(members) > 0 && !r.leave:
			failed = cmp.Or(failed, e.watchMembers(r, members)) // this look is as good without
			r.failed = cmp.Or(e.signalMembers(r, members), r.failed)
		case r.failed != nil:
		case occupied:
			e.wantPass() // they came and went as we looked
		case !again:
			r.failed = e.letGo(r, members)
		}
		failed = cmp.Or(failed, r.failed)
	}
	return again, failed
}

// letGo ends a run that has no processes left, or whose remaining processes may stay. The
// caller holds the mutex.
func (e *Engine) letGo(r *run, members []stat) error {
	if r.leave {
		if err := e.release(r, members); err != nil {
			return err
		}
	}
	delete(e.leftBehind, r)
	e.makers.letGo(r)
	r.exit.LeftBehind = r.signalledCount()
	r.signalled, r.missed, r.followed = nil, nil, nil
	r.report(r.gone) // before exited: who sees that sees whether anything is left
	if r.ref.Cgroup != "" {
		e.emptied = append(e.emptied, cgroup(r.ref.Cgroup))
	}
	if r.late {
		r.report(r.exited)
	}
	return nil
}

// inside is what is in the cgroups of the runs whose main process has ended, and
// rest those runs that have nothing in theirs, or have none. Those in failed could
// not be looked at.
func (e *Engine) inside() (members map[*run][]stat, rest map[*run]bool, failed map[*run]error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	members, rest, failed = make(map[*run][]stat), make(map[*run]bool, len(e.leftBehind)), make(map[*run]error)
	for r := range eachRun(e.leftBehind) {
		group := cgroup(r.ref.Cgroup)
		in, occupied, err := group.left()
		if r.failed != nil && r.want != 0 {
			err = cmp.Or(err, group.thawAll()) // a stop may not have been able to
		}
		if err != nil {
			failed[r] = unseen(err)
		}
		if occupied && !r.leave {
			members[r] = in
		} else {
			rest[r] = true
		}
	}
	return members, rest, failed
}

// search looks for processes of a run that must end that its signal has not reached: they
// have left its process group, or may not be signalled yet.
func (e *Engine) search() (failed error) {
	e.mu.Lock()
	stopping := make(map[*run]bool)
	for _, r := range e.runs {
		if r.want != 0 {
			stopping[r] = true
		}
	}
	any := len(e.leftBehind) > 0
	e.mu.Unlock()
	if len(stopping) > 0 {
		members, unsure, lookErr := e.tree.members(e, stopping, nil, nil)
		e.mu.Lock()
		for r := range eachRun(stopping) {
			var undelivered error
			if r.failed != nil {
				undelivered = e.deliver(r, r.want)
			}
			unsignalled := slices.DeleteFunc(members[r], func(s stat) bool { return !r.mustHave(s) })
			r.failed = cmp.Or(undelivered, e.signalMembers(r, unsignalled), unseen(lookErr), unseen(unsure[r]))
			failed = cmp.Or(failed, r.failed)
		}
		e.mu.Unlock()
	}
	if any {
		again, err := e.stopLeftBehind(true)
		if again {
			e.wantPass()
		}
		failed = cmp.Or(failed, err)
		e.removeEmptied()
	}
	return failed
}

// signalMembers sends the run's signal to each member that has not had it. The error is
// that it could not. A signal to a process group succeeds as soon as one of its members
// may be signalled: each is asked whether that holds for it. The caller holds the mutex.
func (e *Engine) signalMembers(r *run, members []stat) (failed error) {
	if r.want == 0 {
		return nil
	}
	if r.signalled == nil {
		r.signalled = make(map[proc]syscall.Signal)
	}
	for _, s := range members {
		sent, seen := r.signalled[s.proc]
		if sent == r.want {
			continue
		}
		var err error
		if r.alreadySignalled(s) && !r.missed[s.proc] {
			if err = e.tree.probe(s.proc); err == nil {
				continue
			}
		} else {
			err = e.tree.signal(s.proc, r.want)
		}
		switch {
		case err == nil:
			r.signalled[s.proc] = r.want
		case !errors.Is(err, syscall.ESRCH):
			if !seen {
				r.signalled[s.proc] = 0 // it may have lost its parent by the next try
			}
			if r.missed == nil {
				r.missed = make(map[proc]bool)
			}
			r.missed[s.proc] = true
			failed = unsent(r.want, err)
		}
	}
	return failed
}

// signalledCount is how many processes besides the main one were signalled one by one. The caller holds the mutex.
func (r *run) signalledCount() (n int) {
	for p, sig := range r.signalled {
		if sig != 0 && p.pid != r.ref.PID {
			n++
		}
	}
	return n
}
