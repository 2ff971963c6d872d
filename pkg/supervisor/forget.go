package supervisor

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"tasks/pkg/task"
)

// failedStay is how long a failed task is remembered at least.
const failedStay = 24 * time.Hour

// An ended task is one that may be forgotten in time.
type ended struct {
	name  string
	state task.State
	at    task.Time
	since time.Time // the same by the monotonic clock: a clock that is set makes no task old
}

// endings are the ended tasks in the order of their ends, so that an end costs the
// same whatever the number of tasks.
type endings struct {
	all    map[string]ended
	free   []ended // in order: those that may be forgotten; some are no longer in all
	failed []ended // in order: those that failed less than a day ago; likewise
	n      int     // how many of free are in all
}

func (h *endings) add(e ended) {
	h.all[e.name] = e
	if e.state == task.Failed {
		h.failed = insert(h.failed, e)
		return
	}
	h.free = insert(h.free, e)
	h.n++
}

// insert keeps list in order: e is mostly the last.
func insert(list []ended, e ended) []ended {
	at, _ := slices.BinarySearchFunc(list, e, func(a, b ended) int {
		return cmp.Or(a.since.Compare(b.since), strings.Compare(a.name, b.name))
	})
	return slices.Insert(list, at, e)
}

func (h *endings) drop(name string) {
	e, ok := h.all[name]
	if ok && (e.state == task.Done || time.Since(e.since) >= failedStay && !slices.Contains(h.failed, e)) {
		h.n--
	}
	delete(h.all, name)
}

func (h *endings) note(info task.Info, removed bool) {
	switch {
	case removed || info.State != task.Done && info.State != task.Failed || !info.Finished():
		h.drop(info.Name)
	case h.all[info.Name].at != info.EndedAt:
		h.drop(info.Name)
		h.add(ended{info.Name, info.State, info.EndedAt, steady(info.EndedAt)})
	}
}

// again is the same of all tasks that there are.
func (h *endings) again(tasks []task.Info) {
	*h = endings{all: make(map[string]ended)}
	for _, t := range tasks {
		h.note(t, false)
	}
}

// oldest takes out those to forget so that of what may be forgotten keep stay;
// what is awaited stays as well.
func (h *endings) oldest(keep int, awaited func(name string) bool) (old []ended) {
	for len(h.failed) > 0 && (h.all[h.failed[0].name] != h.failed[0] || time.Since(h.failed[0].since) >= failedStay) {
		if e := h.failed[0]; h.all[e.name] == e {
			h.free = insert(h.free, e)
			h.n++
		}
		h.failed = h.failed[1:]
	}
	var stay []ended
	for h.n-len(stay) > keep && len(h.free) > 0 {
		e := h.free[0]
		h.free = h.free[1:]
		switch {
		case h.all[e.name] != e:
		case awaited(e.name):
			stay = append(stay, e)
		default:
			old = append(old, e)
			delete(h.all, e.name)
			h.n--
		}
	}
	if stay != nil {
		h.free = append(stay, h.free...)
	}
	return old
}

// forgetOld keeps no more than keep ended tasks: beyond that the oldest done
// ones are forgotten, and failed ones older than a day that are finished, see
// [task.Info.Finished], unless they are awaited.
func (s *Supervisor) forgetOld(keep int) {
	w := s.Watch(min(keep, task.MaxCount)+1024, func(i *task.Info) bool {
		return i.State == task.Done || i.State == task.Failed || i.State == task.Starting
	})
	s.actors.Go(func() {
		h := endings{all: make(map[string]ended)}
		for {
			events, ok := w.Next(context.Background())
			if !ok {
				return
			}
			for _, e := range events {
				if e.Missed > 0 {
					h.again(s.List())
				}
				h.note(e.Task, e.Removed)
			}
			for _, old := range h.oldest(keep, s.order.Awaited) {
				s.Submit(Op{Kind: OpRemove, Name: old.name, ended: old.at})
			}
		}
	})
}
