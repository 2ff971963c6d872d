package process

import (
	"bytes"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
)

// A process is hidden if it may not be read: of another user, such as a setuid
// program, or one that forbids it, as ssh-agent does. Unless it was seen before,
// nothing of its own tells whose it is. It is a run's if no other can have begun it.

// makers tells what can have begun the orphans that there are: all descend from a run
// whose main process lived at some time since there was no orphan at all.
type makers struct {
	forgotten uint64        // start of the oldest of those runs that were let go of
	said      map[proc]bool // hidden ones that were spoken of
}

// none is later than any start.
const none = math.MaxUint64

// begin looks whether this process has children that are no run's.
func (m *makers) begin(orphans bool) {
	if m.forgotten = none; orphans {
		m.forgotten = 0
	}
}

// letGo notes that a run is forgotten.
func (m *makers) letGo(r *run) {
	if !r.childless {
		m.forgotten = min(m.forgotten, r.ref.Start)
	}
}

// noOrphans notes that this process has no children but main processes: nothing is
// left of the runs, whose main process was reaped.
func (e *Engine) noOrphans(runs map[*run]bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.makers.forgotten = none
	for r := range runs {
		r.childless = true
	}
}

// attribute enters the runs of the orphans in owner, by pid. Unknown are those that are
// hidden, and may be of more than one run. The error is that some could not be looked at.
func (e *Engine) attribute(known evidence, orphans []stat, owner map[int]*run) (unknown []stat, err error) {
	hidden, err := known.assign(orphans, owner)
	if len(hidden) == 0 {
		return nil, err
	}
	ours := orphansOfOurs()
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range hidden {
		if r := e.onlyMaker(s); r == nil || !ours[s.pid] {
			unknown = append(unknown, s)
		} else if known.byID[r.id] == r {
			owner[s.pid] = r
		}
	}
	return unknown, err
}

// onlyMaker is the one run that can have begun the orphan, or nil. The caller holds the
// mutex.
func (e *Engine) onlyMaker(s stat) *run {
	runs := e.makersOf(s)
	if len(runs) != 1 || e.makers.forgotten <= s.start {
		return nil
	}
	return runs[0]
}

// makersOf is the runs that can have begun the orphan, of those that are not forgotten:
// one that is younger cannot. The caller holds the mutex.
func (e *Engine) makersOf(s stat) []*run {
	runs := slices.Clone(e.ended)
	for _, r := range e.runs {
		runs = append(runs, r)
	}
	for r := range e.sweeping {
		runs = append(runs, r)
	}
	return slices.DeleteFunc(runs, func(r *run) bool { return r.ref.Start > s.start })
}

// orphansOfOurs is the pids that the kernel lists as children of the first thread: it
// has begun none of them. They are none where that is not known.
func orphansOfOurs() map[int]bool {
	self := strconv.Itoa(os.Getpid())
	text, _ := readAll("/proc/self/task/" + self + "/children")
	pids := make(map[int]bool)
	for _, word := range bytes.Fields(text) {
		if pid, err := strconv.Atoi(string(word)); err == nil {
			pids[pid] = true
		}
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
		e.opts.Logger.Warn("a process may not be read, and it is not known which task has begun it: it is not ended",
			"pid", s.pid, "program", strings.TrimSpace(string(program)), "tasks", someOf(slices.Compact(names)))
	}
}
