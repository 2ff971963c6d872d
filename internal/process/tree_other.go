//go:build !linux

package process

import (
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"

	"tasks/pkg/task"
)

// proc is a process.
type proc struct{ pid int }

// stat is what is known of a process.
type stat struct {
	proc
	pgrp  int
	start uint64
}

// tree knows only process groups here: a process that leaves its group is not
// found, and what stays in the group of an ended main process is killed.
type tree struct{ first *FirstThread }

// FirstThread is of use on Linux alone.
type FirstThread struct{}

// Do runs f.
func (*FirstThread) Do(f func()) { f() }

// OnFirstThread runs f.
func OnFirstThread(f func(*FirstThread) error) error { return f(nil) }

// CallerOf can tell nothing here.
func CallerOf(int) task.Caller { return task.Caller{} }

// Shim is not supported here.
func Shim([]string) int {
	os.Stderr.WriteString("tasks: umask, nice and limits of tasks are set on Linux alone\n")
	return 2
}

// MakeThreads makes none here.
func MakeThreads() {}

// Probe asks for nothing that is not everywhere.
func Probe() error { return nil }

func (tree) open() error      { return nil }
func (tree) reserve(*os.File) {}
func (tree) release()         {}

func (t tree) orphans(e *Engine, runs map[*run]bool) (map[*run][]stat, map[*run]error, bool, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for r := range runs {
		for t.signalGroup(r, syscall.SIGKILL) == nil {
			time.Sleep(time.Millisecond) // no event tells when a group is empty
		}
	}
	return nil, nil, false, nil
}

func (tree) probe(proc) error { return nil }

func (tree) members(*Engine, map[*run]bool, map[proc]*run, func(stat, *run) bool) (map[*run][]stat, map[*run]error, error) {
	return nil, nil, nil
}

func (tree) signalGroup(r *run, sig syscall.Signal) error { return kill(-r.ref.PID, sig) }

func (r *run) signalOthers(syscall.Signal) error { return nil }

func (tree) signal(p proc, sig syscall.Signal) error { return kill(p.pid, sig) }

// mayWait is false: whether an exec waits for others is unknown here.
func (c *command) mayWait() bool { return false }

func dirIsFar(string) bool { return false }

func blockingNothing(f func()) { f() }

func startTime(int) (uint64, error)     { return 0, nil }
func bootID() (string, error)           { return "", nil }
func pidNamespace() (uint64, error)     { return 0, nil }
func fileIDOf(*os.File) (fileID, error) { return fileID{}, nil }
func pipeIDOf(*os.File) (fileID, error) { return fileID{}, nil }

func markLog(*os.File) bool { return false }

func ticks() uint64 { return 0 }

// ignored lists the signals that this process ignores.
func (r *run) Ended() bool { return closed(r.exited) }

func ignored() ([]os.Signal, error) {
	var all []os.Signal
	for sig := syscall.Signal(1); sig < 32; sig++ {
		if signal.Ignored(sig) {
			all = append(all, sig)
		}
	}
	return all, nil
}

// noteDescent has nothing to note: no process is found here by its descent.
func (r *run) noteDescent() {}

// Pause stops the process group alone: nothing else is known here.
func (r *run) Pause() error { return r.Signal(syscall.SIGSTOP) }

// Resume continues it.
func (r *run) Resume() error { return r.Signal(syscall.SIGCONT) }

// release has nothing to release: nothing is left behind here.
func (e *Engine) release(*run, []stat) error { return nil }

// watchMembers has nothing to watch: runs are not taken back here.
func (e *Engine) watchMembers(*run, []stat) error { return nil }

// KillUnknown finds nothing here.
func (e *Engine) KillUnknown(Database) ([]int, error) { return nil, nil }

// makers are of use on Linux alone.
type makers struct{}

func (e *Engine) anyOrphans() bool { return true }

func (makers) noteOrphans(bool) {}
func (makers) letGo(*run)       {}

func (e *Engine) reapChild(of int, status *syscall.WaitStatus) (pid int, err error) {
	return waitChild(of, status)
}

func (e *Engine) waitAny(status *syscall.WaitStatus) (pid int, err error) {
	return waitChild(-1, status)
}

// cgroups are Linux's alone.
type cgroups struct{}

type cgroup string

func openCgroups(string) (cgroups, error) { return cgroups{}, errors.ErrUnsupported }

func (cgroups) create(string, string) (cgroup, int, error) { return "", -1, nil }

func (cgroups) close(string) {}

func (cgroup) left() ([]stat, bool, error) { return nil, false, nil }
func (cgroup) members() ([]stat, error)    { return nil, nil }
func (cgroup) kill()                       {}
func (cgroup) thawAll() error              { return nil }
func (cgroup) remove() error               { return nil }

func sysProcAttr(int) *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

func refused(error) bool { return false }

// LeaveCgroup leaves nothing here.
func LeaveCgroup() error { return nil }

// Strays finds nothing here.
func (e *Engine) Strays() ([]int, error) { return nil, nil }

// Survivors cannot tell here.
func Survivors(_, _ string) ([]string, error) { return nil, nil }
