package process

import (
	"bytes"
	"os"
	"strconv"
	"sync"

	"tasks/pkg/task"
)

// lefts is who asks what is left of their runs. Those that ask while a look is
// under way are answered by the next: thousands of runs that outlive a kill take
// one look, or two, and not thousands.
type lefts struct {
	asked []left     // guarded by the engine's mutex
	turn  sync.Mutex // held by the look under way
	looks int        // guarded by turn
}

type left struct {
	run   *run
	reply chan []task.Proc
}

// Left implements task.Tree. It reads nothing of a process but what the kernel
// tells by itself: to see the memory of one that hangs is to hang.
func (r *run) Left() []task.Proc {
	e := r.engine
	ask := left{r, make(chan []task.Proc, 1)}
	e.mu.Lock()
	e.lefts.asked = append(e.lefts.asked, ask)
	first := len(e.lefts.asked) == 1
	e.mu.Unlock()
	if first {
		e.lefts.turn.Lock()
		e.lefts.looks++
		e.answerLefts()
		e.lefts.turn.Unlock()
	}
	return <-ask.reply
}

// answerLefts answers all who ask by now.
func (e *Engine) answerLefts() {
	e.mu.Lock()
	asked := e.lefts.asked
	e.lefts.asked = nil
	e.mu.Unlock()
	all := scan()
	owner := make(map[int]*run)
	runs, mains, groups := make(map[*run]bool), make(map[proc]*run), make(map[int]*run)
	for _, a := range asked {
		r := a.run
		runs[r] = true
		for _, s := range cgroup(r.ref.Cgroup).members() {
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
	members := descend(all, owner, nil)
	for _, a := range asked {
		var procs []task.Proc
		for _, s := range members[a.run] {
			name, _ := os.ReadFile("/proc/" + strconv.Itoa(s.pid) + "/comm")
			procs = append(procs, task.Proc{PID: s.pid, Command: []string{string(bytes.TrimSpace(name))}, Blocked: s.state == 'D'})
		}
		a.reply <- procs
	}
}
