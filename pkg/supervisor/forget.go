package supervisor

import (
	"cmp"
	"context"
	"maps"
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

// forgetOld keeps no more than keep ended tasks: beyond that the oldest done
// ones are forgotten, and failed ones older than a day, unless they are awaited.
func (s *Supervisor) forgetOld(keep int) {
	w := s.Watch(keep+1024, func(i *task.Info) bool {
		return i.State == task.Done || i.State == task.Failed || i.State == task.Starting
	})
	s.actors.Go(func() {
		all := make(map[string]ended)
		note := func(info task.Info, removed bool) {
			switch {
			case removed || info.State != task.Done && info.State != task.Failed:
				delete(all, info.Name)
			case all[info.Name].at != info.EndedAt:
				all[info.Name] = ended{info.Name, info.State, info.EndedAt, steady(info.EndedAt)}
			}
		}
		for {
			events, ok := w.Next(context.Background())
			if !ok {
				return
			}
			for _, e := range events {
				if e.Missed > 0 {
					maps.DeleteFunc(all, func(name string, _ ended) bool { return s.lookup(name) == nil })
					for _, info := range s.List() {
						note(info, false)
					}
				}
				note(e.Task, e.Removed)
			}
			for _, old := range oldest(all, keep) {
				if s.order.awaited(old.name) { // it is forgotten after that
					continue
				}
				delete(all, old.name)
				s.Submit(Op{Kind: OpRemove, Name: old.name, ended: old.at})
			}
		}
	})
}

// oldest are those to forget so that of what may be forgotten keep stay.
func oldest(all map[string]ended, keep int) []ended {
	if len(all) <= keep {
		return nil
	}
	var old []ended
	for _, e := range all {
		if e.state == task.Done || time.Since(e.since) >= failedStay {
			old = append(old, e)
		}
	}
	if len(old) <= keep {
		return nil
	}
	slices.SortFunc(old, func(a, b ended) int {
		return cmp.Or(a.since.Compare(b.since), strings.Compare(a.name, b.name))
	})
	return old[:len(old)-keep]
}
