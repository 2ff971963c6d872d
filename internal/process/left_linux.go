package process

import (
	"bytes"
	"os"
	"strconv"

	"tasks/pkg/task"
)

// Left implements task.Tree. It reads nothing of a process but what the kernel
// tells by itself: to see the memory of one that hangs is to hang.
func (r *run) Left() []task.Proc {
	e := r.engine
	all := scan()
	owner := make(map[int]*run)
	for _, s := range cgroup(r.ref.Cgroup).members() {
		owner[s.pid] = r
	}
	e.mu.Lock()
	known := e.newEvidence(map[*run]bool{r: true})
	session := known.sessions(all)
	for _, s := range all {
		main := s.proc == proc{r.ref.PID, r.ref.Start}
		group := !r.reaped && s.pgrp == r.ref.PID && s.start >= r.ref.Start
		after := e.runs[s.session] == nil && session[s.session] == r
		if main || group || after || known.byProc[s.proc] == r {
			owner[s.pid] = r
		}
	}
	e.mu.Unlock()
	var left []task.Proc
	for _, s := range descend(all, owner, nil)[r] {
		name, _ := os.ReadFile("/proc/" + strconv.Itoa(s.pid) + "/comm")
		left = append(left, task.Proc{PID: s.pid, Command: []string{string(bytes.TrimSpace(name))}, Blocked: s.state == 'D'})
	}
	return left
}
