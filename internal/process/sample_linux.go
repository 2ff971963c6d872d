package process

import (
	"bytes"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"tasks/pkg/task"
)

// snapshotAge is how old a view of all processes may be that a sample is taken
// from: a list of a thousand tasks then reads /proc once.
const snapshotAge = 100 * time.Millisecond

// sampleAge is how old a usage is at least before a later one is compared with it:
// the time of processes that were waited for is known in steps of 10 ms.
const sampleAge = 100 * time.Millisecond

// snapshot is a view of all processes.
type snapshot struct {
	mu       sync.Mutex
	at       time.Time
	byPID    map[int]stat
	children map[int][]int
}

// of sums up the process p and all that descend from it. It reports errEnded
// where p is no longer there.
func (s *snapshot) of(e *Engine, p proc) (st task.Stats, u usage, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.refreshFor(e, p); err != nil {
		return st, u, err
	}
	all := s.below(p.pid)
	u = usage{from: time.Now(), own: make(map[proc]time.Duration, len(all))}
	buf := make([]byte, 1024)
	for _, m := range slices.Backward(all) { // what ends meanwhile is counted by its parent
		c := s.byPID[m.pid]
		if c.dead() {
			continue
		}
		st.Processes++
		st.MemoryBytes += resident(m.pid)
		now, statErr := readStat(m.pid, buf)
		if own, err := cpuTime(m.pid); statErr == nil && now.proc == c.proc && err == nil {
			u.own[c.proc] = own
			u.total += own + now.waited
		}
	}
	u.to = time.Now()
	return st, u, nil
}

// A member is a process of a run, and the one below which it is.
type member struct{ pid, parent int }

// below is root and all that descend from it, parents first. Each is in it once: pids
// that were used again during the look may seem to go round.
func (s *snapshot) below(root int) []member {
	var all []member
	seen := make(map[int]bool)
	var add func(pid, parent int)
	add = func(pid, parent int) {
		if seen[pid] {
			return
		}
		seen[pid] = true
		all = append(all, member{pid, parent})
		for _, child := range s.children[pid] {
			add(child, pid)
		}
	}
	add(root, 0)
	return all
}

// resident is the memory of a process in bytes. Field 24 of its stat would be
// too, but is off by up to 64 pages for each CPU.
func resident(pid int) int64 {
	line, _ := readFirst("/proc/"+strconv.Itoa(pid)+"/statm", make([]byte, 128))
	if f := bytes.Fields(line); len(f) > 1 {
		pages, _ := strconv.ParseInt(string(f[1]), 10, 64)
		return pages * int64(os.Getpagesize())
	}
	return 0
}

// refreshFor sees that p is in a view that is fresh; errEnded if it is gone.
// The caller holds the mutex.
func (s *snapshot) refreshFor(e *Engine, p proc) error {
	if time.Since(s.at) > snapshotAge || s.byPID[p.pid].proc != p {
		if err := s.refresh(e); err != nil {
			return err
		}
	}
	if s.byPID[p.pid].proc != p {
		return errEnded
	}
	return nil
}

func (s *snapshot) refresh(e *Engine) error {
	at := time.Now()
	all, err := scan()
	if err != nil {
		return err
	}
	s.at = at
	s.byPID, s.children = make(map[int]stat, len(all)), make(map[int][]int)
	for _, p := range all {
		s.byPID[p.pid] = p
		s.children[p.ppid] = append(s.children[p.ppid], p.pid)
	}
	// What lost its parent counts as a child of its run's main process.
	for pid, r := range e.tree.lost(e, all) {
		s.children[r.ref.PID] = append(s.children[r.ref.PID], pid)
	}
	return nil
}

// lost finds the runs, of those whose main process lives, to which processes
// that lost their parent belong.
func (t *tree) lost(e *Engine, all []stat) map[int]*run {
	e.mu.Lock()
	runs := make(map[*run]bool, len(e.runs))
	for _, r := range e.runs {
		runs[r] = true
	}
	known := e.newEvidence(runs)
	if len(known.adopted) == 0 && !e.anyOrphans() {
		e.mu.Unlock()
		return nil
	}
	var lost []stat
	byPID := make(map[int]stat, len(all))
	for _, s := range all {
		byPID[s.pid] = s
	}
	owner := make(map[int]*run)
	for _, s := range e.strangers(all, known) {
		switch parent := byPID[s.ppid]; {
		case s.dead():
		case s.ppid != ownPID && known.bySession[parent.session] != nil: // it has a parent in its run
		case known.bySession[s.session] != nil:
			owner[s.pid] = known.bySession[s.session]
		default:
			lost = append(lost, s)
		}
	}
	e.mu.Unlock()
	e.attribute(known, lost, owner) // what could not be looked at is not counted this time
	// Of a family that left together only the eldest must be placed.
	for pid := range owner {
		if owner[byPID[pid].ppid] != nil {
			delete(owner, pid)
		}
	}
	return owner
}

// Tree implements engine.Tree.
func (r *run) Tree() ([]task.Proc, error) {
	e := r.engine
	s := &e.tree.now
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.refreshFor(e, proc{r.ref.PID, r.ref.Start}); err != nil {
		return nil, err
	}
	var all []task.Proc
	for _, m := range s.below(r.ref.PID) {
		if c := s.byPID[m.pid]; !c.dead() {
			all = append(all, task.Proc{PID: m.pid, Parent: m.parent, Command: commandOf(c.proc), MemoryBytes: resident(m.pid)})
		}
	}
	return all, nil
}

// maxShown is how many bytes of a process's argv are shown: many readers may ask for
// those of many processes.
const maxShown = 4 << 10

// commandOf is the process's argv, or its name where it shows none.
func commandOf(p proc) []string {
	dir := "/proc/" + strconv.Itoa(p.pid)
	path := dir + "/cmdline"
	b, _ := memory.of(memoryFile{p, path}, func() ([]byte, error) { return readFirst(path, make([]byte, maxShown+1)) })
	rest := ""
	if n := maxShown; len(b) > n {
		for n > maxShown-utf8.UTFMax && !utf8.RuneStart(b[n]) {
			n--
		}
		b, rest = b[:n], "…"
	}
	if b = bytes.TrimRight(b, "\x00"); len(b) == 0 {
		b, _ = readAll(dir + "/comm")
		return []string{"[" + string(bytes.TrimSpace(b)) + "]"}
	}
	return strings.Split(strings.ToValidUTF8(string(b), "\uFFFD")+rest, "\x00")
}

// Sample implements engine.Sampler.
func (r *run) Sample() (task.Stats, error) {
	e := r.engine
	st, u, err := e.tree.now.of(e, proc{r.ref.PID, r.ref.Start})
	if err != nil {
		return task.Stats{}, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if r.percent == nil || u.to.Sub(r.used.from) >= sampleAge {
		percent := u.percentSince(r.used, runtime.NumCPU())
		r.used, r.percent = u, &percent
	}
	st.CPUPercent = *r.percent
	return st, nil
}

// percentSince is the part of a processor that was used after last. Both are read
// while time goes by: all of that counts, so that it is never more than it was.
//
// The time of a process that has ended is in the total as long as its parent has
// waited for it and is there. Where that is not so, less than nothing may seem to be
// used; what the others have used is known all the same.
func (u usage) percentSince(last usage, processors int) float64 {
	used, others := u.total-last.total, time.Duration(0)
	for p, own := range u.own {
		others += max(own-last.own[p], 0)
	}
	over := max(u.to.Sub(last.from), time.Microsecond)
	percent := 100 * float64(max(used, others)) / float64(over)
	return min(percent, 100*float64(processors))
}
