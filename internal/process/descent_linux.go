package process

import (
	"syscall"
)

// noteDescent notes what descends from the main process, where no cgroup holds that
// together: of a process that has left its session and may not be read, as ssh-agent,
// nothing else tells whose it is, and its parent may end by the signal that follows.
func (r *run) noteDescent() {
	e := r.engine
	e.mu.Lock()
	needed := r.ref.Cgroup == "" && !r.reaped
	e.mu.Unlock()
	if !needed {
		return
	}
	var members []stat
	err := insist(func() (err error) { members, err = e.descents.of(r, e.descentOf); return err })
	if err != nil {
		e.opts.Logger.Warn("cannot look at what a run has started before it is signalled", "run", r.id, "err", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if closed(r.gone) {
		return
	}
	if r.signalled == nil {
		r.signalled = make(map[proc]syscall.Signal, len(members))
	}
	for _, s := range members {
		if _, known := r.signalled[s.proc]; !known {
			r.signalled[s.proc] = 0
		}
	}
}

// descentOf is what descends from the main processes. It reads nothing of a process but
// what the kernel tells of any.
func (e *Engine) descentOf(runs map[*run]bool) (map[*run][]stat, error) {
	all, err := scan()
	if err != nil {
		return nil, err
	}
	owner := map[int]*run{ownPID: new(run)} // one of them may have started this very supervisor
	e.mu.Lock()
	for _, s := range all {
		if r := e.runs[s.pid]; r != nil && r.ref.Start == s.start {
			owner[s.pid] = r
		}
	}
	e.mu.Unlock()
	return descend(all, owner, func(s stat, r *run) bool { return runs[r] && s.pid != r.ref.PID }), nil
}
