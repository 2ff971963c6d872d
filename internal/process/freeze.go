package process

import (
	"syscall"
	"time"
)

// lateBound is how long Freeze waits for the search for what ended runs leave behind.
const lateBound = time.Second

// Freeze implements [engine.Freezer]. Main processes that end from now on stay zombies
// of this process: after an execve they are still its children, with their exit
// codes. Lines of Exec end as before.
func (e *Engine) Freeze() {
	reply := make(chan []*run, 1)
	select {
	case e.freeze <- reply:
	case <-e.quit:
		return
	}
	bound := time.After(lateBound)
	for _, r := range <-reply {
		select {
		case <-r.exited:
		case <-bound:
			return
		}
	}
}

// stopReaping begins what Freeze says, once the reaper has reported all that it has reaped
// but the runs in late: their end is reported when what they leave was looked for.
func (e *Engine) stopReaping() (late []*run) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !closed(e.frozen) {
		close(e.frozen)
	}
	for r := range e.leftBehind {
		if r.late {
			late = append(late, r)
		}
	}
	return late
}

// waitNext reaps a child that has ended, frozen one that executes a line; pid is 0
// where there is none. The caller holds the mutex.
func (e *Engine) waitNext(status *syscall.WaitStatus) (pid int, err error) {
	if !closed(e.frozen) {
		return e.waitAny(status)
	}
	for of, r := range e.runs {
		if !r.line {
			continue
		}
		if pid, err = e.reapChild(of, status); pid != 0 || err != nil {
			return pid, err
		}
	}
	return 0, nil
}

// reapOrphan reaps an ended child of ours that is not a main process, frozen:
// else the one reaper takes it. The caller holds the mutex.
func (e *Engine) reapOrphan(s stat) {
	if closed(e.frozen) {
		_, _ = e.reapChild(s.pid, new(syscall.WaitStatus)) // the next look tells
	}
}
