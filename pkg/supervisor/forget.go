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

// forgetOld keeps no more than keep ended tasks: beyond that the oldest done
// ones are forgotten, and failed ones older than a day.
func (s *Supervisor) forgetOld(keep int) {
	w := s.Watch(keep+1024, func(i *task.Info) bool {
		return i.State == task.Done || i.State == task.Failed || i.State == task.Starting
	})
	s.actors.Go(func() {
		ended := make(map[string]task.Info)
		note := func(info task.Info, removed bool) {
			if removed || info.State != task.Done && info.State != task.Failed {
				delete(ended, info.Name)
			} else {
				ended[info.Name] = info
			}
		}
		for {
			events, ok := w.Next(context.Background())
			if !ok {
				return
			}
			for _, e := range events {
				if e.Missed > 0 {
					clear(ended)
					for _, info := range s.List() {
						note(info, false)
					}
				}
				note(e.Task, e.Removed)
			}
			for _, old := range oldest(ended, keep) {
				delete(ended, old.Name)
				s.Submit(Op{Kind: OpRemove, Name: old.Name, ended: old.EndedAt})
			}
		}
	})
}

// oldest are those to forget so that of what may be forgotten keep stay.
func oldest(ended map[string]task.Info, keep int) []task.Info {
	if len(ended) <= keep {
		return nil
	}
	var old []task.Info
	for _, info := range ended {
		if info.State == task.Done || time.Since(info.EndedAt.Time) >= failedStay {
			old = append(old, info)
		}
	}
	if len(old) <= keep {
		return nil
	}
	slices.SortFunc(old, func(a, b task.Info) int {
		return cmp.Or(a.EndedAt.Compare(b.EndedAt.Time), strings.Compare(a.Name, b.Name))
	})
	return old[:len(old)-keep]
}
