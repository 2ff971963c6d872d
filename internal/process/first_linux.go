package process

import (
	"bytes"
	"errors"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// FirstThread is the first thread of this process, which lives as long as that does.
// All children of the engine are its: the kernel gives it the orphans, and runs are forked
// on it, since a child may have asked for a signal at the end of the thread that has begun
// it (PR_SET_PDEATHSIG, prctl(2)). An execve on it ends only threads without children.
type FirstThread struct{ ask chan func() }

// OnFirstThread runs f in a goroutine of its own and keeps the first thread,
// which it should be called on, for the engine that f makes; it returns what f
// does. Where it is called on another, f gets nil: an engine then searches /proc
// at the end of each run.
func OnFirstThread(f func(*FirstThread) error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if unix.Gettid() != unix.Getpid() {
		return f(nil)
	}
	t := &FirstThread{make(chan func())}
	result := make(chan error, 1)
	go func() { result <- f(t) }()
	for {
		select {
		case do := <-t.ask:
			do()
		case err := <-result:
			return err
		}
	}
}

// Do runs f on the first thread, or on any if that could not be had.
func (t *FirstThread) Do(f func()) {
	if t == nil {
		f()
		return
	}
	done := make(chan struct{})
	t.ask <- func() { f(); close(done) }
	<-done
}

// childrenOfFirst is the pids of the first thread's children. The list is complete if none
// is reaped meanwhile, proc_tid_children(5). Not every kernel has it.
func childrenOfFirst() ([]int, error) {
	text, err := readAll("/proc/self/task/" + strconv.Itoa(ownPID) + "/children")
	var pids []int
	for word := range bytes.FieldsSeq(text) {
		if pid, convErr := strconv.Atoi(string(word)); convErr == nil {
			pids = append(pids, pid)
		}
	}
	return pids, err
}

// anyOrphans reports whether this process may have children that are not main processes:
// what has lost its parent, or what a main process has begun as its own sibling (clone(2),
// CLONE_PARENT). The caller holds the mutex, so that none is forked or reaped meanwhile.
func (e *Engine) anyOrphans() bool {
	if e.tree.first == nil {
		return true
	}
	pids, err := childrenOfFirst()
	if err != nil {
		return true
	}
	for _, pid := range pids {
		if r := e.runs[pid]; r == nil || r.adopted {
			return true
		}
	}
	return false
}

// reapChild reaps the child if it has ended; pid is 0 where it has not. The kernel reports
// stops, too, of one that has asked this process to trace it (PTRACE_TRACEME, as programs do
// against debuggers): it is detached, and continues.
func (e *Engine) reapChild(of int, status *syscall.WaitStatus) (pid int, err error) {
	pid, err = waitChild(of, status)
	if err != nil || pid == 0 || !status.Stopped() {
		return pid, err
	}
	sig := status.StopSignal()
	if sig == syscall.SIGTRAP { // for the tracer: an exec
		sig = 0
	}
	e.tree.first.Do(func() { err = detach(pid, sig) })
	if errors.Is(err, unix.ESRCH) { // it was killed meanwhile
		err = nil
	}
	return 0, err
}
