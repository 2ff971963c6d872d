package process

import (
	"bytes"
	"errors"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// proc is a process, told from another with the same pid by its start.
type proc struct {
	pid   int
	start uint64 // clock ticks after boot
}

// stat is a line of /proc/PID/stat, proc_pid_stat(5).
type stat struct {
	proc
	ppid, pgrp, session int
	threads             int
	state               byte
	kernel              bool          // a thread of the kernel
	waited              time.Duration // user and system of the children that it has waited for, and theirs
	code                [2]int64      // where it and its stack lie: another place after each exec
}

// dead tells whether the process has ended and waits for its parent. One whose
// first thread alone has ended looks like it and lives.
func (s stat) dead() bool { return s.state == 'Z' && s.threads <= 1 }

// tree finds and signals the processes of runs.
//
// This process is a child subreaper, prctl(2): what loses its parent becomes
// its child, and the kernel gives it to the first thread of the process. The
// engine keeps that thread free, so that it has no other children, and
// one wait without WNOTHREAD's siblings tells whether there are orphans at all:
// for most ends of runs /proc is never searched.
type tree struct {
	now    snapshot
	first  *FirstThread // nil: it could not be had
	groups bool         // the kernel signals process groups by pidfd
}

func (t *tree) open() error {
	if err := becomeSubreaper(); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	// What this program inherited itself is not for its runs.
	if err := closeOnExec(); err != nil {
		return os.NewSyscallError("close_range", err)
	}
	t.groups = canSignalGroups()
	return nil
}

// FirstThread is the first thread of this process, kept free of children.
type FirstThread struct{ ask chan chan bool }

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
	t := &FirstThread{make(chan chan bool)}
	result := make(chan error, 1)
	go func() { result <- f(t) }()
	for {
		select {
		case reply := <-t.ask:
			reply <- anyChildOfThisThread()
		case err := <-result:
			return err
		}
	}
}

func anyChildOfThisThread() bool {
	return !errors.Is(waitThread(), unix.ECHILD)
}

func (t *tree) anyOrphans() bool {
	if t.first == nil {
		return true
	}
	reply := make(chan bool, 1)
	t.first.ask <- reply
	return <-reply
}

// orphans finds the living processes of the runs, whose main process has ended.
// Again says that some have ended meanwhile and are to be reaped: what they
// began during the search may not have been seen. If not, what is missing is
// gone, since an orphan stays to be seen until it is reaped.
func (t *tree) orphans(e *Engine, runs map[*run]bool) (left map[*run][]stat, again bool) {
	if len(runs) == 0 {
		return nil, false
	}
	e.mu.Lock()
	known := e.newEvidence(runs)
	e.mu.Unlock()
	if len(known.adopted) == 0 && !t.anyOrphans() {
		return nil, false
	}
	left, again = e.orphansOf(known)
	if len(known.adopted) > 0 && len(left) < len(known.byID) {
		// What of theirs ended as we looked is no zombie of ours, and may have
		// begun another behind our back: only a second look finds nothing.
		more, ended := e.orphansOf(known)
		again = again || ended
		for r, members := range more {
			if left[r] == nil {
				left[r] = members
			}
		}
	}
	return left, again
}

// orphansOf is one look at all processes.
func (e *Engine) orphansOf(known evidence) (left map[*run][]stat, again bool) {
	all := scan()
	e.mu.Lock()
	owner := make(map[int]*run)
	session := known.sessions(all)
	var rest []stat
	for _, s := range e.strangers(all, known) {
		switch r := session[s.session]; {
		case s.dead():
			again = again || s.ppid == os.Getpid()
		case r != nil && e.runs[s.session] == nil:
			owner[s.pid] = r
		default:
			rest = append(rest, s)
		}
	}
	e.mu.Unlock()
	known.assign(rest, owner)
	return descend(all, owner, nil), again
}

// strangers are the processes that may be orphans of the runs: children of this
// process that are no run's main process, and of the one that takes in the orphans
// of an adopted run those that are in no running run's session. The caller holds
// the mutex.
func (e *Engine) strangers(all []stat, of evidence) []stat {
	oldest := of.findReapers(all)
	after := func(reaper int, s stat) bool { start, ok := oldest[reaper]; return ok && s.start >= start }
	var found []stat
	self := os.Getpid()
	for _, s := range all {
		mine := s.ppid == self
		theirs := s.pid != self && e.runs[s.session] == nil && (after(0, s) || after(s.ppid, s))
		if (mine || theirs) && e.runs[s.pid] == nil {
			found = append(found, s)
		}
	}
	return found
}

// escaped finds the processes of runs whose main process lives that a signal to
// its process group does not reach.
func (t *tree) escaped(e *Engine, runs []*run) map[*run][]stat {
	of := make(map[*run]bool, len(runs))
	for _, r := range runs {
		of[r] = true
	}
	return t.members(e, of, nil, outsideGroup)
}

// outsideGroup tells whether the process has to be signalled by itself: it has left
// the process group, or the kernel cannot signal that and it was there at the time.
func outsideGroup(s stat, r *run) bool {
	return s.pgrp != r.ref.PID || r.oneByOne && s.start <= r.since && s.pid != r.ref.PID
}

// members finds the processes of runs whose main process lives, as far as keep
// wants them. Those that are grouped are known to be theirs.
func (t *tree) members(e *Engine, of map[*run]bool, grouped map[proc]*run, keep func(stat, *run) bool) map[*run][]stat {
	all := scan()
	owner := make(map[int]*run, len(of))
	e.mu.Lock()
	for _, s := range all {
		if r := grouped[s.proc]; r != nil {
			owner[s.pid] = r
		} else if r := e.runs[s.pid]; of[r] && r.ref.Start == s.start { // that of an adopted run may be another's by now
			owner[s.pid] = r
		}
	}
	known := e.newEvidence(of)
	for _, s := range all { // those that lost their parent
		if r := e.runs[s.session]; of[r] && owner[s.session] == r { // its leader lives
			owner[s.pid] = r
		}
	}
	var lost []stat // and left the session, too
	for _, s := range e.strangers(all, known) {
		if !s.dead() {
			lost = append(lost, s)
		}
	}
	e.mu.Unlock()
	known.assign(lost, owner)
	return descend(all, owner, keep)
}

// descend gives each run the processes that are, or descend from, those that
// owner gives it, as far as keep (nil: all) wants them.
func descend(all []stat, owner map[int]*run, keep func(stat, *run) bool) map[*run][]stat {
	byPID := make(map[int]stat, len(all))
	for _, s := range all {
		byPID[s.pid] = s
	}
	found := make(map[*run][]stat)
	for _, s := range all {
		var r *run
		for at, depth := s, 0; r == nil && at.pid > 1 && depth < 1000; at, depth = byPID[at.ppid], depth+1 {
			r = owner[at.pid]
		}
		if r != nil && !s.dead() && (keep == nil || keep(s, r)) {
			found[r] = append(found[r], s)
		}
	}
	return found
}

// main is the main process.
func (r *run) main() proc { return proc{r.ref.PID, r.ref.Start} }

// signalGroup signals the process group of a run whose main process was not
// reaped by us: until that is, the group's number is not given away. An adopted
// run may have been reaped by another; there the kernel goes by pidfd. A kernel
// that cannot (before Linux 6.9) signals the main process, see outsideGroup.
func (t *tree) signalGroup(r *run, sig syscall.Signal) error {
	switch {
	case !r.adopted:
		return kill(-r.ref.PID, sig)
	case r.oneByOne:
		return t.send(r.main(), pidfdSignal, sig)
	default:
		return t.send(r.main(), pidfdSignalGroup, sig)
	}
}

// signalOthers signals what is in the process group besides the main process.
func (r *run) signalOthers(sig syscall.Signal) {
	for _, s := range r.engine.members.of(r, r.engine.membersOf) {
		if s.pgrp == r.ref.PID && s.pid != r.ref.PID {
			r.engine.tree.send(s.proc, pidfdSignal, sig)
		}
	}
}

// canSignalGroups tells whether the kernel signals process groups by pidfd.
func canSignalGroups() bool {
	self := os.Getpid()
	fd, err := pidfdOpen(self, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	return !errors.Is(pidfdSignalGroup(fd, self, 0), unix.EINVAL)
}

// signal sends sig to p, and has it go on to act on that if it is stopped.
func (t *tree) signal(p proc, sig syscall.Signal) error {
	if sig == syscall.SIGKILL {
		return t.send(p, pidfdSignal, sig)
	}
	return t.send(p, pidfdSignal, sig, unix.SIGCONT)
}

// send acts on p, or its process group, by pidfd, so that a process that has taken
// its pid since is never hit.
func (t *tree) send(p proc, how func(fd, pid int, sig syscall.Signal) error, sigs ...syscall.Signal) error {
	fd, err := pidfdOpen(p.pid, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if startTime(p.pid) != p.start {
		return unix.ESRCH
	}
	for _, sig := range sigs {
		if err := how(fd, p.pid, sig); err != nil {
			return err
		}
	}
	return nil
}

// scan reads every process that there is.
func scan() []stat {
	names, _ := readNames("/proc")
	all := make([]stat, 0, len(names))
	buf := make([]byte, 1024)
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			if s, ok := readStat(pid, buf); ok {
				all = append(all, s)
			}
		}
	}
	return all
}

const tick = 10 * time.Millisecond // USER_HZ is 100 on every Linux that Go runs on

const pfKthread = 0x00200000 // PF_KTHREAD of a process's flags

func readStat(pid int, buf []byte) (s stat, ok bool) {
	line, err := readFirst("/proc/"+strconv.Itoa(pid)+"/stat", buf)
	// The name may hold anything, also parentheses: fields count from the last.
	open, shut := bytes.IndexByte(line, '('), bytes.LastIndexByte(line, ')')
	if err != nil || open < 0 || shut < open || shut+2 > len(line) {
		return s, false
	}
	f := strings.Fields(string(line[shut+2:])) // f[0] is field 3
	if len(f) < 28-2 {
		return s, false
	}
	num := func(field int) int64 { n, _ := strconv.ParseInt(f[field-3], 10, 64); return n }
	start, err := strconv.ParseUint(f[22-3], 10, 64)
	return stat{
		proc: proc{pid, start}, kernel: num(9)&pfKthread != 0, ppid: int(num(4)), pgrp: int(num(5)), session: int(num(6)), threads: int(num(20)), state: f[0][0],
		waited: time.Duration(num(16)+num(17)) * tick, code: [2]int64{num(26), num(28)},
	}, err == nil
}

// startTime is field 22 of the process's stat; 0 where there is none.
func startTime(pid int) uint64 {
	s, _ := readStat(pid, make([]byte, 1024))
	return s.start
}

// ticks is the present as a process that began now would have it as its start.
func ticks() uint64 {
	t, _ := now()
	return uint64(t / tick)
}

func bootID() string {
	b, _ := readAll("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(b))
}
