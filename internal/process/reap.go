package process

import (
	"syscall"
	"time"

	"tasks/internal/fault"
)

// passDelay is how long a run that was asked to stop may take before /proc is
// searched for what has left its process group: most need no search.
const passDelay = 20 * time.Millisecond

// wantPass asks the reaper to look at the trees of the runs that are to end.
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
	for {
		select {
		case <-e.chld:
			e.collect()
		case <-e.look:
			if search == nil {
				search = time.After(passDelay)
			}
		case <-search:
			search = nil
			e.search()
		case <-e.quit:
			return
		}
	}
}

// collect reaps all children that have ended, and settles their runs.
func (e *Engine) collect() {
	ended, strangers := e.wait()
	if len(ended) == 0 && !(strangers && e.anySweeping()) {
		return
	}
	for e.sweep(false) {
		more, others := e.wait()
		ended = append(ended, more...)
		if len(more) == 0 && !others {
			e.wantPass() // a debugger has it first, or a fork whose exec has failed
			break
		}
	}
	for _, r := range ended {
		close(r.exited)
	}
	e.removeEmptied()
}

// removeEmptied removes the cgroups of runs that are gone, after those who wait
// for them were told.
func (e *Engine) removeEmptied() {
	for _, group := range e.emptied {
		group.remove()
	}
	e.emptied = e.emptied[:0]
}

// reapAtOnce is how many children are reaped before another may have the mutex:
// amid thousands of stops one at a time would take as many turns.
const reapAtOnce = 64

// wait reaps what has ended: main processes of runs, which are to be swept from
// then on, and strangers.
func (e *Engine) wait() (ended []*run, strangers bool) {
	for more := true; more; {
		e.mu.Lock()
		for range reapAtOnce {
			var r *run
			if r, more = e.reapOne(); !more {
				break
			}
			if r != nil {
				ended = append(ended, r)
			} else {
				strangers = true
			}
		}
		for _, r := range e.ended { // only here: a sweep under way has not looked for them
			e.sweeping[r] = true
		}
		ended, e.ended = append(ended, e.ended...), nil
		strangers, e.stirred = strangers || e.stirred, false
		e.mu.Unlock()
	}
	return ended, strangers
}

// reapOne reaps a child, if one has ended, and returns its run; nil for a
// stranger. The caller holds the mutex.
func (e *Engine) reapOne() (r *run, ok bool) {
	var status syscall.WaitStatus
	pid, err := waitAny(&status)
	if err != nil || pid == 0 {
		return nil, false
	}
	r = e.runs[pid]
	if r == nil || r.adopted { // the pid of one that was reaped elsewhere, given to a child of ours
		return nil, true
	}
	fault.At("reaped")
	delete(e.runs, pid)
	r.end(status)
	e.sweeping[r] = true
	return r, true
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

func (e *Engine) anySweeping() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.sweeping) > 0
}

// sweep finds what is left of the runs whose main process has ended, sends it
// the signal it has not had, and lets go of the runs that are gone. One pass over
// /proc serves them all; without full it is saved for those whose cgroup has
// something in it. It tells whether there is to be another, after a wait.
func (e *Engine) sweep(full bool) (again bool) {
	inside, runs := e.inside()
	if full {
		runs = e.sweeping
	}
	left, again := e.tree.orphans(e, runs)
	e.mu.Lock()
	defer e.mu.Unlock()
	for r := range e.sweeping {
		members, occupied := inside[r]
		members = append(members, left[r]...)
		switch {
		case len(members) > 0 && !r.leaves():
			e.follow(r, members)
			e.tell(r, members)
		case occupied:
			e.wantPass() // they came and went as we looked
		case !again:
			delete(e.sweeping, r)
			if r.leaves() {
				e.release(r, members)
			}
			r.exit.Swept = len(r.told)
			r.told, r.followed = nil, nil
			close(r.gone) // before exited: who sees that sees whether anything is left
			if r.ref.Cgroup != "" {
				e.emptied = append(e.emptied, cgroup(r.ref.Cgroup))
			}
		}
	}
	return again
}

// inside is what is in the cgroups of the runs whose main process has ended, and
// rest those runs that have nothing in theirs, or have none.
func (e *Engine) inside() (members map[*run][]stat, rest map[*run]bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	members, rest = make(map[*run][]stat), make(map[*run]bool, len(e.sweeping))
	for r := range e.sweeping {
		if in, occupied := cgroup(r.ref.Cgroup).left(); occupied && !r.leaves() {
			members[r] = in
		} else {
			rest[r] = true
		}
	}
	return members, rest
}

// search looks for processes that have left the group of a run that is to end.
func (e *Engine) search() {
	e.mu.Lock()
	var stopping []*run
	for _, r := range e.runs {
		if r.want != 0 {
			stopping = append(stopping, r)
		}
	}
	sweeping := len(e.sweeping) > 0
	e.mu.Unlock()
	if len(stopping) > 0 {
		escaped := e.tree.escaped(e, stopping)
		e.mu.Lock()
		for r, members := range escaped {
			e.tell(r, members)
		}
		e.mu.Unlock()
	}
	if sweeping {
		if e.sweep(true) {
			e.wantPass()
		}
		e.removeEmptied()
	}
}

// tell sends the run's signal to each member that has not had it. The caller
// holds the mutex.
func (e *Engine) tell(r *run, members []stat) {
	if r.want == 0 {
		return
	}
	if r.told == nil {
		r.told = make(map[proc]syscall.Signal)
	}
	for _, s := range members {
		if r.told[s.proc] != r.want && !r.had(s) {
			r.told[s.proc] = r.want
			e.tree.signal(s.proc, r.want)
		}
	}
}
