package process

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// What is read of a process here is one of three: it is there and looks so; it is
// gone, or not for this program to see; or it could not be looked at, which is an
// error, and says nothing about the process.

// proc is a process: its pid and, since pids are reused, its start.
type proc struct {
	pid   int
	start uint64 // clock ticks after boot
}

// stat is a line of /proc/PID/stat, proc_pid_stat(5).
type stat struct {
	proc
	ppid, pgrp, session int
	threads, nice       int
	state               byte
	kernel              bool               // a thread of the kernel
	waited              time.Duration      // user and system of the children that it has waited for, and theirs
	code                [2]int64           // where it and its stack lie: another place after each exec
	status              syscall.WaitStatus // of one that is dead, or 0, see zombieStatus
}

// dead reports whether the process has ended and waits for its parent. One whose
// first thread alone has ended looks like it and lives.
func (s stat) dead() bool { return s.state == 'Z' && s.threads <= 1 }

// scan reads every process that there is. Where one could not be looked at there
// is no result: what is missing from a look must be gone.
func scan() ([]stat, error) {
	all, _, err := scanNoting()
	return all, err
}

// scanNoting is scan, and reports whether a process ended after it was listed: what that
// began may be missing, too.
func scanNoting() (all []stat, ended bool, err error) {
	names, err := readNames("/proc")
	if err != nil {
		return nil, false, err
	}
	all = make([]stat, 0, len(names))
	buf := make([]byte, 1024)
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		switch s, err := readStat(pid, buf); {
		case err == nil:
			all = append(all, s)
		case failure(err) != nil:
			return nil, false, err
		default:
			ended = true
		}
	}
	return all, ended, nil
}

const tick = 10 * time.Millisecond // USER_HZ is 100 on every Linux that Go runs on

const pfKthread = 0x00200000 // PF_KTHREAD of a process's flags

// readStat is one process. The error is that it is gone, or that it could not be
// looked at.
func readStat(pid int, buf []byte) (stat, error) {
	return readStatIn("/proc/"+strconv.Itoa(pid), pid, buf)
}

// living is where the kernel shows the memory and the files of a process, and the
// stat there: of one whose first thread alone has ended, those of another thread.
func living(pid int) (dir string, s stat, err error) {
	dir = "/proc/" + strconv.Itoa(pid)
	buf := make([]byte, 1024)
	s, err = readStat(pid, buf)
	if err != nil || s.state != 'Z' || s.dead() {
		return dir, s, err
	}
	threads, err := readNames(dir + "/task")
	for _, name := range threads {
		in := dir + "/task/" + name
		thread, threadErr := readStatIn(in, pid, buf)
		if threadErr == nil && thread.state != 'Z' && thread.state != 'X' {
			return in, thread, nil
		}
		if threadErr = failure(threadErr); threadErr != nil {
			err = threadErr
		}
	}
	return dir, s, err
}

// readStatIn is readStat for the directory of a process or thread.
func readStatIn(dir string, pid int, buf []byte) (s stat, err error) {
	path := dir + "/stat"
	line, err := readFirst(path, buf)
	if err != nil {
		return s, err
	}
	// The name may hold anything, also parentheses: fields count from the last.
	open, shut := bytes.IndexByte(line, '('), bytes.LastIndexByte(line, ')')
	if open < 0 || shut < open || shut+2 > len(line) {
		return s, fmt.Errorf("cannot read %s: %q", path, line)
	}
	f := strings.Fields(string(line[shut+2:])) // f[0] is field 3
	if len(f) < 28-2 {
		return s, fmt.Errorf("cannot read %s: %q", path, line)
	}
	num := func(field int) int64 { n, _ := strconv.ParseInt(f[field-3], 10, 64); return n }
	start, err := strconv.ParseUint(f[22-3], 10, 64)
	var status int64
	if len(f) > 52-3 {
		status = num(52)
	}
	return stat{
		proc: proc{pid, start}, kernel: num(9)&pfKthread != 0, ppid: int(num(4)), pgrp: int(num(5)), session: int(num(6)), threads: int(num(20)), nice: int(num(19)), state: f[0][0],
		waited: time.Duration(num(16)+num(17)) * tick, code: [2]int64{num(26), num(28)}, status: syscall.WaitStatus(status),
	}, err
}

// startTime is field 22 of the process's stat; 0 where it is gone.
func startTime(pid int) (uint64, error) {
	s, err := readStat(pid, make([]byte, 1024))
	if gone(err) {
		return 0, nil
	}
	return s.start, err
}

// there reports whether p has not been reaped.
func (p proc) there() (bool, error) {
	start, err := startTime(p.pid)
	return err == nil && start == p.start, err
}

// Ended implements engine.Ender.
func (r *run) Ended() bool {
	r.engine.mu.Lock()
	late := r.late
	r.engine.mu.Unlock()
	if late { // Exited is closed with the last of it
		return false
	}
	s, err := readStat(r.ref.PID, make([]byte, 1024))
	return gone(err) || err == nil && (s.start != r.ref.Start || s.dead())
}

// ticks is the present as a process that began now would have it as its start.
func ticks() uint64 {
	return uint64(sinceBoot() / tick)
}

// bootID names this boot of the machine; "" on one that gives it no name.
func bootID() (string, error) {
	b, err := readAll("/proc/sys/kernel/random/boot_id")
	if gone(err) {
		return "", nil
	}
	return strings.TrimSpace(string(b)), err
}

// pidNamespace identifies this process's namespace within this boot; 0 where the kernel
// has but one.
func pidNamespace() (uint64, error) {
	var st unix.Statx_t
	err := statx(unix.AT_FDCWD, "/proc/self/ns/pid", 0, unix.STATX_INO, &st)
	if gone(err) {
		return 0, nil
	}
	return st.Ino, err
}
