package process

import (
	"bytes"
	"context"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"tasks/internal/fault"
	"tasks/pkg/task"
)

// Adopt takes back a run that an earlier supervisor began. It is not a child
// of this process: its end is seen by pidfd, and its exit code is the kernel's
// own account. If its main process is gone, the run ends as lost once what that
// left behind is swept. A run of before the machine was started again is an
// ErrNotFound.
func (e *Engine) Adopt(_ context.Context, l task.Launch, ref task.Ref) (task.Process, error) {
	number := strconv.Itoa(l.Run)
	r := e.newRun(runID(e.opts.ID, l.Spec.Name, number))
	r.ref, r.leave, r.adopted, r.oneByOne = ref, l.Spec.LeaveChildren, true, !e.tree.groups
	if l.Log != nil {
		defer l.Log.Close()
		r.log = fileIDOf(l.Log)
	}
	r.used.from = time.Now().Add(-r.Age())
	if ref.Boot != e.boot || ref.PID <= 0 {
		return nil, task.NoSuchTask(l.Spec.Name)
	}
	s, _ := readStat(ref.PID, make([]byte, 1024))
	if id := runIDOf(ref.PID); s.start == ref.Start && strings.HasSuffix(id, runID("", l.Spec.Name, number)) {
		r.id = id // the engine has another than it had, if the database was damaged meanwhile
	}
	if s.start == ref.Start && s.ppid == os.Getpid() {
		r.adopted = false // this very process began it, before an execve
		e.mu.Lock()
		e.runs[ref.PID] = r
		e.mu.Unlock()
		return r, nil
	}
	if s.start == ref.Start {
		r.reaper = proc{s.ppid, startTime(s.ppid)}
	}
	end, err := watch(proc{ref.PID, ref.Start})
	switch {
	case errors.Is(err, unix.ESRCH):
		e.over.Go(func() { r.lost() })
		return r, nil
	case err != nil:
		return nil, err
	}
	e.mu.Lock()
	e.runs[ref.PID] = r
	e.mu.Unlock()
	go func() { // ends with the process that it watches
		defer end.file.Close()
		status, known := end.await(ref)
		e.mu.Lock()
		if e.runs[ref.PID] == r { // else the pid is already that of a newer run
			delete(e.runs, ref.PID)
		}
		r.end(status)
		r.exit.Lost = !known
		e.ended = append(e.ended, r)
		e.mu.Unlock()
		e.poke(true)
	}()
	return r, nil
}

// Age implements task.Aged.
func (r *run) Age() time.Duration {
	return time.Duration(max(int64(ticks())-int64(r.ref.Start), 0)) * tick
}

// lost hands a run whose main process is gone to the reaper.
func (r *run) lost() {
	e := r.engine
	e.mu.Lock()
	r.reaped, r.exit.Lost = true, true
	e.ended = append(e.ended, r)
	e.mu.Unlock()
	e.poke(true)
}

// pidfd watches a process that may be nobody's child.
type pidfd struct{ file *os.File }

// watch opens p; unix.ESRCH if it is gone.
func watch(p proc) (pidfd, error) {
	fd, err := pidfdOpen(p.pid, unix.PIDFD_NONBLOCK)
	if startTime(p.pid) != p.start { // asked first: the pid may now be that of a thread, which has no pidfd
		if err == nil {
			unix.Close(fd)
		}
		return pidfd{}, unix.ESRCH
	}
	if err != nil {
		return pidfd{}, os.NewSyscallError("pidfd_open", err)
	}
	return pidfd{os.NewFile(uintptr(fd), "pidfd")}, nil
}

// ended waits until the process has ended; it may still be a zombie.
func (p pidfd) ended() { p.wait(func(int) bool { return true }) }

// wait waits for the process to end and then, at every change, for done.
func (p pidfd) wait(done func(fd int) bool) {
	raw, err := p.file.SyscallConn()
	if err != nil {
		return
	}
	raw.Read(func(fd uintptr) bool {
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, _ := unix.Poll(poll, 0)
		return n > 0 && done(int(fd))
	})
}

// await waits for the exit status: that of the zombie, or once that was reaped
// the kernel's record of it (PIDFD_INFO_EXIT, Linux 6.15). known is false where
// neither can be had.
func (p pidfd) await(ref task.Ref) (status syscall.WaitStatus, known bool) {
	p.wait(func(fd int) bool {
		if status, known = zombieStatus(ref); known {
			return true
		}
		info := unix.PidfdInfo{Mask: unix.PIDFD_INFO_EXIT}
		if pidfdInfo(fd, &info) == nil && info.Mask&unix.PIDFD_INFO_EXIT != 0 {
			status, known = syscall.WaitStatus(info.Exit_code), true
			return true
		}
		_, there := readStat(ref.PID, make([]byte, 1024))
		return !there || startTime(ref.PID) != ref.Start // reaped, and nothing is known
	})
	return status, known
}

// zombieStatus is field 52 of the zombie's stat. The kernel shows 0 there to
// whom it denies ptrace(2), so it counts only for processes of our own.
func zombieStatus(ref task.Ref) (syscall.WaitStatus, bool) {
	path := "/proc/" + strconv.Itoa(ref.PID)
	buf := make([]byte, 1024)
	s, ok := readStat(ref.PID, buf)
	if !ok || s.start != ref.Start || !s.dead() || !ours(path) {
		return 0, false
	}
	line, err := readFirst(path+"/stat", buf)
	f := bytes.Fields(line)
	if err != nil || len(f) == 0 {
		return 0, false
	}
	n, err := strconv.ParseUint(string(f[len(f)-1]), 10, 32)
	return syscall.WaitStatus(n), err == nil
}

// ours tells whether all user ids of the process are ours, or we are root.
func ours(path string) bool {
	uid := os.Geteuid()
	if uid == 0 {
		return true
	}
	status, _ := readAll(path + "/status")
	_, rest, _ := strings.Cut(string(status), "\nUid:")
	line, _, _ := strings.Cut(rest, "\n")
	ids := strings.Fields(line)
	for _, id := range ids {
		if id != strconv.Itoa(uid) {
			return false
		}
	}
	return len(ids) == 4
}

// follow wakes the reaper when members of a run end that are not its children,
// as those of an adopted run. The caller holds the mutex.
func (e *Engine) follow(r *run, members []stat) {
	for _, m := range members {
		if m.ppid == os.Getpid() || r.followed[m.proc] {
			continue
		}
		if r.followed == nil {
			r.followed = make(map[proc]bool)
		}
		r.followed[m.proc] = true
		go func() {
			if fd, err := watch(m.proc); err == nil {
				fd.ended()
				fd.file.Close()
			}
			e.poke(true)
		}()
	}
}

// KillUnknown ends the processes of runs of this supervisor's state that known
// does not know: begun by an earlier one that died before it could record them.
// What is left of a line that an earlier one began by Exec is unknown always. It
// returns their pids. Call it before the first Start.
func (e *Engine) KillUnknown(known func(name string, run int) bool) []int {
	killed := e.killUnknown(known)
	e.groups.clean(e.opts.ID)
	return killed
}

func (e *Engine) killUnknown(known func(name string, run int) bool) (killed []int) {
	end := time.Now().Add(2 * time.Second)
	groups := make(map[cgroup]bool)
	all := e.groups.all(e.opts.ID)
	own := e.ownLines() // after those were listed
	for run, group := range all {
		if e.unknown(run, own, known) {
			groups[group] = true
		}
	}
	for pass := 0; pass < 3 || time.Now().Before(end); pass++ { // on a busy machine one may take all the time
		all := scan()
		own := e.ownLines()
		owner := make(map[int]*run)
		stranger := new(run)
		for _, s := range all {
			if s.pid == os.Getpid() || s.dead() {
				continue
			}
			id, group := runOfCgroup(cgroupPath(strconv.Itoa(s.pid)), e.opts.ID)
			if e.unknown(id, own, known) {
				owner[s.pid] = stranger
				if dir, err := cgroupDirOf(group); err == nil { // an earlier supervisor may have begun elsewhere
					groups[cgroup(dir)] = true
				}
			} else if e.unknown(runIDOf(s.pid), own, known) {
				owner[s.pid] = stranger
			}
		}
		left := slices.DeleteFunc(descend(all, owner, nil)[stranger], func(s stat) bool {
			return s.pid == os.Getpid() // one of them has started this very supervisor
		})
		occupied := false // by what forks faster than anybody can look, perhaps
		for group := range groups {
			occupied = occupied || group.populated() && !group.has(os.Getpid())
		}
		if len(left) == 0 && !occupied {
			break
		}
		for _, s := range left {
			if e.tree.signal(s.proc, syscall.SIGKILL) == nil {
				killed = append(killed, s.pid)
				fault.At("ending")
			}
		}
		for group := range groups {
			group.kill()
		}
		for _, s := range left {
			if fd, err := watch(s.proc); err == nil {
				fd.file.SetReadDeadline(end)
				fd.ended()
				fd.file.Close()
			}
		}
	}
	return killed
}

func (e *Engine) unknown(id string, own map[string]bool, known func(string, int) bool) bool {
	name, run, line, ok := parseID(id, e.opts.ID)
	switch {
	case !ok:
		return false
	case line:
		return !own[id]
	default:
		return !known(name, run)
	}
}

// ownLines is the ids of the lines that this very engine began.
func (e *Engine) ownLines() map[string]bool {
	own := make(map[string]bool)
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range e.runs {
		if isLine(r.id, e.opts.ID) {
			own[r.id] = true
		}
	}
	for r := range e.sweeping {
		if isLine(r.id, e.opts.ID) {
			own[r.id] = true
		}
	}
	return own
}
