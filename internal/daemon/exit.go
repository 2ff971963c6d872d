package daemon

import (
	"context"

	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// stopAll stops every task for an exit. Where the supervisor has left them meanwhile, as
// another exit or a replacement asked for, there are some that the stop never reached:
// that is an error, and ends is false, since the other ends the supervisor.
func stopAll(ctx context.Context, sup *supervisor.Supervisor, end supervisor.End) (tasks []task.Info, ends bool, err error) {
	tasks, err = sup.StopAll(ctx, end)
	ends = !sup.Left()
	if err != nil {
		return tasks, ends, err
	}
	var left []string
	for _, t := range sup.Shared() {
		if !t.State.Ended() || t.State == task.Stopped && t.Desired == task.DesiredRunning { // it runs, or begins again
			left = append(left, t.Name)
		}
	}
	switch len(left) {
	case 0:
		return tasks, ends, nil
	case 1:
		return tasks, ends, task.Errorf(task.ErrUnavailable, left[0], "the supervisor was ended or replaced meanwhile: %s is left to the next one", left[0])
	}
	return tasks, ends, task.Errorf(task.ErrUnavailable, left[0], "the supervisor was ended or replaced meanwhile: %s and %d more are left to the next one", left[0], len(left)-1)
}
