package process

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

// needs is what this engine asks of the kernel and cannot do without. Not listed is
// what it uses only where it is there: cgroups, signals to a process group by pidfd
// (Linux 6.9), exit codes of what another process has reaped (6.15).
var needs = []struct {
	name, since string
	try         func() error
}{
	{"prctl(PR_SET_CHILD_SUBREAPER)", "3.4", becomeSubreaper},
	{"waitid", "2.6.9", tryWait},
	{"statx", "4.11", tryStatx},
	{"pidfd_send_signal", "5.1", trySignal},
	{"pidfd_open(PIDFD_NONBLOCK)", "5.10", tryOpen},
	{"close_range(CLOSE_RANGE_CLOEXEC)", "5.11", closeOnExec},
}

// Probe reports whether runs can be supervised here; the error says what is missing.
// Call it before anything is begun or taken back: a stop that cannot look for
// processes, or cannot signal what it has found, would never end.
func Probe() error {
	for _, need := range needs {
		if err := need.try(); err != nil {
			return fmt.Errorf("this system has no %s: %w: use Linux %s or later, and no sandbox that forbids it", need.name, err, need.since)
		}
	}
	if err := tryProc(); err != nil {
		return fmt.Errorf("cannot find processes: %w: mount the /proc of this pid namespace", err)
	}
	return nil
}

func tryWait() error {
	if _, err := nextEnded(); !errors.Is(err, unix.ECHILD) {
		return err
	}
	return nil
}

func tryStatx() error {
	var st unix.Statx_t
	return statx(unix.AT_FDCWD, "/", unix.AT_STATX_DONT_SYNC, unix.STATX_TYPE|unix.STATX_INO, &st)
}

// trySignal sends nothing: the descriptor is none.
func trySignal() error {
	if err := pidfdSignal(-1, ownPID, 0); !errors.Is(err, unix.EBADF) {
		return err
	}
	return nil
}

func tryOpen() error {
	fd, err := pidfdOpen(ownPID, unix.PIDFD_NONBLOCK)
	if err == nil {
		closeFD(fd)
	}
	return err
}

// tryProc fails also for the /proc of another pid namespace, where other processes
// have our pids.
func tryProc() error {
	line, err := readFirst("/proc/self/stat", make([]byte, 1024))
	pid, _, _ := bytes.Cut(line, []byte(" "))
	if err == nil && string(pid) != strconv.Itoa(ownPID) {
		err = fmt.Errorf("/proc/self is process %s, and this one is %d", pid, ownPID)
	}
	return err
}
