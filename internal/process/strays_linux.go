package process

import (
	"maps"
)

// Strays is the pids of the living children of this process that belong to no run:
// what runs were allowed to leave behind, and what nothing ties to its run. They are never
// signalled. The error is that they could not be looked for. It may be called from
// any goroutine.
func (e *Engine) Strays() ([]int, error) {
	e.mu.Lock()
	some := e.anyOrphans()
	e.mu.Unlock()
	if !some {
		return nil, nil
	}
	all, err := scan()
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	runs := maps.Clone(e.leftBehind)
	for _, r := range e.runs {
		runs[r] = true
	}
	known := e.newEvidence(runs)
	session := known.sessions(all)
	var lost []stat
	for _, s := range all {
		if s.ppid == ownPID && !s.dead() && e.runs[s.pid] == nil && e.runs[s.session] == nil && session[s.session] == nil {
			lost = append(lost, s)
		}
	}
	e.mu.Unlock()
	owner := make(map[int]*run)
	if _, _, err := e.attribute(known, lost, owner); err != nil {
		return nil, err
	}
	var strays []int
	for _, p := range lost {
		if owner[p.pid] == nil {
			strays = append(strays, p.pid)
		}
	}
	return strays, nil
}
