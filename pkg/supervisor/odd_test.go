package supervisor_test

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"testing/synctest"

	"tasks/internal/enginetest"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// What is zero, negative or nil serves, or is refused: it does nothing silently, and ends
// no goroutine of the supervisor.
func TestOddArguments(t *testing.T) {
	faked(t, supervisor.Options{KeepEnded: -1}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		ctx := t.Context()
		w := s.Watch(-1, nil)
		defer w.Close()
		start(t, s, f, job("runs"))
		if e, ok := w.First(ctx); !ok || e.Task.Name != "runs" {
			t.Errorf("a watch without room: %+v, %v", e, ok)
		}
		done := func(context.Context) error { return nil }
		if err := s.Go("ended", done); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for what, err := range map[string]error{
			"no function":                 s.Go("new", nil),
			"no function, of an old name": s.Go("ended", nil),
			"no name":                     s.Go("", done),
			"no request":                  second(s.Submit(supervisor.Request{}).Wait(ctx)),
			"signal 0":                    second(s.Submit(supervisor.Signal("runs", 0)).Wait(ctx)),
			"a negative signal":           second(s.Submit(supervisor.Signal("runs", syscall.Signal(-1))).Wait(ctx)),
			"no change of a group":        second(s.ChangeGroup("g", nil)),
			"no name of a group":          second(s.ChangeGroup("", func(*task.Group) {})),
			"negative slots":              second(s.ChangeGroup("g", func(g *task.Group) { g.Slots = new(-1) })),
			"no change":                   second(s.Apply(task.Change{}, false).Wait(ctx)),
			"no change to plan":           second(s.Plan(task.Change{})),
		} {
			if !errors.Is(err, task.ErrUsage) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if info, _ := s.Info("ended"); info.Run != 1 {
			t.Errorf("it has run again: %+v", info)
		}
		if _, err := s.Output("ended", -1, -1); !errors.Is(err, task.ErrNotFound) {
			t.Errorf("output of run -1: %v", err)
		}
		s.Abandon(nil)
		if g, err := s.ChangeGroup("g", func(g *task.Group) { g.Name, g.Running = "other", -1 }); g.Name != "g" || g.Running != 0 || err != nil {
			t.Errorf("what is not set of a group: %+v, %v", g, err)
		}
	})
}
