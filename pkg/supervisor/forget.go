package supervisor

import (
	"context"

	"tasks/internal/retention"
	"tasks/pkg/task"
)

// forgetOld keeps no more than keep ended tasks: beyond that the oldest done
// ones are forgotten, and failed ones older than a day that are finished, see
// [task.Info.Finished], unless they are awaited.
func (s *Supervisor) forgetOld(keep int) {
	w := s.Watch(min(keep, task.MaxCount)+1024, func(i *task.Info) bool {
		return i.State == task.Done || i.State == task.Failed || i.State == task.Starting
	})
	s.actors.Go(func() {
		ended := retention.New()
		for {
			changes, ok := w.next(context.Background())
			if !ok {
				return
			}
			for _, c := range changes {
				if c.missed > 0 {
					ended.Again(s.Shared())
				}
				ended.Note(c.task, c.removed)
			}
			for _, old := range ended.Oldest(keep, s.order.Awaited) {
				s.Submit(Request{kind: toRemove, name: old.Name, ended: old.At})
			}
		}
	})
}
