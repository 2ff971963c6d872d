package process

import (
	"cmp"
	"errors"
	"io/fs"
	"math"
	"os"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// open opens a file, mostly one of the kernel's own, which never keep the caller waiting.
func open(path string, flags int) (fd int, err error) {
	a, ok := call{name: "open", path: path, arg: flags}.intercepted()
	if fd, err = a.n, a.err; !ok {
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

// duplicate opens what fd is once more.
func duplicate(fd int) (int, error) {
	if a, ok := (call{name: "dup", fd: fd}).intercepted(); ok {
		return a.n, a.err
	}
	return unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
}

// duplicateOnto closes onto and opens what fd is in its place, in one step.
func duplicateOnto(fd, onto int) error {
	if a, ok := (call{name: "dup3", fd: fd, arg: onto}).intercepted(); ok {
		return a.err
	}
	return unix.Dup3(fd, onto, unix.O_CLOEXEC)
}

func read(fd int, path string, buf []byte) (n int, err error) {
	if a, ok := (call{name: "read", path: path, fd: fd, arg: len(buf)}).intercepted(); ok {
		return copy(buf, a.text), a.err
	}
	for {
		n, err = unix.Read(fd, buf)
		if !errors.Is(err, unix.EINTR) {
			return max(n, 0), err
		}
	}
}

// readlink is where a link of the kernel's own leads, if it is shown to this program.
func readlink(path string) (string, error) {
	a, ok := call{name: "readlink", path: path}.intercepted()
	switch {
	case !ok:
		return os.Readlink(path)
	case a.err != nil:
		return "", &fs.PathError{Op: "readlink", Path: path, Err: a.err}
	}
	return string(a.text), nil
}

func write(fd int, path, text string) error {
	if a, ok := (call{name: "write", path: path, fd: fd, text: text}).intercepted(); ok {
		return a.err
	}
	_, err := unix.Write(fd, []byte(text))
	return err
}

func getdents(fd int, path string, buf []byte) (n int, err error) {
	if a, ok := (call{name: "getdents", path: path, fd: fd}).intercepted(); ok {
		return copy(buf, a.text), a.err
	}
	return unix.ReadDirent(fd, buf)
}

// blockingNothing runs f, which forks, while this thread blocks no signal: a child inherits
// which ones it does, and a supervisor may have been started with some of them blocked.
func blockingNothing(f func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before unix.Sigset_t
	if unix.PthreadSigmask(unix.SIG_SETMASK, new(unix.Sigset_t), &before) == nil {
		defer unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil)
	}
	f()
}

func mkdir(path string) error {
	if a, ok := (call{name: "mkdir", path: path}).intercepted(); ok {
		return a.err
	}
	return unix.Mkdir(path, 0o755)
}

func rmdir(path string) error {
	if a, ok := (call{name: "rmdir", path: path}).intercepted(); ok {
		return a.err
	}
	return unix.Rmdir(path)
}

func chmod(path string, mode uint32) error {
	if a, ok := (call{name: "chmod", path: path}).intercepted(); ok {
		return a.err
	}
	return unix.Chmod(path, mode)
}

// lstat is what kind of file is at path, and how many names it has.
func lstat(path string) (mode uint32, links uint64, err error) {
	if a, ok := (call{name: "lstat", path: path}).intercepted(); ok {
		return a.mode, a.links, a.err
	}
	var st unix.Stat_t
	err = unix.Lstat(path, &st)
	return st.Mode, uint64(st.Nlink), err
}

func statx(dir int, path string, flags, mask int, st *unix.Statx_t) error {
	if a, ok := (call{name: "statx", path: path, fd: dir}).intercepted(); ok {
		st.Mode, st.Ino = uint16(a.mode), a.ino
		return a.err
	}
	return unix.Statx(dir, path, flags, mask, st)
}

// addOpenFlag adds one to those of an open file.
func addOpenFlag(fd, flag int) error {
	if a, ok := (call{name: "fcntl", fd: fd, arg: flag}).intercepted(); ok {
		return a.err
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err == nil {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_SETFL, flags|flag)
	}
	return err
}

// fileSystem is the kind of that which the open file is on, statfs(2).
func fileSystem(fd int, path string) (kind int64, err error) {
	if a, ok := (call{name: "fstatfs", path: path, fd: fd}).intercepted(); ok {
		return 0, a.err
	}
	var st unix.Statfs_t
	err = unix.Fstatfs(fd, &st)
	return int64(st.Type), err
}

func pidfdOpen(pid, flags int) (fd int, err error) {
	if a, ok := (call{name: "pidfd_open", pid: pid}).intercepted(); ok && a.err != nil {
		return -1, a.err
	} else if ok {
		return a.n, nil
	}
	return unix.PidfdOpen(pid, flags)
}

// pidfdSignal sends sig to the process pid, which fd refers to.
func pidfdSignal(fd, pid int, sig syscall.Signal) error {
	if a, ok := (call{name: "pidfd_send_signal", pid: pid, sig: sig, fd: fd}).intercepted(); ok {
		return a.err
	}
	return unix.PidfdSendSignal(fd, sig, nil, 0)
}

// pidfdSignalGroup sends sig to the process group that pid, which fd refers to,
// leads (Linux 6.9).
func pidfdSignalGroup(fd, pid int, sig syscall.Signal) error {
	if a, ok := (call{name: "pidfd_send_signal", pid: -pid, sig: sig, fd: fd}).intercepted(); ok {
		return a.err
	}
	return unix.PidfdSendSignal(fd, sig, nil, unix.PIDFD_SIGNAL_PROCESS_GROUP)
}

// pidfdInfo asks what is known of the process that fd refers to (Linux 6.13).
func pidfdInfo(fd int, info *unix.PidfdInfo) error {
	if a, ok := (call{name: "ioctl_pidfd", fd: fd}).intercepted(); ok {
		if info.Mask = 0; a.known {
			info.Mask, info.Exit_code = unix.PIDFD_INFO_EXIT, int32(a.status)
		}
		return a.err
	}
	return unix.IoctlPidfdInfo(fd, info)
}

// detach no longer traces a process that has stopped for its tracer, and has sig delivered
// to it. Only the thread that traces it can.
func detach(pid int, sig syscall.Signal) error {
	if a, ok := (call{name: "ptrace", pid: pid, sig: sig}).intercepted(); ok {
		return a.err
	}
	_, _, errno := unix.RawSyscall6(unix.SYS_PTRACE, unix.PTRACE_DETACH, uintptr(pid), 0, uintptr(sig), 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// nextEnded is a child that has ended, and stays to be reaped; 0 where there is none.
func nextEnded() (pid int, err error) {
	if a, ok := (call{name: "waitid"}).intercepted(); ok {
		return a.n, a.err
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
	if a, ok := (call{name: "prctl"}).intercepted(); ok {
		return a.err
	}
	return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
}

// closeOnExec keeps every descriptor but the standard ones from what is executed.
func closeOnExec() error {
	if a, ok := (call{name: "close_range"}).intercepted(); ok {
		return a.err
	}
	return unix.CloseRange(3, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC)
}

// cpuTime is what all threads of the process have used, clock_getcpuclockid(3).
func cpuTime(pid int) (time.Duration, error) {
	var t unix.Timespec
	if a, ok := (call{name: "clock_gettime", pid: pid}).intercepted(); ok {
		return a.time, a.err
	}
	const scheduled = 2 // CPUCLOCK_SCHED: in nanoseconds
	err := unix.ClockGettime(int32(^pid<<3|scheduled), &t)
	return time.Duration(t.Nano()), err
}

// sinceBoot is the time since the machine was started; 0 if unknown.
func sinceBoot() time.Duration {
	if a, ok := (call{name: "clock_gettime", path: "boot"}).intercepted(); ok {
		return a.time
	}
	var now unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &now) != nil {
		return 0
	}
	return time.Duration(now.Nano())
}

// pidfd watches a process that may be nobody's child.
type pidfd struct {
	fd   int
	file *os.File // by which goroutines wait
}

func newPidfd(fd int) pidfd {
	if _, ok := (call{name: "epoll_ctl", fd: fd}).intercepted(); ok {
		return pidfd{fd: fd}
	}
	return pidfd{fd, os.NewFile(uintptr(fd), "pidfd")}
}

func (p pidfd) close() {
	if p.file == nil {
		closeFD(p.fd)
	} else {
		p.file.Close()
	}
}

// endedBy waits until the process has ended, at most until the time, if that is not
// zero; it may still be a zombie. An error says that it may live.
func (p pidfd) endedBy(end time.Time) error {
	if a, ok := (call{name: "epoll_wait", fd: p.fd, end: end}).intercepted(); ok {
		return a.err
	}
	if !end.IsZero() {
		p.file.SetReadDeadline(end)
	}
	raw, err := p.file.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Read(func(fd uintptr) bool {
		n, err := pollNow(int(fd))
		failed = err
		return n > 0 || err != nil
	})
	return cmp.Or(err, failed)
}

// pollNow reports whether the process of a pidfd has ended: n is not 0.
func pollNow(fd int) (n int, err error) {
	if a, ok := (call{name: "poll", fd: fd}).intercepted(); ok {
		return a.n, a.err
	}
	return unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
}
