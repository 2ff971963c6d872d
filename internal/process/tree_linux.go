package process

import (
	"cmp"
	"errors"
	"maps"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// tree finds and signals the processes of runs.
//
// This process is a child subreaper, prctl(2): what loses its parent becomes
// its child. Its list of children reports whether there are others than main
// processes at all: for most ends of runs /proc is never searched.
type tree struct {
	now    snapshot
	first  *FirstThread // nil: it could not be had
	groups bool         // the kernel signals process groups by pidfd
}

// reserve holds descriptors for looks and signals, until release.
func (t *tree) reserve(null *os.File) { spare.fill(int(null.Fd())) }
func (t *tree) release()              { spare.empty() }

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

// orphans finds the living processes of the runs, whose main process has ended.
// Again says that some have ended meanwhile and must be reaped: what they
// began during the search may not have been seen. If not, what is missing is
// gone, since an orphan stays to be seen until it is reaped. After an error what
// was found is of the runs, and what is missing may be there; so it is of the unsure runs.
func (t *tree) orphans(e *Engine, runs map[*run]bool) (left map[*run][]stat, unsure map[*run]error, again bool, err error) {
	if len(runs) == 0 {
		return nil, nil, false, nil
	}
	e.mu.Lock()
	known := e.newEvidence(runs)
	none := len(known.adopted) == 0 && !e.anyOrphans()
	if none {
		e.noOrphans(runs)
	}
	e.mu.Unlock()
	if none {
		return nil, nil, false, nil
	}
	left, again, err = e.orphansOf(known)
	if err == nil && len(known.adopted) > 0 && len(left) < len(known.byID) {
		// A child of theirs that ended as we looked is not our zombie, and may have
		// begun another behind our back: only a second look finds nothing.
		var more map[*run][]stat
		var ended bool
		more, ended, err = e.orphansOf(known)
		again = again || ended
		for r, members := range more {
			if left[r] == nil {
				left[r] = members
			}
		}
	}
	return left, known.unsure, again, err
}

// orphansOf is one look at all processes.
func (e *Engine) orphansOf(known evidence) (left map[*run][]stat, again bool, err error) {
	all, err := scan()
	if err != nil {
		return nil, false, err
	}
	e.mu.Lock()
	owner := make(map[int]*run)
	session := known.sessions(all)
	var rest []stat
	for _, s := range e.strangers(all, known) {
		switch r := session[s.session]; {
		case s.dead():
			if s.ppid == ownPID {
				again = true
				e.makers.end(e, s)
				e.reapOrphan(s)
			}
		case r != nil && e.runs[s.session] == nil:
			owner[s.pid] = r
		default:
			rest = append(rest, s)
		}
	}
	e.mu.Unlock()
	unknown, ended, err := e.attribute(known, rest, owner)
	e.sayUnknown(known.byID, unknown, all)
	hidden, endedErr := anyEnded(unknown, owner) // of these nothing was seen that would still hold
	return descend(all, owner, nil), again || ended || hidden, cmp.Or(err, endedErr)
}

// anyEnded reports whether a process that was not found to be of a run has ended since it
// was listed: nobody knows any longer whose it was, nor has what it began been seen.
func anyEnded(all []stat, owner map[int]*run) (bool, error) {
	for _, s := range all {
		if owner[s.pid] != nil {
			continue
		}
		if lives, err := s.lives(); !lives || err != nil {
			return err == nil, err
		}
	}
	return false, nil
}

// lives reports whether the process has not ended since it was listed. The error is that it
// could not be looked at.
func (s stat) lives() (bool, error) {
	now, err := readStat(s.pid, make([]byte, 1024))
	if err = unlessGone(err); err != nil {
		return true, err
	}
	return now.proc == s.proc && !now.dead(), nil
}

// strangers are the processes that may be orphans of the runs: children of this process
// that are not main processes, and children of an adopted run's reaper outside every
// running run's session. The caller holds the mutex.
func (e *Engine) strangers(all []stat, of evidence) []stat {
	of.findReapers(all)
	var found []stat
	self := ownPID
	for _, s := range all {
		mine := s.ppid == self
		theirs := s.pid != self && e.runs[s.session] == nil && (of.after(0, s) || of.after(s.ppid, s))
		if (mine || theirs) && e.runs[s.pid] == nil {
			found = append(found, s)
		}
	}
	return found
}

// members finds the processes of runs whose main process lives, and that keep wants. A
// grouped process is known to be its run's. After an error some may be missing; so they may of
// the unsure runs.
func (t *tree) members(e *Engine, of map[*run]bool, grouped map[proc]*run, keep func(stat, *run) bool) (members map[*run][]stat, unsure map[*run]error, err error) {
	all, err := scan()
	if err != nil {
		return nil, nil, err
	}
	owner := make(map[int]*run, len(of))
	e.mu.Lock()
	for _, s := range all {
		if r := grouped[s.proc]; r != nil {
			owner[s.pid] = r
		} else if r := e.runs[s.pid]; of[r] && (!r.adopted || r.ref.Start == s.start) { // an adopted run's may be another's by now
			owner[s.pid] = r
		}
	}
	known := e.newEvidence(of)
	for _, s := range all { // orphans
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
	_, _, err = e.attribute(known, lost, owner)
	return descend(all, owner, keep), known.unsure, err
}

// descend gives each run the processes that owner gives it, and their descendants, if keep
// (nil: all) wants them. They may do so by way of any number of others.
func descend(all []stat, owner map[int]*run, keep func(stat, *run) bool) map[*run][]stat {
	byPID := make(map[int]stat, len(all))
	for _, s := range all {
		byPID[s.pid] = s
	}
	of := make(map[int]*run, len(all)) // nil: not known to be anybody's
	maps.Copy(of, owner)
	found := make(map[*run][]stat)
	var path []int
	for _, s := range all {
		var r *run
		path = path[:0]
		for at := s; at.pid > 1; at = byPID[at.ppid] {
			var known bool
			if r, known = of[at.pid]; known {
				break
			}
			of[at.pid] = nil // pids that were used again during the look may seem to go round
			path = append(path, at.pid)
		}
		for _, pid := range path {
			of[pid] = r
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
// that cannot (before Linux 6.9) signals the main process, see alreadySignalled.
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
func (r *run) signalOthers(sig syscall.Signal) error {
	members, err := r.members()
	for _, s := range members {
		if s.pgrp != r.ref.PID || s.pid == r.ref.PID {
			continue
		}
		if sendErr := r.engine.tree.send(s.proc, pidfdSignal, sig); sendErr != nil && !gone(sendErr) {
			err = sendErr
		}
	}
	return err
}

// canSignalGroups reports whether the kernel signals process groups by pidfd.
func canSignalGroups() bool {
	self := ownPID
	fd, err := pidfdOpen(self, 0)
	if err != nil {
		return false
	}
	defer spare.close(fd)
	return !errors.Is(pidfdSignalGroup(fd, self, 0), unix.EINVAL)
}

// probe is why p cannot be signalled, or nil.
func (t *tree) probe(p proc) error { return t.send(p, pidfdSignal, 0) }

// signal sends sig to p, and resumes it to act on that if it is stopped.
func (t *tree) signal(p proc, sig syscall.Signal) error {
	if sig == syscall.SIGKILL {
		return t.send(p, pidfdSignal, sig)
	}
	return t.send(p, pidfdSignal, sig, unix.SIGCONT)
}

// open gives a pidfd of p; ESRCH if p is gone. It is closed by spare.close.
func (p proc) open() (fd int, err error) {
	fd, openErr := pidfdOpenBriefly(p.pid)
	return fd, p.opened(fd, openErr)
}

// opened is why fd, if openErr is nil, is not a pidfd of p; it is closed then.
func (p proc) opened(fd int, openErr error) error {
	there, err := p.there() // whatever pidfd_open says: the pid may now be a thread's, which has no pidfd
	switch {
	case err == nil && !there:
		err = unix.ESRCH
	case err == nil:
		err = os.NewSyscallError("pidfd_open", openErr)
	}
	if err != nil && openErr == nil {
		spare.close(fd)
	}
	return err
}

// send acts on p, or its process group, by pidfd, so that a process that has taken
// its pid since is never hit.
func (t *tree) send(p proc, how func(fd, pid int, sig syscall.Signal) error, sigs ...syscall.Signal) error {
	fd, err := p.open()
	if err != nil {
		return err
	}
	defer spare.close(fd)
	for i, sig := range sigs {
		err := how(fd, p.pid, sig)
		if i > 0 && errors.Is(err, unix.ESRCH) {
			return nil // it has acted on the first
		}
		if err != nil {
			return err
		}
	}
	return nil
}
