package process

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"tasks/pkg/task"
)

// snapshotAge is how old a view of all processes may be that a sample is taken
// from: a list of a thousand tasks then reads /proc once.
const snapshotAge = 100 * time.Millisecond

// snapshot is a view of all processes.
type snapshot struct {
	mu       sync.Mutex
	at       time.Time
	boot     uint64 // at in clock ticks after boot
	byPID    map[int]stat
	children map[int][]int
}

// of sums up the process p and all that descend from it. It reports errEnded
// where p is no longer there.
func (s *snapshot) of(e *Engine, p proc) (st task.Stats, used time.Duration, at time.Time, boot uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.has(e, p) {
		return st, 0, s.at, s.boot, errEnded
	}
	for todo := []int{p.pid}; len(todo) > 0; {
		pid := todo[len(todo)-1]
		todo = append(todo[:len(todo)-1], s.children[pid]...)
		if c := s.byPID[pid]; !c.dead() {
			st.Processes++
			st.MemoryBytes += resident(pid)
			used += c.cpu
		}
	}
	return st, used, s.at, s.boot, nil
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

// has tells whether p is in a view that is fresh. The caller holds the mutex.
func (s *snapshot) has(e *Engine, p proc) bool {
	if time.Since(s.at) > snapshotAge || s.byPID[p.pid].proc != p {
		s.take(e)
	}
	return s.byPID[p.pid].proc == p
}

func (s *snapshot) take(e *Engine) {
	s.at, s.boot = time.Now(), ticks()
	all := scan()
	s.byPID, s.children = make(map[int]stat, len(all)), make(map[int][]int)
	for _, p := range all {
		s.byPID[p.pid] = p
		s.children[p.ppid] = append(s.children[p.ppid], p.pid)
	}
	// What lost its parent counts as a child of its run's main process.
	for pid, r := range e.tree.lost(e, all) {
		s.children[r.ref.PID] = append(s.children[r.ref.PID], pid)
	}
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
	if len(known.adopted) == 0 && !t.anyOrphans() {
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
		case s.ppid != os.Getpid() && known.bySession[parent.session] != nil: // it has a parent in its run
		case known.bySession[s.session] != nil:
			owner[s.pid] = known.bySession[s.session]
		default:
			lost = append(lost, s)
		}
	}
	e.mu.Unlock()
	known.assign(lost, owner)
	// Of a family that left together only the eldest is to be placed.
	for pid := range owner {
		if owner[byPID[pid].ppid] != nil {
			delete(owner, pid)
		}
	}
	return owner
}

// Tree implements task.Tree.
func (r *run) Tree() ([]task.Proc, error) {
	e := r.engine
	s := &e.tree.now
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.has(e, proc{r.ref.PID, r.ref.Start}) {
		return nil, errEnded
	}
	var all []task.Proc
	var add func(pid, parent int)
	add = func(pid, parent int) {
		if c := s.byPID[pid]; !c.dead() {
			all = append(all, task.Proc{PID: pid, Parent: parent, Command: commandOf(pid), MemoryBytes: resident(pid)})
		}
		for _, child := range s.children[pid] {
			add(child, pid)
		}
	}
	add(r.ref.PID, 0)
	return all, nil
}

// commandOf is the process's argv, or its name where it shows none.
func commandOf(pid int) []string {
	dir := "/proc/" + strconv.Itoa(pid)
	b, _ := readAll(dir + "/cmdline")
	if b = bytes.TrimRight(b, "\x00"); len(b) == 0 {
		b, _ = readAll(dir + "/comm")
		return []string{"[" + string(bytes.TrimSpace(b)) + "]"}
	}
	return strings.Split(strings.ToValidUTF8(string(b), "\uFFFD"), "\x00")
}

// Sample implements task.Sampler.
func (r *run) Sample() (task.Stats, error) {
	e := r.engine
	st, used, at, boot, err := e.tree.now.of(e, proc{r.ref.PID, r.ref.Start})
	if err != nil {
		return task.Stats{}, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	switch last := r.cpu; {
	case last.at.IsZero(): // since the start
		up := max(time.Duration(boot-r.ref.Start)*tick, tick)
		st.CPUPercent = 100 * float64(used) / float64(up)
	case at.After(last.at):
		st.CPUPercent = max(0, 100*float64(used-last.used)/float64(at.Sub(last.at)))
	default:
		st.CPUPercent = last.percent
		return st, nil
	}
	r.cpu = sample{at, used, st.CPUPercent}
	return st, nil
}
