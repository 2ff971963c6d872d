package process

import (
	"errors"
	"syscall"
	"time"
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
	for e.sweep() {
		more, others := e.wait()
		ended = append(ended, more...)
		if len(more) == 0 && !others {
			break // a debugger has it first; the next SIGCHLD goes on
		}
	}
	for _, r := range ended {
		close(r.exited)
	}
}

// wait reaps what has ended: main processes of runs, which are to be swept from
// then on, and strangers.
func (e *Engine) wait() (ended []*run, strangers bool) {
	for {
		var status syscall.WaitStatus
		e.mu.Lock()
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		r := e.runs[pid]
		if r != nil && r.adopted { // the pid of one that was reaped elsewhere, given to a child of ours
			r = nil
		}
		if r != nil {
			delete(e.runs, pid)
			r.end(status)
			e.sweeping[r] = true
			ended = append(ended, r)
		}
		for _, r := range e.ended { // only here: a sweep under way has not looked for them
			e.sweeping[r] = true
		}
		ended, e.ended = append(ended, e.ended...), nil
		strangers, e.stirred = strangers || e.stirred, false
		e.mu.Unlock()
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil || pid <= 0 {
			return ended, strangers
		}
		strangers = strangers || r == nil
	}
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
// the signal it has not had, and lets go of the runs that are gone. One pass
// serves them all. It tells whether there is to be another, after a wait.
func (e *Engine) sweep() (again bool) {
	left, again := e.tree.orphans(e)
	e.mu.Lock()
	defer e.mu.Unlock()
	for r := range e.sweeping {
		if members := left[r]; len(members) > 0 && !r.leaves() {
			e.follow(r, members)
			e.tell(r, members)
		} else if !again {
			delete(e.sweeping, r)
			r.exit.Swept = len(r.told)
			r.told, r.followed = nil, nil
			close(r.gone) // before exited: who sees that sees whether anything is left
		}
	}
	return again
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
		e.sweep()
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
