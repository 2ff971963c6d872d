package process

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"tasks/pkg/task"
)

// resources are those of task.LimitNames.
var resources = map[string]int{
	"as": unix.RLIMIT_AS, "core": unix.RLIMIT_CORE, "cpu": unix.RLIMIT_CPU, "data": unix.RLIMIT_DATA, "fsize": unix.RLIMIT_FSIZE,
	"locks": unix.RLIMIT_LOCKS, "memlock": unix.RLIMIT_MEMLOCK, "msgqueue": unix.RLIMIT_MSGQUEUE, "nice": unix.RLIMIT_NICE,
	"nofile": unix.RLIMIT_NOFILE, "nproc": unix.RLIMIT_NPROC, "rss": unix.RLIMIT_RSS, "rtprio": unix.RLIMIT_RTPRIO,
	"rttime": unix.RLIMIT_RTTIME, "sigpending": unix.RLIMIT_SIGPENDING, "stack": unix.RLIMIT_STACK,
}

// Shim becomes the program that args, which follow ShimCommand, name. It returns the
// exit code where it cannot; why is reported to the engine that has forked it.
func Shim(args []string) int {
	runtime.LockOSThread()
	debug.SetGCPercent(-1) // once limits are set this program has no memory or threads to ask for
	syscall.CloseOnExec(shimReport)
	var s shimSettings
	if len(args) < 3 || json.Unmarshal([]byte(args[0]), &s) != nil {
		os.Stderr.WriteString("tasks: this command is for the supervisor alone\n")
		return 2
	}
	step, err := s.become(args[1], args[2:])
	var errno syscall.Errno
	errors.As(err, &errno)
	if _, err := syscall.Write(shimReport, []byte(step+" "+strconv.Itoa(int(errno)))); err != nil { // nobody waits for it any more
		os.Stderr.WriteString("tasks: " + step + " " + strconv.Quote(args[1]) + ": " + errno.Error() + "\n")
	}
	if errno == syscall.ENOENT {
		return 127
	}
	return 126
}

// become returns where it fails, and in which step.
func (s *shimSettings) become(path string, argv []string) (step string, err error) {
	env := os.Environ()
	unhide(env)
	if s.Umask != nil {
		syscall.Umask(int(*s.Umask))
	}
	if s.Nice != nil {
		// All threads inherit the value, but the one that executes becomes the only one.
		err := syscall.Setpriority(syscall.PRIO_PROCESS, 0, *s.Nice)
		if err != nil && !s.Mild {
			return niceStep, err
		}
	}
	for name, l := range s.Ulimit {
		if err := syscall.Setrlimit(resources[name], &syscall.Rlimit{Cur: l.Soft, Max: l.Hard}); err != nil {
			return limitStep + name, err
		}
	}
	if s.Dir != "" {
		if err := syscall.Chdir(s.Dir); err != nil {
			return "exec", err
		}
	}
	return "exec", syscall.Exec(path, argv, env)
}

// CallerOf is what a task that the process starts gets from it; nothing if unknown. A pid
// of 0 is this process.
func CallerOf(pid int) (c task.Caller) {
	dir := "/proc/self"
	if pid != 0 {
		dir = "/proc/" + strconv.Itoa(pid)
	}
	status, _ := readAll(dir + "/status")
	var umask task.Umask
	_, rest, _ := bytes.Cut(status, []byte("\nUmask:\t"))
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	if umask.UnmarshalText(line) == nil {
		c.Umask = &umask
	}
	if pid == 0 {
		pid = ownPID
	}
	if s, err := readStat(pid, make([]byte, 1024)); err == nil {
		c.Nice = &s.nice
	}
	return c
}
