package process

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"tasks/internal/room"
	"tasks/pkg/engine"
	"tasks/pkg/task"
)

// Adopt takes back a run that an earlier supervisor began. It is not a child
// of this process: its end is seen by pidfd, and its exit code is the kernel's
// own account. If its main process is gone, the processes that it left behind are
// stopped, and the run ends as lost: of what stayed in its session an earlier supervisor
// must have seen the end. A run from before the machine was booted is an ErrNotFound.
func (e *Engine) Adopt(_ context.Context, l engine.Launch, ref task.Ref) (engine.Process, error) {
	number := strconv.Itoa(l.Run)
	r := e.newRun(runID(e.opts.ID, l.Spec.Name, number))
	r.ref, r.leave, r.adopted, r.oneByOne = ref, l.Spec.LeaveChildren, true, !e.tree.groups
	r.hurry = make(chan struct{}, 1)
	if l.Log != nil {
		defer l.Log.Close()
		err := insist(func() (err error) { r.log, err = fileIDOf(l.Log); return err })
		if err != nil {
			e.opts.Logger.Warn("cannot tell by its log what belongs to a run", "task", l.Spec.Name, "err", err)
		}
		r.marked = markLog(l.Log) // as it was when the run began: this descriptor is nobody else's
	}
	r.used.from = time.Now().Add(-r.Age())
	if ref.Boot != e.boot || ref.PID <= 0 {
		return nil, task.NoSuchTask(l.Spec.Name)
	}
	if ref.Namespace == e.namespace { // else its pids are others' here
		r.over.Store(ref.Over)
	}
	var s stat
	var id string
	insist(func() (err error) { // else it is taken for one that is not our child: the look below decides
		if s, err = readStat(ref.PID, make([]byte, 1024)); err == nil {
			id, err = runIDOf(ref.PID)
		}
		return unlessGone(err)
	})
	if s.start == ref.Start && strings.HasSuffix(id, runID("", l.Spec.Name, number)) {
		r.id = id // the engine has another than it had, if the database was damaged meanwhile
	}
	if s.start == ref.Start && s.ppid == ownPID {
		r.adopted = false // this very process began it, before an execve
		e.mu.Lock()
		e.runs[ref.PID] = r
		e.mu.Unlock()
		return r, nil
	}
	if s.start == ref.Start {
		if start, err := startTime(s.ppid); err == nil { // else the next look finds it
			r.reaper = proc{s.ppid, start}
		}
	}
	end, err := watch(proc{ref.PID, ref.Start})
	if errors.Is(err, unix.ESRCH) {
		e.over.Go(func() { r.lost() })
		return r, nil
	}
	e.mu.Lock()
	e.runs[ref.PID] = r // also where it could not be looked at: only a look ends it
	e.mu.Unlock()
	if errors.Is(err, room.ErrScarce) {
		e.sayScarce()
	} else if err != nil {
		e.opts.Logger.Warn("cannot watch a run that was taken back; trying again until it is seen", "task", l.Spec.Name, "pid", ref.PID, "err", err)
	}
	go r.watch(end, err) // ends with the process that it watches
	return r, nil
}

// watch has the run end when its main process does. An earlier look may have
// failed.
func (r *run) watch(end pidfd, failed error) {
	if failed != nil {
		r.engine.unwatched.Add(1)
		end, failed = r.look(failed)
		r.engine.unwatched.Add(-1)
	}
	if failed != nil {
		return
	}
	defer end.close()
	end.awaitEnded()
	over := ticks() // not later: its pid may soon be another's
	status, known := end.await(r.ref)
	e := r.engine
	e.mu.Lock()
	e.forget(r)
	r.end(status, over)
	r.exit.Lost = !known
	e.ended = append(e.ended, r)
	e.mu.Unlock()
	e.poke(true)
}

// look looks at a run now and then, until it can be watched: end. An error is that it
// is gone.
func (r *run) look(failed error) (end pidfd, err error) {
	e, main, wait := r.engine, proc{r.ref.PID, r.ref.Start}, firstRetry
	if errors.Is(failed, room.ErrScarce) {
		wait = lastRetry
	}
	for {
		select {
		case <-time.After(wait):
			wait = min(2*wait, max(lastRetry, time.Duration(e.unwatched.Load())*lookShare))
		case <-r.hurry:
			wait = firstRetry
		}
		if end, err = watch(main); err == nil {
			return end, nil
		}
		if errors.Is(err, unix.ESRCH) {
			e.mu.Lock()
			e.forget(r)
			e.mu.Unlock()
			r.lost()
			return pidfd{}, err
		}
	}
}

// lookShare is the time from one look at a run that cannot be watched to the next at
// any such run, where they are many: a look takes some 50 µs.
const lookShare = time.Millisecond

// sayScarce says once that not all runs that were taken back can be watched.
func (e *Engine) sayScarce() {
	if e.scarce.CompareAndSwap(false, true) {
		e.opts.Logger.Warn("too few descriptors to watch each run that was taken back: some are looked at now and then, and how they end may not be known. " +
			"A higher limit, ulimit -n, helps the next supervisor")
	}
}

// forget takes an adopted run from those whose main process lives. The pid may be a newer
// run's by now. The caller holds the mutex.
func (e *Engine) forget(r *run) {
	if e.runs[r.ref.PID] == r {
		delete(e.runs, r.ref.PID)
	}
}

// Age implements engine.Aged.
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

// watch opens p, to be held until it has ended. It is unix.ESRCH if p is gone, and
// room.ErrScarce where p lives and that would leave too few descriptors to others.
func watch(p proc) (pidfd, error) {
	fd, err := pidfdOpen(p.pid, unix.PIDFD_NONBLOCK)
	if err = p.opened(fd, err); err != nil {
		return pidfd{}, err
	}
	if err := room.Hold(fd, room.Optional); err != nil && !hasEnded(fd) {
		spare.close(fd)
		return pidfd{}, err
	}
	return newPidfd(fd), nil
}

// awaitEnded waits until the process has ended; errors are retried.
func (p pidfd) awaitEnded() {
	for wait := firstRetry; p.endedBy(time.Time{}) != nil; wait = nextRetry(wait) {
		time.Sleep(wait) // it may live
	}
}

// hasEnded reports whether the process of a pidfd is known to have ended.
func hasEnded(fd int) bool {
	n, err := pollNow(fd)
	return n > 0 && err == nil
}

// reapTime is how long a zombie whose exit status is not shown may take to be reaped.
// Where its parent never does that, no more will be known of it.
const reapTime = 5 * time.Second

// await waits for the exit status: the zombie's, or once that was reaped the kernel's
// record of it (PIDFD_INFO_EXIT, Linux 6.15). known is false where neither can be had.
func (p pidfd) await(ref task.Ref) (status syscall.WaitStatus, known bool) {
	p.awaitEnded()
	over := time.Now().Add(reapTime)
	for wait := firstRetry; ; wait = nextRetry(wait) {
		status, known, there, err := p.ending(ref)
		if known || err == nil && (!there || time.Now().After(over)) {
			return status, known
		}
		time.Sleep(wait)
	}
}

// ending is what is known of the end of a process, and whether it is there, as a
// zombie. An error is that it could not be looked at.
func (p pidfd) ending(ref task.Ref) (status syscall.WaitStatus, known, there bool, err error) {
	status, known, there, err = zombieStatus(proc{ref.PID, ref.Start})
	if known || err != nil {
		return status, known, there, err
	}
	info := unix.PidfdInfo{Mask: unix.PIDFD_INFO_EXIT}
	if pidfdInfo(p.fd, &info) == nil && info.Mask&unix.PIDFD_INFO_EXIT != 0 {
		return syscall.WaitStatus(info.Exit_code), true, there, nil
	}
	return 0, false, there, nil
}

// zombieStatus is the exit status of a zombie, and whether that is there. The kernel
// shows 0 in its place to processes that it denies ptrace(2), and not to other users alone:
// also where the program is another group's, or may not be read, or has asked for that
// (prctl(2), PR_SET_DUMPABLE). Whether this is so it tells by a link beside, for which it
// makes the same check.
func zombieStatus(p proc) (status syscall.WaitStatus, known, there bool, err error) {
	s, err := readStat(p.pid, make([]byte, 1024))
	if err != nil || s.proc != p || !s.dead() {
		return 0, false, err == nil && s.proc == p, unlessGone(err)
	}
	if s.status != 0 {
		return s.status, true, true, nil
	}
	_, shown := readlink("/proc/" + strconv.Itoa(p.pid) + "/ns/pid")
	if failure(shown) != nil {
		return 0, false, true, shown
	}
	there, err = p.there() // and so it was the one that was asked about
	return 0, shown == nil && there, there, err
}

// watchMembers wakes the reaper when members of a run end that are not its children,
// as those of an adopted run. The error is that some cannot be watched. The caller
// holds the mutex.
func (e *Engine) watchMembers(r *run, members []stat) (err error) {
	for _, m := range members {
		if m.ppid == ownPID || r.followed[m.proc] {
			continue
		}
		fd, watchErr := watch(m.proc)
		if watchErr != nil && !gone(watchErr) {
			err = watchErr
			continue
		}
		if r.followed == nil {
			r.followed = make(map[proc]bool)
		}
		r.followed[m.proc] = true
		go func() {
			if watchErr == nil {
				fd.awaitEnded()
				fd.close()
			}
			e.poke(true)
		}()
	}
	return err
}
