package process

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
	"time"
)

// evidence tells to which of some runs an orphan belongs.
type evidence struct {
	bySession map[int]*run
	byID      map[string]*run
	byLog     map[fileID]*run
	byProc    map[proc]*run // seen as part of the run when it still had a parent
}

// newEvidence gathers what is known of the runs. The caller holds the mutex.
func newEvidence(runs map[*run]bool) evidence {
	k := evidence{
		bySession: make(map[int]*run, len(runs)), byID: make(map[string]*run, len(runs)),
		byLog: make(map[fileID]*run, len(runs)), byProc: make(map[proc]*run),
	}
	for r := range runs {
		k.bySession[r.ref.PID], k.byID[r.id] = r, r
		if r.log != (fileID{}) {
			k.byLog[r.log] = r
		}
		for p := range r.told {
			k.byProc[p] = r
		}
	}
	return k
}

// of is the run of an orphan that has a session of its own, or nil: it was seen
// before, its environment names the run, or it has the run's log open.
func (k evidence) of(p proc) *run {
	if r := k.byProc[p]; r != nil {
		return r
	}
	id, empty := runIDOf(p.pid)
	if r := k.byID[id]; r != nil {
		return r
	}
	if len(k.byLog) > 0 {
		if r := k.byOpenFiles(p.pid); r != nil {
			return r
		}
	}
	if empty { // perhaps in the midst of an exec
		time.Sleep(time.Millisecond)
		id, _ = runIDOf(p.pid)
	}
	return k.byID[id]
}

func (k evidence) byOpenFiles(pid int) *run {
	dir := "/proc/" + strconv.Itoa(pid) + "/fd"
	d, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1)
	for _, name := range names {
		var st syscall.Stat_t
		if syscall.Stat(dir+"/"+name, &st) == nil {
			if r := k.byLog[fileID{uint64(st.Dev), st.Ino}]; r != nil {
				return r
			}
		}
	}
	return nil
}

// runIDOf is the run that the process's environment names, or "". It is empty
// for a moment during an exec, and where it may not be read.
func runIDOf(pid int) (id string, empty bool) {
	env, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil || len(env) == 0 {
		return "", true
	}
	for kv := range bytes.SplitSeq(env, []byte{0}) {
		if id, ok := bytes.CutPrefix(kv, []byte("TASKS_RUN_ID=")); ok {
			return string(id), false
		}
	}
	return "", false
}

// ignored lists the signals that this process ignores.
func ignored() []os.Signal {
	status, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := bytes.Cut(status, []byte("\nSigIgn:\t"))
	mask, _, _ := bytes.Cut(rest, []byte("\n"))
	bits, _ := strconv.ParseUint(string(mask), 16, 64)
	var all []os.Signal
	for sig := syscall.Signal(1); sig <= 64; sig++ {
		if bits&(1<<(sig-1)) != 0 {
			all = append(all, sig)
		}
	}
	return all
}
