package supervisor_test

import (
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"tasks/internal/enginetest"
	"tasks/internal/lifecycle"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

func every(d time.Duration) func(*task.Spec) {
	return func(s *task.Spec) { s.Every = new(task.Duration(d)) }
}

func delayed(d time.Duration) func(*task.Spec) {
	return func(s *task.Spec) { s.Delay = new(task.Duration(d)) }
}

func overlaps(o task.Overlap) func(*task.Spec) { return func(s *task.Spec) { s.Overlap = o } }

// due checks that a task is due that long from now.
func due(t *testing.T, s *supervisor.Supervisor, name string, from time.Duration) {
	t.Helper()
	if got := info(t, s, name).NextAt; got.IsZero() || time.Until(got.Time) != from {
		t.Errorf("%s is due %s from now; want %s", name, time.Until(got.Time), from)
	}
}

// runs waits for the next run of all and compares how long that took.
func runs(t *testing.T, f *enginetest.Fake, after time.Duration) *enginetest.FakeRun {
	t.Helper()
	if after > 0 {
		quiet(t, f)
	}
	begin := time.Now()
	r := f.Next(t)
	if took := time.Since(begin); took != after {
		t.Errorf("%s began after %s; want %s", r.Launch.Spec.Name, took, after)
	}
	return r
}

func TestDelay(t *testing.T) {
	st := newMemory()
	faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		got := startTask(t, s, job("a", delayed(time.Hour)))
		if got.Reason != "" || got.Desired != task.DesiredRunning {
			t.Errorf("%+v", got)
		}
		due(t, s, "a", time.Hour)
		if r := st.record("a"); r.State != task.Waiting || r.NextAt != got.NextAt {
			t.Errorf("record: %+v", r)
		}
		_, err := s.Start(t.Context(), job("a"))
		expectError(t, err, task.ErrConflict, "Task a is waiting for its time: 'tasks restart a' starts it now.")
		r := runs(t, f, time.Hour)
		if got := expect(t, s, "a", task.Running, ""); !got.NextAt.IsZero() {
			t.Errorf("%+v", got)
		}
		r.Exit(task.Exit{}, false)
		expect(t, s, "a", task.Done, "")
		time.Sleep(2 * time.Hour)
		quiet(t, f)

		startTask(t, s, task.Spec{Name: "a"}) // again after a delay
		time.Sleep(time.Minute)
		if got, err := s.Restart(t.Context(), "a"); err != nil || got.State != task.Running || !got.NextAt.IsZero() {
			t.Errorf("Restart: %+v, %v", got, err)
		}
		next(t, f).Exit(task.Exit{}, false)
		time.Sleep(2 * time.Hour)
		quiet(t, f)

		startTask(t, s, task.Spec{Name: "a"})
		if got, err := s.Stop(t.Context(), "a"); err != nil || got.State != task.Stopped || !got.NextAt.IsZero() {
			t.Errorf("Stop: %+v, %v", got, err)
		}
		time.Sleep(2 * time.Hour)
		quiet(t, f)
	})
}

func TestAt(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		at := time.Now().Add(90 * time.Minute)
		startTask(t, s, job("a", func(s *task.Spec) { s.At = at.Format(time.RFC3339) }))
		startTask(t, s, job("b", func(s *task.Spec) { s.At = at.Local().Format("15:04") }))
		due(t, s, "a", 90*time.Minute)
		due(t, s, "b", 90*time.Minute)
		runs(t, f, 90*time.Minute).Exit(task.Exit{}, false)
		next(t, f).Exit(task.Exit{}, false)
		synctest.Wait()
		for range 2 {
			_, err := s.Start(t.Context(), task.Spec{Name: "a"})
			expectError(t, err, task.ErrUsage, "has passed")
		}
		_, err := s.Start(t.Context(), job("new", func(s *task.Spec) { s.At = at.Format(time.RFC3339) }))
		expectError(t, err, task.ErrUsage, "has passed")
		if names(s.List()) != "a:done b:done" {
			t.Errorf("there is %s", names(s.List()))
		}
		startTask(t, s, task.Spec{Name: "b"})
		due(t, s, "b", 24*time.Hour)
		if got, err := s.Restart(t.Context(), "a"); err != nil || got.State != task.Running {
			t.Errorf("Restart: %+v, %v", got, err)
		}
	})
}

func TestEvery(t *testing.T) {
	st := newMemory()
	faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		r := start(t, s, f, job("a", every(time.Hour)))
		due(t, s, "a", time.Hour)
		time.Sleep(20 * time.Minute)
		r.Exit(task.Exit{Code: 1}, false)
		got := expect(t, s, "a", task.Waiting, "exit code 1")
		if *got.ExitCode != 1 || got.EndedAt != task.Now() || got.StartedAt.IsZero() || got.Desired != task.DesiredRunning || got.Run != 1 {
			t.Errorf("%+v", got)
		}
		due(t, s, "a", 40*time.Minute)
		if rec := st.record("a"); rec.State != task.Waiting || rec.NextAt != got.NextAt {
			t.Errorf("record: %+v", rec)
		}
		r = runs(t, f, 40*time.Minute)
		if got := expect(t, s, "a", task.Running, ""); got.Restarts != 0 || got.Run != 2 {
			t.Errorf("%+v", got)
		}
		r.Exit(task.Exit{}, false)
		expect(t, s, "a", task.Waiting, "")

		time.Sleep(10 * time.Minute) // by hand; the schedule continues
		if got, err := s.Restart(t.Context(), "a"); err != nil || got.State != task.Running || got.Run != 3 {
			t.Errorf("Restart: %+v, %v", got, err)
		}
		due(t, s, "a", 50*time.Minute)
		next(t, f)
		if got, err := s.Restart(t.Context(), "a"); err != nil || got.Run != 4 {
			t.Errorf("Restart: %+v, %v", got, err)
		}
		next(t, f).Exit(task.Exit{}, false)
		runs(t, f, 50*time.Minute)
		if got, err := s.Stop(t.Context(), "a"); err != nil || got.State != task.Stopped || !got.NextAt.IsZero() {
			t.Errorf("Stop: %+v, %v", got, err)
		}
		time.Sleep(3 * time.Hour)
		quiet(t, f)

		// An ended task that is restarted runs now, and its schedule continues from there.
		if got, err := s.Restart(t.Context(), "a"); err != nil || got.State != task.Running {
			t.Errorf("Restart: %+v, %v", got, err)
		}
		next(t, f).Exit(task.Exit{}, false)
		runs(t, f, time.Hour).Exit(task.Exit{}, false)
		if got := expect(t, s, "a", task.Waiting, ""); got.EndedAt.IsZero() {
			t.Errorf("%+v", got)
		}
		if got, err := s.Stop(t.Context(), "a"); err != nil || got.State != task.Stopped || got.Reason != "stopped" {
			t.Errorf("Stop: %+v, %v", got, err)
		}
	})
}

func TestFirstTimeAndEvery(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		startTask(t, s, job("a", delayed(time.Minute), every(time.Hour)))
		runs(t, f, time.Minute).Exit(task.Exit{}, false)
		runs(t, f, time.Hour).Exit(task.Exit{}, false)
		s.Stop(t.Context(), "a")
		at := time.Now().Add(2 * time.Hour)
		startTask(t, s, job("b", func(s *task.Spec) { s.At = at.Format(time.RFC3339) }, every(time.Minute)))
		time.Sleep(30 * time.Minute)
		s.Restart(t.Context(), "b") // not its time yet
		next(t, f).Exit(task.Exit{}, false)
		due(t, s, "b", 90*time.Minute)
		runs(t, f, 90*time.Minute).Exit(task.Exit{}, false)
		runs(t, f, time.Minute).Exit(task.Exit{}, false)
	})
}

func TestCron(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		time.Sleep(time.Until(time.Now().Truncate(time.Hour).Add(100 * time.Minute))) // 40 past
		startTask(t, s, job("a", func(s *task.Spec) { s.Cron = "CRON_TZ=UTC 0,30 * * * *" }))
		for _, d := range []time.Duration{20, 30, 30} {
			due(t, s, "a", d*time.Minute)
			runs(t, f, d*time.Minute).Exit(task.Exit{}, false)
		}
		time.Sleep(10 * time.Minute)
		s.Restart(t.Context(), "a")
		next(t, f).Exit(task.Exit{}, false)
		due(t, s, "a", 20*time.Minute)
		s.Stop(t.Context(), "a")
		s.Restart(t.Context(), "a")
		next(t, f).Exit(task.Exit{}, false)
		due(t, s, "a", 20*time.Minute)
		_, err := s.Start(t.Context(), job("b", func(s *task.Spec) { s.Cron = "0 0 30 2 *" }))
		expectError(t, err, task.ErrUsage, "never a day")
		_, err = s.Start(t.Context(), job("b", func(s *task.Spec) { s.Cron = "x" }))
		expectError(t, err, task.ErrUsage, "x")
		if _, err := s.Info("b"); err == nil {
			t.Error("a refused task stays")
		}
	})
}

func TestOverlap(t *testing.T) {
	t.Run("skip", func(t *testing.T) {
		st := newMemory()
		faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
			r := start(t, s, f, job("a", every(time.Hour)))
			time.Sleep(90 * time.Minute)
			expect(t, s, "a", task.Running, "")
			due(t, s, "a", 30*time.Minute) // and not the time that was skipped
			if got := st.record("a").NextAt; time.Until(got.Time) != 30*time.Minute {
				t.Errorf("recorded as due at %s", got)
			}
			r.Exit(task.Exit{}, false)
			runs(t, f, 30*time.Minute)
		})
	})
	t.Run("queue", func(t *testing.T) {
		faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
			r := start(t, s, f, job("a", every(time.Hour), overlaps(task.OverlapQueue), restarts(task.RestartOnFailure)))
			time.Sleep(210 * time.Minute) // three came: one follows
			due(t, s, "a", 30*time.Minute)
			r.Exit(task.Exit{Code: 1}, false)
			if got := info(t, s, "a"); got.State != task.Running || got.Restarts != 0 || got.Run != 2 || got.Runs[0].State != task.Failed {
				t.Errorf("%+v", got)
			}
			next(t, f).Exit(task.Exit{}, false)
			expect(t, s, "a", task.Waiting, "")
			runs(t, f, 30*time.Minute)
			time.Sleep(90 * time.Minute)
			s.Stop(t.Context(), "a") // what was to follow does not
			quiet(t, f)
			time.Sleep(5 * time.Hour)
			quiet(t, f)
		})
	})
	t.Run("queue, while it starts", func(t *testing.T) {
		faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
			f.Hold(true)
			spec := job("a", every(time.Hour), overlaps(task.OverlapQueue))
			call := s.Submit(supervisor.Start(spec))
			r := f.Next(t)
			time.Sleep(90 * time.Minute)
			f.Hold(false)
			r.Begin()
			if _, err := call.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			quiet(t, f)
			r.Exit(task.Exit{}, false)
			next(t, f).Exit(task.Exit{}, false)
			runs(t, f, 30*time.Minute)
		})
	})
	t.Run("replace", func(t *testing.T) {
		faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
			setSlots(t, s, "g", 1)
			r := start(t, s, f, job("a", every(time.Hour), overlaps(task.OverlapReplace), in("g")))
			startTask(t, s, job("b", in("g")))
			r.AutoStop(false)
			time.Sleep(time.Hour)
			expect(t, s, "a", task.Stopping, "its next time has come")
			time.Sleep(5 * time.Second)
			r.Exit(task.Exit{}, false)
			got := expect(t, s, "a", task.Running, "")
			if last := got.Runs[0]; last.State != task.Stopped || last.Reason != "its next time had come" || got.Slot != 1 {
				t.Errorf("%+v", got)
			}
			next(t, f).Exit(task.Exit{}, false)
			expect(t, s, "a", task.Waiting, "")
			if r := next(t, f); r.Launch.Spec.Name != "b" {
				t.Errorf("%s began", r.Launch.Spec.Name)
			}
			time.Sleep(3 * time.Hour) // in the queue, one time waits
			expect(t, s, "a", task.Queued, "waits for a slot of g")
			s.Stop(t.Context(), "b")
			next(t, f).Exit(task.Exit{}, false)
			expect(t, s, "a", task.Waiting, "")
			quiet(t, f)
		})
	})
}

// What ends a turn badly is tried again within it; the next turn is a new one.
func TestRetriesWithinATurn(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		r := start(t, s, f, job("a", every(time.Hour), restarts(task.RestartOnFailure), func(s *task.Spec) { s.MaxRestarts = new(2) }))
		for range 2 {
			r.Exit(task.Exit{Code: 1}, false)
			expect(t, s, "a", task.BackingOff, "exit code 1")
			r = f.Next(t)
		}
		r.Exit(task.Exit{Code: 1}, false)
		if got := expect(t, s, "a", task.Waiting, "exit code 1"); got.Restarts != 2 || time.Until(got.NextAt.Time) > time.Hour {
			t.Errorf("%+v", got)
		}
		r = f.Next(t)
		if got := expect(t, s, "a", task.Running, ""); got.Restarts != 0 || got.Run != 4 {
			t.Errorf("%+v", got)
		}
		r.Exit(task.Exit{Code: 1}, false)
		r = f.Next(t)
		r.Exit(task.Exit{}, false)
		expect(t, s, "a", task.Waiting, "")
	})
	t.Run("a time during a pause", func(t *testing.T) {
		faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
			long := func(s *task.Spec) { s.Backoff = task.Backoff{Min: 30 * time.Minute, Max: 30 * time.Minute} }
			r := start(t, s, f, job("a", every(time.Hour), restarts(task.RestartOnFailure), long))
			time.Sleep(50 * time.Minute)
			r.Exit(task.Exit{Code: 1}, false)
			runs(t, f, 10*time.Minute)
			if got := expect(t, s, "a", task.Running, ""); got.Restarts != 0 {
				t.Errorf("%+v", got)
			}
		})
	})
	t.Run("it cannot begin", func(t *testing.T) {
		faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
			start(t, s, f, job("a", every(time.Hour))).Exit(task.Exit{}, false)
			f.FailNext(errDisk)
			time.Sleep(time.Hour)
			expect(t, s, "a", task.Queued, "cannot begin yet: no space left on device")
			runs(t, f, lifecycle.ResourcesWait)
		})
	})
}

// The turns of a schedule that comes after others wait for those, each time.
func TestScheduleAfterOthers(t *testing.T) {
	st := newMemory()
	faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		a := start(t, s, f, job("a"))
		startTask(t, s, job("b", after("a"), every(time.Hour), overlaps(task.OverlapQueue)))
		expect(t, s, "b", task.Waiting, "waits for a")
		time.Sleep(10 * time.Minute)
		a.Exit(task.Exit{}, false)
		b := next(t, f)
		s.Start(t.Context(), job("a"))
		a = next(t, f)
		time.Sleep(time.Hour) // b's next turn is to follow
		a.Exit(task.Exit{Code: 4}, false)
		synctest.Wait()
		b.Exit(task.Exit{Code: 7}, false)
		got := expect(t, s, "b", task.Waiting, "not started: a failed with exit code 4")
		if last := got.Runs[0]; last.State != task.Failed || last.Reason != "exit code 7" || *last.ExitCode != 7 {
			t.Errorf("the run: %+v", last)
		}
		due(t, s, "b", 50*time.Minute)
		s.Restart(t.Context(), "a")
		next(t, f).Exit(task.Exit{}, false)
		runs(t, f, 50*time.Minute)
	})
}

// A run by hand that cannot begin does not end a schedule.
func TestScheduleWhoseRunByHandCannotBegin(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		r := start(t, s, f, job("a", every(time.Hour)))
		r.Exit(task.Exit{}, false)
		synctest.Wait()
		f.FailNext(syscall.ENOENT)
		got, err := s.Restart(t.Context(), "a")
		expectError(t, err, err, "cannot start a: no such file or directory")
		if got.State != task.Waiting || *got.ExitCode != 127 {
			t.Errorf("%+v", got)
		}
		due(t, s, "a", time.Hour)
		runs(t, f, time.Hour)
		f.FailNext(syscall.ENOENT) // nor while it runs
		_, err = s.Restart(t.Context(), "a")
		expectError(t, err, err, "cannot start a: no such file or directory")
		expect(t, s, "a", task.Waiting, "no such file or directory")
		// A start of what never was one is none.
		f.FailNext(syscall.ENOENT)
		_, err = s.Start(t.Context(), job("b", every(time.Hour)))
		expectError(t, err, err, "cannot start b: no such file or directory")
		expect(t, s, "b", task.Failed, "no such file or directory")
	})
}
