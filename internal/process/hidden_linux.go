package process

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// A process is hidden if it may not be read: of another user, such as a setuid
// program, one that forbids it, as ssh-agent does, or one in an exec that hangs. Unless
// it was seen before, nothing of its own shows whose it is. It is a run's if nothing else
// can have begun it: neither another run nor a process that a run has begun and that is
// not part of it, as another supervisor, whose own runs come to this process when it is
// killed. Where this process is the first of its pid namespace it is nobody's, see
// takesInStrangers.

// makers knows what can have started the present orphans: all descend from a run
// whose main process lived at some time since there was no orphan at all.
type makers struct {
	forgotten uint64        // start of the oldest of those runs that were let go of
	strays    span          // lives of the ended orphans that no run is known to own
	said      map[proc]bool // hidden ones that were spoken of
}

// none is later than any start.
const none = math.MaxUint64

// span is a time in clock ticks after boot.
type span struct{ from, to uint64 }

var never = span{none, 0}

func (s span) has(start uint64) bool { return s.from <= start && start <= s.to }

// noteOrphans notes whether this process has children that belong to no run.
func (m *makers) noteOrphans(orphans bool) {
	if m.forgotten, m.strays = none, never; orphans {
		m.forgotten = 0
	}
}

// letGo notes that a run is forgotten.
func (m *makers) letGo(r *run) {
	if !r.childless {
		m.forgotten = min(m.forgotten, r.ref.Start)
	}
}

// waitAny reaps a child that has ended; pid is 0 where there is none. What an orphan has
// begun may have come to this process by its end, so it is looked at before. The caller
// holds the mutex.
func (e *Engine) waitAny(status *syscall.WaitStatus) (pid int, err error) {
	for {
		pid, err = nextEnded()
		if err != nil || pid == 0 {
			return 0, err
		}
		if r := e.runs[pid]; r == nil || r.adopted {
			s, _ := readStat(pid, make([]byte, 1024)) // where that fails it is one that was always there
			if s.state != 't' {                       // see reapChild
				e.makers.end(e, s)
			}
		}
		if pid, err = e.reapChild(pid, status); pid != 0 || err != nil {
			return pid, err
		}
	}
}

// end notes that an orphan has ended. The caller holds the engine's mutex.
func (m *makers) end(e *Engine, s stat) {
	if !e.isPart(s) {
		m.strays = span{min(m.strays.from, s.start), max(m.strays.to, ticks())}
	}
}

// isPart reports whether the process, which may have ended, is known to be part of a run:
// by its session, or because it was seen when it had a parent. The caller holds the
// mutex.
func (e *Engine) isPart(s stat) bool {
	if e.runs[s.session] != nil {
		return true
	}
	part := func(r *run) bool {
		_, seen := r.signalled[s.proc]
		return seen || r.ref.PID == s.session && r.ref.Start <= s.start && s.start <= r.over.Load()
	}
	for _, r := range e.runs {
		if part(r) {
			return true
		}
	}
	for r := range e.leftBehind {
		if part(r) {
			return true
		}
	}
	return slices.ContainsFunc(e.ended, part)
}

// noOrphans notes that this process has no children but main processes: nothing is
// left of the runs, whose main process was reaped. The caller holds the mutex.
func (e *Engine) noOrphans(runs map[*run]bool) {
	e.makers.forgotten, e.makers.strays = none, never
	for r := range runs {
		r.childless = true
	}
}

// attribute is assign, with the hidden ones. Unknown are processes that may be of more than
// one run, or of none.
func (e *Engine) attribute(known evidence, orphans []stat, owner map[int]*run) (unknown []stat, ended bool, err error) {
	hidden, ended, err := known.assign(orphans, owner)
	if len(hidden) == 0 || err != nil {
		return nil, ended, err
	}
	ours := orphansOfOurs()
	stray := oldestStray(orphans, hidden, owner)
	slices.SortFunc(hidden, func(a, b stat) int { return cmp.Compare(a.start, b.start) })
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range hidden {
		r := e.onlyMaker(s)
		switch {
		case r == nil || !ours[s.pid] || known.byID[r.id] == r && stray <= s.start:
			unknown = append(unknown, s)
			stray = min(stray, s.start)
		case known.byID[r.id] == r:
			owner[s.pid] = r
		}
	}
	return unknown, ended, err
}

// oldestStray is the start of the oldest child of this process that could be read and
// that nothing ties to a run.
func oldestStray(orphans, hidden []stat, owner map[int]*run) (start uint64) {
	start = none
	for _, s := range orphans {
		if s.ppid == ownPID && owner[s.pid] == nil && !slices.Contains(hidden, s) {
			start = min(start, s.start)
		}
	}
	return start
}

// takesInStrangers reports whether orphans come to this process that descend from no run:
// the first process of a pid namespace takes in those of who enters it from outside
// (pid_namespaces(7)), as by docker exec.
func takesInStrangers() bool { return ownPID == 1 }

// parentOutside reports whether the process has a living parent outside this pid namespace:
// it has entered from there, or begun this namespace.
func (s stat) parentOutside() bool { return s.ppid == 0 }

// onlyMaker is the one run that can have begun the orphan, judging by what has ended, or
// nil. The caller holds the mutex.
func (e *Engine) onlyMaker(s stat) *run {
	runs := e.makersOf(s)
	if takesInStrangers() || len(runs) != 1 || e.makers.forgotten <= s.start || e.makers.strays.has(s.start) {
		return nil
	}
	return runs[0]
}

// makersOf is the known runs that can have begun the orphan: a younger one cannot. The
// caller holds the mutex.
func (e *Engine) makersOf(s stat) []*run {
	runs := slices.Clone(e.ended)
	for _, r := range e.runs {
		runs = append(runs, r)
	}
	for r := range e.leftBehind {
		runs = append(runs, r)
	}
	return slices.DeleteFunc(runs, func(r *run) bool { return r.ref.Start > s.start })
}

// orphansOfOurs is the pids that the kernel lists as children of the first thread, where
// that is known: on others another part of this program may have begun them.
func orphansOfOurs() map[int]bool {
	children, _ := childrenOfFirst()
	pids := make(map[int]bool, len(children))
	for _, pid := range children {
		pids[pid] = true
	}
	return pids
}

// sayUnknown says, once for each, which hidden processes may be of the runs, whose main
// process has ended, and are left. All is every process.
func (e *Engine) sayUnknown(runs map[string]*run, unknown, all []stat) {
	for _, s := range unknown {
		concerns := func(r *run) bool { return r.ref.Start <= s.start }
		if e.makers.said[s.proc] || !slices.ContainsFunc(slices.Collect(maps.Values(runs)), concerns) {
			continue
		}
		there := map[proc]bool{s.proc: true} // what is gone need not be remembered
		for _, old := range all {
			if e.makers.said[old.proc] {
				there[old.proc] = true
			}
		}
		e.makers.said = there
		var names []string
		e.mu.Lock()
		for _, r := range e.makersOf(s) {
			if name, _, _, ok := parseID(r.id, e.opts.ID); ok {
				names = append(names, name)
			}
		}
		e.mu.Unlock()
		slices.Sort(names)
		program, _ := readAll("/proc/" + strconv.Itoa(s.pid) + "/comm")
		e.opts.Logger.Warn("a process may not be read, and it is not known which task, if any, has begun it: it is not ended",
			"pid", s.pid, "program", strings.TrimSpace(string(program)), "tasks", someOf(slices.Compact(names)))
	}
}
