package supervisor_test

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"testing/synctest"

	"tasks/internal/enginetest"
	"tasks/pkg/engine"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// unreached is an engine whose runs cannot be signalled.
type unreached struct{ engine.Engine }

type unreachedRun struct{ frozenRun }

func (e unreached) Start(ctx context.Context, l engine.Launch) (engine.Process, error) {
	p, err := e.Engine.Start(ctx, l)
	return unreachedRun{frozenRun{p}}, err
}

func (unreachedRun) StopErr() error { return errors.New("cannot send KILL: no") }

// What was not sent KILL is not said to be there after it.
func TestWhatWasNotReachedIsNotCalledUnkillable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := enginetest.NewFake()
		s := supervisor.New(supervisor.Options{Commands: unreached{f}})
		r := start(t, s, f, web())
		r.AutoStop(false)
		_, err := s.Stop(t.Context(), "web")
		expectError(t, err, task.ErrTimeout, "Task web did not end: cannot send KILL: no; trying again")
		expect(t, s, "web", task.Stopping, "was asked to stop; cannot send KILL: no")
		r.Exit(task.Exit{Signal: syscall.SIGKILL}, false)
		expect(t, s, "web", task.Stopped, "stopped; killed")
		s.Close(t.Context())
	})
}
