package process

import (
	"errors"
	"maps"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// All system calls by which this package looks at processes and acts on them
// are made here and in kernel_linux.go: a test sees each of them, and can make
// any of them fail.

// call is a system call that is about to be made.
type call struct {
	name string            // of its manual page
	path string            // what it opens, makes, executes
	pid  int               // the subject; a process group if negative
	sig  syscall.Signal    // what it sends
	fd   int               // what it reads, waits for, closes
	arg  int               // flags, or the size of a buffer
	text string            // what it writes
	attr *syscall.ProcAttr // of what it executes
	argv []string
	end  time.Time // of a wait; zero: none
}

// result is what a test gives for a call in the place of the kernel.
type result struct {
	err    error
	n      int // a pid or a descriptor
	text   []byte
	info   os.FileInfo
	ino    uint64 // of a file
	mode   uint32
	links  uint64
	status syscall.WaitStatus
	known  bool // the status is
	time   time.Duration
}

// intercept is what a test has set to see each call. For what it
// answers itself the kernel is not asked.
var intercept atomic.Pointer[func(call) (result, bool)]

func (c call) intercepted() (result, bool) {
	if f := intercept.Load(); f != nil {
		return (*f)(c)
	}
	return result{}, false
}

// eachRun goes through runs in any order; a simulation has its own, which is always the
// same.
var eachRun = maps.Keys[map[*run]bool]

// ownPID is the pid of this process, which lasts over an execve.
var ownPID = os.Getpid()

// nap waits a moment for the kernel, perhaps with a lock held.
func nap(d time.Duration) {
	if _, ok := (call{name: "nanosleep", arg: int(d)}).intercepted(); !ok {
		time.Sleep(d)
	}
}

func forkExec(path string, argv []string, attr *syscall.ProcAttr) (pid int, err error) {
	if a, ok := (call{name: "execve", path: path, argv: argv, attr: attr}).intercepted(); ok {
		return a.n, a.err
	}
	blockingNothing(func() { pid, err = syscall.ForkExec(path, argv, attr) })
	return pid, err
}

// waitChild reaps that child, or -1 any, if it has ended; pid is 0 where it has not.
func waitChild(of int, status *syscall.WaitStatus) (pid int, err error) {
	if a, ok := (call{name: "wait4", pid: of}).intercepted(); ok {
		*status = a.status
		return a.n, a.err
	}
	for {
		pid, err = syscall.Wait4(of, status, syscall.WNOHANG, nil)
		if !errors.Is(err, syscall.EINTR) {
			return max(pid, 0), err
		}
	}
}

func kill(pid int, sig syscall.Signal) error {
	if a, ok := (call{name: "kill", pid: pid, sig: sig}).intercepted(); ok {
		return a.err
	}
	return syscall.Kill(pid, sig)
}

// closeFD closes what was opened here. Whether that fails makes no difference.
func closeFD(fd int) {
	if _, ok := (call{name: "close", fd: fd}).intercepted(); !ok {
		syscall.Close(fd)
	}
}

func fileInfo(path string) (os.FileInfo, error) {
	if a, ok := (call{name: "stat", path: path}).intercepted(); ok && a.err != nil {
		return nil, &os.PathError{Op: "stat", Path: path, Err: a.err}
	} else if ok {
		return a.info, nil
	}
	return os.Stat(path)
}

// openNull opens what a run without a log reads and writes.
func openNull() (*os.File, error) {
	if a, ok := (call{name: "open", path: os.DevNull}).intercepted(); ok && a.err != nil {
		return nil, &os.PathError{Op: "open", Path: os.DevNull, Err: a.err}
	}
	return os.OpenFile(os.DevNull, os.O_RDWR, 0)
}

func pipe() (r, w *os.File, err error) {
	if a, ok := (call{name: "pipe"}).intercepted(); ok && a.err != nil {
		return nil, nil, os.NewSyscallError("pipe2", a.err)
	}
	return os.Pipe()
}
