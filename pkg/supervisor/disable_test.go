package supervisor_test

import (
	"testing"
	"testing/synctest"
	"time"

	"tasks/internal/enginetest"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

func TestDisable(t *testing.T) {
	st := newMemory()
	faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		start(t, s, f, job("a", every(time.Hour))).Exit(task.Exit{}, false)
		synctest.Wait()
		time.Sleep(10 * time.Minute)
		got, err := s.Disable(t.Context(), "a")
		if err != nil || got.State != task.Stopped || got.Reason != "schedule disabled" || !got.Disabled || !got.NextAt.IsZero() || got.Desired != task.DesiredStopped {
			t.Errorf("Disable: %+v, %v", got, err)
		}
		if again, err := s.Disable(t.Context(), "a"); err != nil || again.State != task.Stopped {
			t.Errorf("Disable again: %+v, %v", again, err)
		}
		if r := st.record("a"); !r.Disabled || r.State != task.Stopped || r.Desired != task.DesiredStopped {
			t.Errorf("record: %+v", r)
		}
		time.Sleep(5 * time.Hour)
		quiet(t, f)
		if got, err = s.Enable(t.Context(), "a"); err != nil || got.State != task.Waiting || got.Disabled || got.Reason != "" || got.Restarts != 0 {
			t.Errorf("Enable: %+v, %v", got, err)
		}
		due(t, s, "a", 50*time.Minute) // its rhythm is as it was
		if got, err = s.Enable(t.Context(), "a"); err != nil || got.State != task.Waiting {
			t.Errorf("Enable again: %+v, %v", got, err)
		}
		due(t, s, "a", 50*time.Minute)
		runs(t, f, 50*time.Minute).Exit(task.Exit{}, false)
	})
}

func TestDisableLetsTheRunFinish(t *testing.T) {
	faked(t, supervisor.Options{Store: newMemory()}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		r := start(t, s, f, job("a", every(time.Minute), overlaps(task.OverlapReplace)))
		if got, err := s.Disable(t.Context(), "a"); err != nil || got.State != task.Running || got.Reason != "schedule disabled" || !got.NextAt.IsZero() {
			t.Errorf("Disable: %+v, %v", got, err)
		}
		time.Sleep(3 * time.Minute)
		quiet(t, f)
		r.Exit(task.Exit{Code: 3}, false)
		got := expect(t, s, "a", task.Stopped, "schedule disabled")
		if got.ExitCode == nil || *got.ExitCode != 3 || len(got.Runs) != 1 || got.Runs[0].State != task.Failed || got.Runs[0].Reason != "exit code 3" {
			t.Errorf("%+v", got)
		}
		if got, err := s.Restart(t.Context(), "a"); err != nil || got.State != task.Running || !got.Disabled { // once
			t.Errorf("Restart: %+v, %v", got, err)
		}
		next(t, f).Exit(task.Exit{}, false)
		expect(t, s, "a", task.Stopped, "schedule disabled")
		time.Sleep(30 * time.Second)
		if got, err := s.Enable(t.Context(), "a"); err != nil || got.State != task.Waiting {
			t.Errorf("Enable: %+v, %v", got, err)
		}
		due(t, s, "a", 30*time.Second)
	})
}

func TestEnableWhileItRuns(t *testing.T) {
	faked(t, supervisor.Options{Store: newMemory()}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		r := start(t, s, f, job("a", every(time.Minute)))
		s.Disable(t.Context(), "a")
		if got, err := s.Enable(t.Context(), "a"); err != nil || got.State != task.Running || got.Disabled || got.NextAt.IsZero() || got.Reason != "" {
			t.Errorf("Enable: %+v, %v", got, err)
		}
		r.Exit(task.Exit{}, false)
		runs(t, f, time.Minute).Exit(task.Exit{}, false)
	})
}

func TestDisableWithoutSchedule(t *testing.T) {
	faked(t, supervisor.Options{Store: newMemory()}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		start(t, s, f, job("a"))
		_, err := s.Disable(t.Context(), "a")
		expectError(t, err, task.ErrConflict, "Task a has no schedule to disable: --cron or --every give it one.")
		_, err = s.Enable(t.Context(), "a")
		expectError(t, err, task.ErrConflict, "Task a has no schedule to enable: --cron or --every give it one.")
		_, err = s.Disable(t.Context(), "b")
		expectError(t, err, task.ErrNotFound, "No such task: b")
	})
}

// A schedule that was stopped is enabled as well: its first time is as after a start, and
// it does not start at once.
func TestEnableStopped(t *testing.T) {
	faked(t, supervisor.Options{Store: newMemory()}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		startTask(t, s, job("a", every(time.Hour), delayed(10*time.Minute)))
		s.Stop(t.Context(), "a")
		if got, err := s.Enable(t.Context(), "a"); err != nil || got.State != task.Waiting {
			t.Errorf("Enable: %+v, %v", got, err)
		}
		due(t, s, "a", 10*time.Minute)
		s.Disable(t.Context(), "a")
		if got, err := s.Start(t.Context(), task.Spec{Name: "a"}); err != nil || got.State != task.Waiting || got.Disabled {
			t.Errorf("Start: %+v, %v", got, err)
		}
		start(t, s, f, job("b", every(time.Hour))).Exit(task.Exit{}, false)
		synctest.Wait()
		time.Sleep(time.Minute)
		s.Stop(t.Context(), "b")
		s.Enable(t.Context(), "b")
		quiet(t, f)
		due(t, s, "b", time.Hour)
	})
}

// A disabled schedule is disabled for the next supervisor too, however this one ends, and
// keeps its rhythm.
func TestLoadOfADisabledOne(t *testing.T) {
	for _, while := range []string{"it waits", "it runs"} {
		t.Run(while, func(t *testing.T) {
			reborn(t, func(t *testing.T, l *lives) {
				r := start(t, l.Supervisor, l.fake, job("a", every(time.Hour)))
				if while == "it waits" {
					r.Exit(task.Exit{}, false)
					synctest.Wait()
				}
				l.Disable(t.Context(), "a")
				l.again(l.leave, 10*time.Minute)
				if while == "it runs" {
					expect(t, l.Supervisor, "a", task.Running, "schedule disabled")
				}
				l.again(l.close, 10*time.Minute) // which stops it
				got := expect(t, l.Supervisor, "a", task.Stopped, "schedule disabled")
				if !got.Disabled || !got.NextAt.IsZero() || got.Run != 1 {
					t.Errorf("%+v", got)
				}
				time.Sleep(2 * time.Hour)
				quiet(t, l.fake)
				if got, err := l.Enable(t.Context(), "a"); err != nil || got.State != task.Waiting {
					t.Errorf("Enable: %+v, %v", got, err)
				}
				due(t, l.Supervisor, "a", 40*time.Minute)
			})
		})
	}
}

// The last run that has ended is known while the next one runs, and of what is disabled.
func TestLastExit(t *testing.T) {
	faked(t, supervisor.Options{Store: newMemory()}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		r := start(t, s, f, job("a", every(time.Minute)))
		if got := info(t, s, "a"); got.LastExit != nil || got.Duration != nil || got.Zone != "" {
			t.Errorf("before the first end: %+v", got)
		}
		time.Sleep(2 * time.Second)
		r.Exit(task.Exit{Code: 3}, false)
		synctest.Wait()
		if got := info(t, s, "a"); got.LastExit == nil || got.LastExit.State != task.Failed || got.LastExit.Run != 1 || *got.Duration != task.Duration(2*time.Second) {
			t.Errorf("between two runs: %+v", got)
		}
		r = runs(t, f, 58*time.Second)
		synctest.Wait()
		if got := info(t, s, "a"); got.LastExit == nil || got.LastExit.Run != 1 || got.ExitCode != nil || got.Duration != nil {
			t.Errorf("while the next one runs: %+v", got)
		}
		s.Disable(t.Context(), "a")
		r.Exit(task.Exit{}, false)
		if got := expect(t, s, "a", task.Stopped, "schedule disabled"); got.LastExit == nil || got.LastExit.State != task.Done {
			t.Errorf("disabled: %+v", got)
		}
		start(t, s, f, job("b")).Exit(task.Exit{}, false)
		if got := expect(t, s, "b", task.Done, ""); got.LastExit != nil {
			t.Errorf("a job has its end itself: %+v", got)
		}
	})
}

// A schedule in a paused group holds one run. After the group is resumed it catches up,
// and the schedule has its rhythm as before.
func TestScheduleInAPausedGroup(t *testing.T) {
	faked(t, supervisor.Options{Store: newMemory()}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		start(t, s, f, job("a", every(time.Hour), func(s *task.Spec) { s.Group = "g" })).Exit(task.Exit{}, false)
		expect(t, s, "a", task.Waiting, "")
		if _, err := s.PauseGroup(t.Context(), "g"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3*time.Hour + 30*time.Minute)
		quiet(t, f)
		expect(t, s, "a", task.Queued, "group g is paused: resume it with 'tasks group resume g'")
		if _, err := s.ResumeGroup(t.Context(), "g"); err != nil {
			t.Fatal(err)
		}
		next(t, f).Exit(task.Exit{}, false)
		expect(t, s, "a", task.Waiting, "")
		quiet(t, f)
		due(t, s, "a", 30*time.Minute)
	})
}

// A schedule that an earlier version has started, which does not know that it is disabled,
// runs on.
func TestDisabledAndStartedByAnEarlierVersion(t *testing.T) {
	reborn(t, func(t *testing.T, l *lives) {
		start(t, l.Supervisor, l.fake, job("a", func(s *task.Spec) { s.Every = new(task.Duration(time.Hour)) })).Exit(task.Exit{}, false)
		expect(t, l.Supervisor, "a", task.Waiting, "")
		if _, err := l.Disable(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		l.again(l.leave, 0)
		expect(t, l.Supervisor, "a", task.Stopped, "schedule disabled")
		l.again(func() error {
			err := l.leave()
			r := l.st.record("a")
			r.State, r.Desired, r.NextAt = task.Waiting, task.DesiredRunning, task.Time{Time: time.Now().Add(time.Hour)}
			l.st.Save(r)
			return err
		}, 0)
		if info := expect(t, l.Supervisor, "a", task.Waiting, ""); info.Disabled {
			t.Error("it is disabled")
		}
	})
}
