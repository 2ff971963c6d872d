package process

import (
	"bytes"
	"strconv"

	"tasks/pkg/task"
)

// Remaining implements engine.Tree. It reads nothing of a process but what the kernel has of it:
// reading the memory of a hanging process hangs.
func (r *run) Remaining() []task.Proc {
	left, _ := r.engine.lefts.of(r, r.engine.leftOf)
	return left
}

func (e *Engine) leftOf(runs map[*run]bool) (map[*run][]task.Proc, error) {
	all, err := scan()
	if err != nil {
		return nil, err
	}
	owner := make(map[int]*run)
	mains, groups := make(map[proc]*run), make(map[int]*run)
	for r := range runs {
		members, err := cgroup(r.ref.Cgroup).members()
		if err != nil {
			return nil, err
		}
		for _, s := range members {
			owner[s.pid] = r
		}
	}
	e.mu.Lock()
	for r := range runs {
		mains[proc{r.ref.PID, r.ref.Start}] = r
		if !r.reaped {
			groups[r.ref.PID] = r
		}
	}
	known := e.newEvidence(runs)
	session := known.sessions(all)
	for _, s := range all {
		if r := mains[s.proc]; r != nil {
			owner[s.pid] = r
		} else if r := groups[s.pgrp]; r != nil && s.start >= r.ref.Start {
			owner[s.pid] = r
		} else if r := session[s.session]; r != nil && e.runs[s.session] == nil {
			owner[s.pid] = r
		} else if r := known.byProc[s.proc]; r != nil {
			owner[s.pid] = r
		}
	}
	e.mu.Unlock()
	found := descend(all, owner, nil)
	for _, s := range all {
		if r := mains[s.proc]; r != nil && s.dead() && groups[s.pid] == r { // a debugger holds it
			found[r] = append(found[r], s)
		}
	}
	left := make(map[*run][]task.Proc, len(runs))
	for r, members := range found {
		for _, s := range members {
			name, _ := readAll("/proc/" + strconv.Itoa(s.pid) + "/comm")
			left[r] = append(left[r], task.Proc{PID: s.pid, Command: []string{string(bytes.TrimSpace(name))}, Blocked: s.state == 'D'})
		}
	}
	return left, nil
}
