package process

import (
	"errors"
	"os"
	"sync/atomic"
	"syscall"
)

// All system calls by which this package looks at processes and acts on them
// are made here and in kernel_linux.go: a test sees each of them, and can make
// any of them fail.

// call is a system call that is about to be made.
type call struct {
	name string         // of its manual page
	path string         // what it opens, makes, executes
	pid  int            // whom it is about; a process group if negative
	sig  syscall.Signal // what it sends
}

// intercept is what a test has set to see each call. Its error, if any, is the
// call's, which then is not made.
var intercept atomic.Pointer[func(call) error]

func (c call) begin() error {
	if f := intercept.Load(); f != nil {
		return (*f)(c)
	}
	return nil
}

func forkExec(path string, argv []string, attr *syscall.ProcAttr) (pid int, err error) {
	if err := (call{name: "execve", path: path}).begin(); err != nil {
		return 0, err
	}
	return syscall.ForkExec(path, argv, attr)
}

// waitChild reaps that child, or -1 any, if it has ended; pid is 0 where it has not.
func waitChild(of int, status *syscall.WaitStatus) (pid int, err error) {
	if err := (call{name: "wait4"}).begin(); err != nil {
		return 0, err
	}
	for {
		pid, err = syscall.Wait4(of, status, syscall.WNOHANG, nil)
		if !errors.Is(err, syscall.EINTR) {
			return max(pid, 0), err
		}
	}
}

func kill(pid int, sig syscall.Signal) error {
	if err := (call{name: "kill", pid: pid, sig: sig}).begin(); err != nil {
		return err
	}
	return syscall.Kill(pid, sig)
}

func fileInfo(path string) (os.FileInfo, error) {
	if err := (call{name: "stat", path: path}).begin(); err != nil {
		return nil, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	return os.Stat(path)
}

// openNull opens what a run without a log reads and writes.
func openNull() (*os.File, error) {
	if err := (call{name: "open", path: os.DevNull}).begin(); err != nil {
		return nil, &os.PathError{Op: "open", Path: os.DevNull, Err: err}
	}
	return os.OpenFile(os.DevNull, os.O_RDWR, 0)
}

func pipe() (r, w *os.File, err error) {
	if err := (call{name: "pipe"}).begin(); err != nil {
		return nil, nil, os.NewSyscallError("pipe2", err)
	}
	return os.Pipe()
}
