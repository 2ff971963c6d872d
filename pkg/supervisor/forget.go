package supervisor

import (
	"context"

	"tasks/internal/retention"
	"tasks/pkg/task"
)

// forgetOld keeps no more than keep ended tasks: beyond that the oldest done
// ones are forgotten, and failed ones older than a day that are finished, see
// [task.Info.Finished], unless they are awaited, or their logs are still written to.
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
			for _, old := range ended.Oldest(keep, s.isNeeded) {
				s.Submit(Request{kind: toRemove, name: old.Name, ended: old.At})
			}
		}
	})
}

// isNeeded reports whether an ended task must not be forgotten: it is awaited, or what it has
// left behind still writes to its log.
func (s *Supervisor) isNeeded(name string) bool {
	if s.order.Awaited(name) {
		return true
	}
	keeper, ok := s.opts.Logs.(LogKeeper)
	info := s.SharedInfo(name)
	return ok && info != nil && info.Spec.LeaveChildren && keeper.Written(name)
}
