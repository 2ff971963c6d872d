package socket

import (
	"encoding/json"
	"os"
	"slices"

	"tasks/internal/safeopen"
)

// A process is one of this boot, in this pid namespace.
type process struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // clock ticks after boot
}

// MayReap reports whether the process may have taken in what a supervisor of this state
// directory has left: it is an ancestor of this one, or was one of an earlier one. Where an
// earlier one has not written down its own, any may. It is known after Record.
func (l *Lock) MayReap(pid int, start uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.anyReaps || slices.Contains(l.reapers, process{pid, start})
}

// findReapers notes this process's ancestors, and the living ones of earlier supervisors that
// the last holder has written down. It returns them, to be written down.
func (l *Lock) findReapers() []process {
	all := ancestors()
	last, known := lastReapers(l.dir)
	l.mu.Lock()
	defer l.mu.Unlock()
	if all == nil || !known {
		l.anyReaps = true
	}
	if all == nil {
		return nil
	}
	for _, p := range last {
		if startTime(p.PID) == p.Start && !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	l.reapers = all
	return all
}

// lastReapers is what the last holder of the lock has written down, also if it has ended in
// order since: what it has started may live on.
func lastReapers(stateDir string) (last []process, known bool) {
	f, err := safeopen.OpenPrivate(holderPath(stateDir), os.O_RDONLY)
	if err != nil {
		return nil, false
	}
	defer f.Close()
	var h holder
	me := thisHost()
	switch err := json.NewDecoder(f).Decode(&h); {
	case err != nil || h.Boot == "" || me.Boot == "":
		return nil, false
	case h.Boot != me.Boot: // nothing of that time is left
		return nil, true
	case h.PIDNamespace != me.PIDNamespace:
		return nil, false
	}
	return h.Reapers, len(h.Reapers) > 0
}
