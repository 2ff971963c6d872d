package process

import (
	"bytes"
	"os"
	"strconv"
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
func (s *snapshot) of(p proc) (st task.Stats, used time.Duration, at time.Time, boot uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.at) > snapshotAge || s.byPID[p.pid].proc != p {
		s.take()
	}
	if s.byPID[p.pid].proc != p {
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
	line, _ := readFile("/proc/"+strconv.Itoa(pid)+"/statm", make([]byte, 128))
	if f := bytes.Fields(line); len(f) > 1 {
		pages, _ := strconv.ParseInt(string(f[1]), 10, 64)
		return pages * int64(os.Getpagesize())
	}
	return 0
}

func (s *snapshot) take() {
	s.at, s.boot = time.Now(), ticks()
	all := scan()
	s.byPID, s.children = make(map[int]stat, len(all)), make(map[int][]int)
	for _, p := range all {
		s.byPID[p.pid] = p
		s.children[p.ppid] = append(s.children[p.ppid], p.pid)
	}
}

// Sample implements task.Sampler.
func (r *run) Sample() (task.Stats, error) {
	e := r.engine
	st, used, at, boot, err := e.tree.now.of(proc{r.ref.PID, r.ref.Start})
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
