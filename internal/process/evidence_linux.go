package process

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// evidence shows which of some runs an orphan belongs to.
type evidence struct {
	bySession map[int]*run
	byID      map[string]*run
	state     string // whose runs these are
	grouped   bool   // one of them has a cgroup
	owned     ownedCgroups
	byLog     map[fileID]*run // the pipe, of a line beside a run
	byProc    map[proc]*run   // seen as part of the run when it still had a parent
	adopted   []*run          // those of them that were
	reapers   map[*run]int    // pids of the reapers of the adopted runs' orphans
	oldest    map[int]uint64  // starts of the oldest adopted run of each; 0: of those whose reaper is not known
	mayReap   func(proc) bool // see Engine.mayReap
	parents   map[int]bool    // pids of processes that may, where the reaper of an adopted run is not known
	unsure    map[*run]error  // what may be of the run, and cannot be read
}

// newEvidence gathers what is known of the runs. The caller holds the mutex.
func (e *Engine) newEvidence(runs map[*run]bool) evidence {
	k := evidence{
		bySession: make(map[int]*run, len(runs)), byID: make(map[string]*run, len(runs)),
		byLog: make(map[fileID]*run, len(runs)), byProc: make(map[proc]*run), state: e.opts.ID, owned: make(ownedCgroups),
		reapers: make(map[*run]int), oldest: make(map[int]uint64), unsure: make(map[*run]error),
		mayReap: e.mayReap, parents: make(map[int]bool),
	}
	for r := range runs {
		k.bySession[r.ref.PID], k.byID[r.id] = r, r
		k.grouped = k.grouped || r.ref.Cgroup != ""
		if r.log != (fileID{}) {
			k.byLog[r.log] = r
		}
		for p := range r.signalled {
			k.byProc[p] = r
		}
		if r.adopted {
			k.adopted = append(k.adopted, r)
		}
	}
	return k
}

// findReapers notes who takes in the orphans of the adopted runs: the process that
// took in the main process. It is not known where that was gone before anybody looked. The
// caller holds the mutex.
func (k evidence) findReapers(all []stat) {
	if len(k.adopted) == 0 {
		return
	}
	byPID := make(map[int]stat, len(all))
	for _, s := range all {
		byPID[s.pid] = s
	}
	for _, r := range k.adopted {
		if main := byPID[r.ref.PID]; main.start == r.ref.Start {
			r.reaper = byPID[main.ppid].proc
		} else if reaper := byPID[r.reaper.pid]; reaper.proc != r.reaper || reaper.dead() {
			r.reaper = proc{} // it has ended, and another has its children
		}
		k.reapers[r] = r.reaper.pid
		if start, ok := k.oldest[r.reaper.pid]; !ok || r.ref.Start < start {
			k.oldest[r.reaper.pid] = r.ref.Start
		}
	}
	if _, ok := k.oldest[0]; ok {
		for _, s := range all {
			k.parents[s.ppid] = k.mayReap(byPID[s.ppid].proc)
		}
	}
}

// after reports whether s is younger than an adopted run whose orphans that reaper takes in.
func (k evidence) after(reaper int, s stat) bool {
	start, ok := k.oldest[reaper]
	return ok && s.start >= start && !s.parentOutside()
}

// mayReap reports whether the process, zero for one that is gone, may be the parent of what
// an earlier supervisor left. A living one that may not, as atd(8), was given the environment
// of a run, and has begun what has that.
func (e *Engine) mayReap(p proc) bool {
	return p.pid <= 1 || p.pid == ownPID || e.opts.MayReap == nil || e.opts.MayReap(p.pid, p.start)
}

// mayOwn reports whether s can be an orphan of r: a child of this process, or of
// the one that takes in the orphans of an adopted run, or if that is not known of one that
// may.
func (k evidence) mayOwn(r *run, s stat) bool {
	switch {
	case s.start < r.ref.Start: // none is older than its run
		return false
	case s.ppid == ownPID:
		return true
	default:
		reaper := k.reapers[r]
		return r.adopted && (reaper == s.ppid || reaper == 0 && k.parents[s.ppid])
	}
}

// mayBeOrphan reports whether s can be an orphan of any of the runs, see mayOwn.
func (k evidence) mayBeOrphan(s stat) bool {
	return s.ppid == ownPID || k.after(s.ppid, s) || k.after(0, s) && k.parents[s.ppid]
}

// sessions are those of the runs that are still theirs. While a session has
// members its number is not given to another process; so one is a run's as long
// as there is a member from before the end of its main process. It is unknown of a run
// whose end no supervisor saw, or recorded.
func (k evidence) sessions(all []stat) map[int]*run {
	own := make(map[int]*run, len(k.bySession))
	taken := make(map[int]bool)
	for _, s := range all {
		r := k.bySession[s.session]
		if r != nil && s.start >= r.ref.Start && s.start <= r.over.Load() {
			own[s.session] = r
		}
		if r != nil && s.pid == s.session && s.start != r.ref.Start {
			taken[s.session] = true
		}
	}
	maps.DeleteFunc(own, func(session int, _ *run) bool { return taken[session] })
	return own
}

// assign enters the runs of the orphans in owner, by pid. Hidden are children of this
// process that may not be read. Ended says that one has ended before its run was seen: what
// it began meanwhile may be of any. The error is that some could not be looked at.
func (k evidence) assign(orphans []stat, owner map[int]*run) (hidden []stat, ended bool, err error) {
	for _, s := range orphans {
		if !k.mayBeOrphan(s) { // its parent lives: what it is part of is known by that
			continue
		}
		r, lookErr := k.of(s.proc)
		switch mine := r != nil && k.mayOwn(r, s); {
		case mine && lookErr == nil:
			owner[s.pid] = r
		case mine:
			k.unsure[r] = fmt.Errorf("process %d: %w", s.pid, lookErr)
		case denied(lookErr) && s.ppid == ownPID:
			hidden = append(hidden, s)
		case failure(lookErr) != nil:
			err = fmt.Errorf("process %d: %w", s.pid, lookErr)
		}
		if owner[s.pid] == nil {
			lives, livesErr := s.lives()
			ended, err = ended || !lives, cmp.Or(err, livesErr)
		}
	}
	return hidden, ended, err
}

// of is the run of an orphan that has a session of its own, or nil: it was seen
// before, it is in the run's cgroup, its environment names the run, or it writes to
// the run's log. Others of this state may write to that as well: what its cgroup or
// its environment names as another's is not the run's. Where it may not be read the
// error says so; with a run, that it may be that one's.
func (k evidence) of(p proc) (*run, error) {
	if r := k.byProc[p]; r != nil {
		return r, nil
	}
	if k.grouped || len(k.byLog) > 0 {
		id, err := k.owned.runOfPID(p.pid, k.state)
		if err != nil {
			return nil, err
		}
		if r := k.byID[id]; r != nil && r.ref.Cgroup != "" {
			return r, nil
		} else if r == nil && id != "" {
			return nil, nil
		}
	}
	id, mark, err := readMarks(p.pid)
	if r := k.byID[id]; r != nil && r.mayHave(mark) {
		return r, err
	}
	if err != nil && err != errExecHangs && err != errHangs && err != errLocked || len(k.byLog) == 0 || isRun(id, k.state) {
		return nil, err
	}
	r, filesErr := k.byOpenFiles(p.pid)
	if r != nil {
		return r, filesErr
	}
	return nil, cmp.Or(filesErr, err)
}

// byOpenFiles is the run whose log, or the line whose pipe, the process has open for
// writing. Anybody may read a log, and a process that opened it to write to it
// need not be the run's: only a descriptor that was inherited counts. Where the log could
// not be marked they look the same. The orphans of an adopted run are children of a process
// that has others too, and one of these may have been passed a descriptor (unix(7)), mark
// and all: there only the output of the process counts, where the log is marked, and not
// the output of a systemd service, which may have been passed it. Nor does a log that
// could not be marked prove anything of who may be a stranger.
func (k evidence) byOpenFiles(pid int) (*run, error) {
	dir, s, err := living(pid)
	for err == nil {
		looked := dir
		r, lookErr := k.byFilesIn(s.proc, dir)
		if dir, s, err = living(pid); err == nil && dir == looked {
			return r, lookErr // else the thread has ended, and shows nothing any more
		}
	}
	return nil, err
}

// byFilesIn is byOpenFiles of the thread whose directory it is.
func (k evidence) byFilesIn(p proc, dir string) (*run, error) {
	names, err := readNames(dir + "/fd")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		id, statErr := statFile(unix.AT_FDCWD, dir+"/fd/"+name, 0, unix.S_IFREG, unix.S_IFIFO)
		if errors.Is(statErr, unix.ENOMEM) { // else it was closed meanwhile, or its file system has failed
			err = statErr
		}
		r := k.byLog[id]
		if r == nil {
			continue
		}
		flags, flagsErr := openFlags(dir + "/fdinfo/" + name)
		if flagsErr = failure(flagsErr); flagsErr != nil {
			err = flagsErr
		}
		marked := flags&logMark != 0
		switch {
		case flags&unix.O_ACCMODE == unix.O_RDONLY:
		case !r.adopted && (marked || !r.marked && (r.line || !takesInStrangers())):
			return r, nil
		case r.adopted && marked && (name == "1" || name == "2"):
			env, envErr := environOf(p, dir)
			if envErr == nil && !isService(env, p.pid) || envErr == errHangs || envErr == errLocked {
				return r, envErr
			}
			err = cmp.Or(err, envErr)
		}
	}
	return nil, err
}

// openFlags are those of the descriptor, from its proc_pid_fdinfo(5).
func openFlags(fdinfo string) (int, error) {
	b, err := readFirst(fdinfo, make([]byte, 1024))
	_, rest, _ := bytes.Cut(b, []byte("flags:"))
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	flags, _ := strconv.ParseInt(string(bytes.TrimSpace(line)), 8, 0)
	return int(flags), err
}

// logMark distinguishes the descriptor that a run was given for its log, and inherits, from
// those of others who opened the file to write to it. It changes nothing for a
// writer.
const logMark = unix.O_NOATIME

// markLog gives the log its mark. A file system where this program does not own its
// files refuses that: the log of an adopted run proves nothing there.
func markLog(f *os.File) (marked bool) {
	return addOpenFlag(int(f.Fd()), logMark) == nil
}

// fileIDOf is the file's, or zero for what other processes have open too.
func fileIDOf(f *os.File) (fileID, error) {
	return statFile(int(f.Fd()), "", unix.AT_EMPTY_PATH, unix.S_IFREG)
}

// pipeIDOf is the id of a pipe which was made for one run alone.
func pipeIDOf(f *os.File) (fileID, error) {
	return statFile(int(f.Fd()), "", unix.AT_EMPTY_PATH, unix.S_IFIFO)
}

// statFile is the file's if it is of one of the kinds, else zero. It asks no
// server, which could keep the engine waiting.
func statFile(dir int, path string, flags int, kinds ...uint16) (fileID, error) {
	var st unix.Statx_t
	err := statx(dir, path, flags|unix.AT_STATX_DONT_SYNC, unix.STATX_TYPE|unix.STATX_INO, &st)
	if err != nil || !slices.Contains(kinds, st.Mode&unix.S_IFMT) {
		return fileID{}, err
	}
	return fileID{unix.Mkdev(st.Dev_major, st.Dev_minor), st.Ino}, nil
}

// runIDOf is the run that the process's environment names, or "", also where it
// is gone or that may not be read. A service of systemd has what somebody imported
// there. The error is that it could not be read now.
func runIDOf(pid int) (string, error) {
	id, _, err := readMarks(pid)
	if err == errHangs {
		err = nil
	}
	return id, failure(err)
}

// errExecHangs says that a process has no environment for now: it is hidden until its
// exec ends, which may take as long as the server of its program does not answer.
var errExecHangs = fmt.Errorf("an exec does not end: %w", unix.EACCES)

// readMarks is runIDOf, and the commitMark beside it, or "", with an error also where the
// environment may not be read. It waits for an exec to end, once for each process.
func readMarks(pid int) (id, commit string, err error) {
	const tries = 1000 // on a busy machine an exec may take a second
	for tried := 1; ; tried++ {
		p, id, commit, err := tryMarks(pid)
		ends, known := err != errExecHangs, memory.execHung(p)
		if !ends && !known && tried < tries {
			nap(time.Millisecond)
			continue
		}
		if ends == known {
			memory.setExecHung(p, !ends)
		}
		return id, commit, err
	}
}

// tryMarks is readMarks now: errExecHangs where an exec is under way.
func tryMarks(pid int) (p proc, id, commit string, err error) {
	dir, before, err := living(pid)
	if err != nil || before.kernel || before.dead() {
		return before.proc, "", "", unlessGone(err)
	}
	p = before.proc
	env, err := environOf(p, dir)
	if isService(env, pid) {
		return p, "", "", nil
	}
	if id := valueIn(env, "TASKS_RUN_ID"); id != "" {
		return p, id, valueIn(env, "TASKS_COMMIT"), nil
	}
	if err != nil || len(env) > 0 {
		return p, "", "", unlessGone(err)
	}
	// An exec takes the old environment away a while before the new one is
	// there; meanwhile there is no code. It is truly empty without one.
	// Nor is there one in the directory of a thread that has ended meanwhile.
	where, after, err := living(pid)
	if err != nil || where == dir && before.code == after.code && after.code[0] != 0 {
		return p, "", "", unlessGone(err)
	}
	return p, "", "", errExecHangs
}

// isService reports whether systemd has executed the process with that environment.
func isService(env []byte, pid int) bool {
	return valueIn(env, "SYSTEMD_EXEC_PID") == strconv.Itoa(pid)
}

// valueIn is the variable's value in the environment, or "".
func valueIn(env []byte, name string) string {
	for kv := range bytes.SplitSeq(env, []byte{0}) {
		if value, ok := bytes.CutPrefix(kv, []byte(name+"=")); ok {
			return string(value)
		}
	}
	return ""
}
