package supervisor_test

import (
	"errors"
	"testing"
	"time"

	"tasks/internal/enginetest"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// What is to wait is recorded before its start is acknowledged, or is refused.
func TestSaveFailsBeforeAWait(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spec  task.Spec
		state task.State
	}{
		{"time", job("late", func(s *task.Spec) { s.Delay = new(task.Duration(time.Hour)) }), task.Waiting},
		{"schedule", job("late", func(s *task.Spec) { s.Cron = "@daily" }), task.Waiting},
		{"order", job("late", after("first")), task.Waiting},
		{"slot", job("late", in("g")), task.Queued},
	} {
		t.Run(tt.name, func(t *testing.T) {
			st := newMemory()
			faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
				setSlots(t, s, "g", 1)
				first := start(t, s, f, job("first", in("g")))
				st.failing(func(*task.Record) error { return errDisk })
				for range 2 {
					_, err := s.Start(t.Context(), tt.spec)
					if !errors.Is(err, errDisk) || err.Error() != "cannot start late: no space left on device" {
						t.Errorf("Start: %v", err)
					}
				}
				got := expect(t, s, "late", task.Stopped, "no space left on device")
				if got.Run != 0 || !got.NextAt.IsZero() || st.record("late").State != "" {
					t.Errorf("%+v, recorded %+v", got, st.record("late"))
				}
				if g, err := s.Group("g"); err != nil || g.Running != 1 || g.Queued != 0 {
					t.Errorf("group: %+v, %v", g, err)
				}
				_, err := s.Restart(t.Context(), "late")
				if tt.name == "time" || tt.name == "schedule" { // now
					if r := f.Next(t); r.Launch.Run != 1 || f.Live() != 1 {
						t.Errorf("%+v", r.Launch)
					}
				}
				if !errors.Is(err, errDisk) {
					t.Errorf("Restart: %v", err)
				}
				st.failing(nil)
				startTask(t, s, task.Spec{Name: "late"})
				if got := info(t, s, "late"); got.State != tt.state || st.record("late").State != tt.state {
					t.Errorf("%+v, recorded %+v", got, st.record("late"))
				}
				quiet(t, f)
				first.Exit(task.Exit{}, false)
				time.Sleep(24 * time.Hour)
				if r := next(t, f); r.Launch.Spec.Name != "late" {
					t.Errorf("%s began", r.Launch.Spec.Name)
				}
			})
		})
	}
}

// A task that joins a queue only after a wait was promised to nobody: it starts unsaved.
func TestSaveFailsInAQueue(t *testing.T) {
	st := newMemory()
	faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		setSlots(t, s, "g", 1)
		a := start(t, s, f, job("a", in("g")))
		startTask(t, s, job("b", in("g"), after("a")))
		st.failing(func(*task.Record) error { return errDisk })
		a.Exit(task.Exit{}, false)
		b := next(t, f)
		expect(t, s, "b", task.Running, "")
		st.failing(nil)
		time.Sleep(3 * time.Second)
		if r := st.record("b"); r.State != task.Running || r.Ref != b.Ref() || r.Slot != 1 {
			t.Errorf("record: %+v", r)
		}
		if r := st.record("a"); r.State != task.Done {
			t.Errorf("record: %+v", r)
		}
	})
}
