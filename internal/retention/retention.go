// Package retention decides which ended tasks are forgotten, and when.
package retention

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"tasks/internal/alarm"
	"tasks/pkg/task"
)

// failedStay is how long a failed task is remembered at least.
const failedStay = 24 * time.Hour

// An End is the end of a task that may be forgotten in time.
type End struct {
	Name  string
	State task.State
	At    task.Time
	since time.Time // the same by the monotonic clock: a clock that is set makes no task old
}

// Ended is the End tasks in the order of their ends, so that an end costs the same
// whatever the number of tasks. It is one goroutine's. Make one with [New].
type Ended struct {
	all    map[string]End
	free   []End // in order: may be forgotten; some are not in all any more
	failed []End // in order: failed less than a day ago; likewise
	n      int   // how many of free are in all
}

// New makes an empty one.
func New() *Ended { return &Ended{all: make(map[string]End)} }

func (h *Ended) add(e End) {
	h.all[e.Name] = e
	if e.State == task.Failed {
		h.failed = insert(h.failed, e)
		return
	}
	h.free = insert(h.free, e)
	h.n++
}

// insert keeps list in order: e is mostly the last.
func insert(list []End, e End) []End {
	at, _ := slices.BinarySearchFunc(list, e, func(a, b End) int {
		return cmp.Or(a.since.Compare(b.since), strings.Compare(a.Name, b.Name))
	})
	return slices.Insert(list, at, e)
}

func (h *Ended) drop(name string) {
	e, ok := h.all[name]
	if ok && (e.State == task.Done || time.Since(e.since) >= failedStay && !slices.Contains(h.failed, e)) {
		h.n--
	}
	delete(h.all, name)
}

// Note takes in what a task is now, or that it is removed.
func (h *Ended) Note(info *task.Info, removed bool) {
	switch {
	case removed || info.State != task.Done && info.State != task.Failed || !info.Finished():
		h.drop(info.Name)
	case h.all[info.Name].At != info.EndedAt:
		h.drop(info.Name)
		h.add(End{info.Name, info.State, info.EndedAt, alarm.Steady(info.EndedAt.Time)})
	}
}

// Again starts again with all current tasks.
func (h *Ended) Again(tasks []*task.Info) {
	*h = *New()
	for _, t := range tasks {
		h.Note(t, false)
	}
}

// Oldest removes and returns the ends to forget, so that keep of the forgettable stay; what
// is needed stays as well.
func (h *Ended) Oldest(keep int, needed func(name string) bool) (old []End) {
	for len(h.failed) > 0 && (h.all[h.failed[0].Name] != h.failed[0] || time.Since(h.failed[0].since) >= failedStay) {
		if e := h.failed[0]; h.all[e.Name] == e {
			h.free = insert(h.free, e)
			h.n++
		}
		h.failed = h.failed[1:]
	}
	var stay []End
	for h.n-len(stay) > keep && len(h.free) > 0 {
		e := h.free[0]
		h.free = h.free[1:]
		switch {
		case h.all[e.Name] != e:
		case needed(e.Name):
			stay = append(stay, e)
		default:
			old = append(old, e)
			delete(h.all, e.Name)
			h.n--
		}
	}
	if stay != nil {
		h.free = append(stay, h.free...)
	}
	return old
}
