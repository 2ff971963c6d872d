package process

import (
	"errors"
	"io/fs"
	"math"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// open opens a file of the kernel's own, which never keeps the caller waiting.
func open(path string, flags int) (fd int, err error) {
	err = call{name: "open", path: path}.begin()
	if err == nil {
		fd, err = unix.Open(path, flags|unix.O_CLOEXEC, 0)
		for errors.Is(err, unix.EINTR) {
			fd, err = unix.Open(path, flags|unix.O_CLOEXEC, 0)
		}
	}
	if err != nil {
		return -1, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return fd, nil
}

func read(fd int, path string, buf []byte) (n int, err error) {
	if err := (call{name: "read", path: path}).begin(); err != nil {
		return 0, err
	}
	for {
		n, err = unix.Read(fd, buf)
		if !errors.Is(err, unix.EINTR) {
			return max(n, 0), err
		}
	}
}

// readlink tells whether a link of the kernel's own is shown to this program.
func readlink(path string) error {
	err := call{name: "readlink", path: path}.begin()
	if err == nil {
		_, err = unix.Readlink(path, make([]byte, 64))
	}
	if err != nil {
		return &fs.PathError{Op: "readlink", Path: path, Err: err}
	}
	return nil
}

func write(fd int, path, text string) error {
	if err := (call{name: "write", path: path}).begin(); err != nil {
		return err
	}
	_, err := unix.Write(fd, []byte(text))
	return err
}

func getdents(fd int, path string, buf []byte) (n int, err error) {
	if err := (call{name: "getdents", path: path}).begin(); err != nil {
		return 0, err
	}
	return unix.ReadDirent(fd, buf)
}

func mkdir(path string) error {
	if err := (call{name: "mkdir", path: path}).begin(); err != nil {
		return err
	}
	return unix.Mkdir(path, 0o755)
}

func rmdir(path string) error {
	if err := (call{name: "rmdir", path: path}).begin(); err != nil {
		return err
	}
	return unix.Rmdir(path)
}

func chmod(path string, mode uint32) error {
	if err := (call{name: "chmod", path: path}).begin(); err != nil {
		return err
	}
	return unix.Chmod(path, mode)
}

func lstat(path string, st *unix.Stat_t) error {
	if err := (call{name: "lstat", path: path}).begin(); err != nil {
		return err
	}
	return unix.Lstat(path, st)
}

func statx(dir int, path string, flags, mask int, st *unix.Statx_t) error {
	if err := (call{name: "statx", path: path}).begin(); err != nil {
		return err
	}
	return unix.Statx(dir, path, flags, mask, st)
}

// addOpenFlag adds one to those of an open file.
func addOpenFlag(fd, flag int) error {
	if err := (call{name: "fcntl"}).begin(); err != nil {
		return err
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err == nil {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_SETFL, flags|flag)
	}
	return err
}

func pidfdOpen(pid, flags int) (fd int, err error) {
	if err := (call{name: "pidfd_open", pid: pid}).begin(); err != nil {
		return -1, err
	}
	return unix.PidfdOpen(pid, flags)
}

// pidfdSignal sends sig to the process pid, which fd refers to.
func pidfdSignal(fd, pid int, sig syscall.Signal) error {
	if err := (call{name: "pidfd_send_signal", pid: pid, sig: sig}).begin(); err != nil {
		return err
	}
	return unix.PidfdSendSignal(fd, sig, nil, 0)
}

// pidfdSignalGroup sends sig to the process group that pid, which fd refers to,
// leads (Linux 6.9).
func pidfdSignalGroup(fd, pid int, sig syscall.Signal) error {
	if err := (call{name: "pidfd_send_signal", pid: -pid, sig: sig}).begin(); err != nil {
		return err
	}
	return unix.PidfdSendSignal(fd, sig, nil, unix.PIDFD_SIGNAL_PROCESS_GROUP)
}

// pidfdInfo asks what is known of the process that fd refers to (Linux 6.13).
func pidfdInfo(fd int, info *unix.PidfdInfo) error {
	if err := (call{name: "ioctl_pidfd"}).begin(); err != nil {
		return err
	}
	return unix.IoctlPidfdInfo(fd, info)
}

// nextEnded is a child that has ended, and stays to be reaped; 0 where there is none.
func nextEnded() (pid int, err error) {
	if err := (call{name: "waitid"}).begin(); err != nil {
		return 0, err
	}
	var info unix.Siginfo
	for {
		err = unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	const word = unsafe.Sizeof(uintptr(0))
	const at = (3*4 + word - 1) / word * word // of si_pid: after three numbers, where a pointer could be
	return int(*(*int32)(unsafe.Add(unsafe.Pointer(&info), at))), err
}

func becomeSubreaper() error {
	if err := (call{name: "prctl"}).begin(); err != nil {
		return err
	}
	return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
}

// closeOnExec keeps every descriptor but the standard ones from what is executed.
func closeOnExec() error {
	if err := (call{name: "close_range"}).begin(); err != nil {
		return err
	}
	return unix.CloseRange(3, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC)
}

// cpuTime is what all threads of the process have used, clock_getcpuclockid(3).
func cpuTime(pid int) (time.Duration, error) {
	var t unix.Timespec
	if err := (call{name: "clock_gettime", pid: pid}).begin(); err != nil {
		return 0, err
	}
	const scheduled = 2 // CPUCLOCK_SCHED: in nanoseconds
	err := unix.ClockGettime(int32(^pid<<3|scheduled), &t)
	return time.Duration(t.Nano()), err
}
