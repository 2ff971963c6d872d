package supervisor_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tasks/internal/enginetest"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

func ready(s *task.Spec) { s.ReadyPort = "80" }

func TestAfter(t *testing.T) {
	st := newMemory()
	faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		a, b := start(t, s, f, job("a")), start(t, s, f, job("b"))
		got := startTask(t, s, job("c", after("a", "b")))
		if got.Reason != "waits for a, b" || strings.Join(got.WaitsFor, " ") != "a b" || strings.Join(got.After, " ") != "a b" || !got.StartedAt.IsZero() || !got.EndedAt.IsZero() {
			t.Errorf("Start: %+v", got)
		}
		if r := st.record("c"); r.State != task.Waiting || r.Desired != task.DesiredRunning {
			t.Errorf("record: %+v", r)
		}
		_, err := s.Start(t.Context(), job("c"))
		expectError(t, err, task.ErrConflict, "Task c is waiting: it waits for a, b.")
		b.Exit(task.Exit{}, false)
		expect(t, s, "c", task.Waiting, "waits for a")
		quiet(t, f)
		a.Exit(task.Exit{}, false)
		if r := next(t, f); r.Launch.Spec.Name != "c" {
			t.Errorf("%s began", r.Launch.Spec.Name)
		}
		expect(t, s, "c", task.Running, "")
		if _, err := s.Start(t.Context(), job("d", after("a", "b"))); err != nil { // they have ended well
			t.Error(err)
		}
		expect(t, s, "d", task.Running, "")
	})
}

func TestAfterWhatEndsOtherwise(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(*supervisor.Supervisor, *enginetest.FakeRun)
		why  string
	}{
		{"failed", func(_ *supervisor.Supervisor, r *enginetest.FakeRun) { r.Exit(task.Exit{Code: 3}, false) }, "not started: a failed with exit code 3"},
		{"failed otherwise", func(_ *supervisor.Supervisor, r *enginetest.FakeRun) {
			r.Exit(task.Exit{Code: 1, Err: "not started: no disk"}, false)
		}, "not started: a failed: not started: no disk"},
		{"lost", func(_ *supervisor.Supervisor, r *enginetest.FakeRun) { r.Exit(task.Exit{Lost: true}, false) }, "not started: a was lost: ended while no supervisor watched"},
		{"stopped", func(s *supervisor.Supervisor, _ *enginetest.FakeRun) {
			s.Submit(supervisor.Stop("a", supervisor.End{}))
		}, "not started: a was stopped"},
		{"removed", func(s *supervisor.Supervisor, _ *enginetest.FakeRun) {
			s.Submit(supervisor.ForceRemove("a", supervisor.End{}))
		}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			st := newMemory()
			faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
				a := start(t, s, f, job("a"))
				startTask(t, s, job("well", after("a"), restarts(task.RestartOnFailure)))
				startTask(t, s, job("however", afterEnded("a")))
				startTask(t, s, job("next", after("well")))
				time.Sleep(time.Second)
				tt.end(s, a)
				infos, err := s.Wait(t.Context(), "well")
				if err != nil || infos[0].State != task.Failed {
					t.Errorf("Wait: %s, %v", names(infos), err)
				}
				why := tt.why
				if why == "" { // whichever was seen first
					if why = "not started: a was removed"; infos[0].Reason == "not started: a was stopped" {
						why = infos[0].Reason
					}
				}
				got := expect(t, s, "well", task.Failed, why)
				if got.Run != 0 || got.ExitCode != nil || got.EndedAt != task.Now() || got.Desired != task.DesiredRunning {
					t.Errorf("%+v", got)
				}
				if r := st.record("well"); r.State != task.Failed || r.Reason != why || r.EndedWithoutRun != task.Now() {
					t.Errorf("record: %+v", r)
				}
				expect(t, s, "next", task.Failed, why)
				if r := next(t, f); r.Launch.Spec.Name != "however" {
					t.Errorf("%s began", r.Launch.Spec.Name)
				}
				quiet(t, f)
				if tt.name == "removed" {
					return
				}
				// At once, it is its caller's.
				_, err = s.Start(t.Context(), job("late", after("a")))
				expectError(t, err, err, "cannot start late: "+strings.TrimPrefix(tt.why, "not started: "))
				expect(t, s, "late", task.Failed, tt.why)
				_, err = s.Restart(t.Context(), "late")
				expectError(t, err, err, "cannot start late: "+strings.TrimPrefix(tt.why, "not started: "))
				time.Sleep(time.Second)
				_, err = s.Start(t.Context(), job("late", after("well")))
				expectError(t, err, err, "cannot start late: "+strings.TrimPrefix(why, "not started: "))
				if got := expect(t, s, "late", task.Failed, why); got.EndedAt != task.Now() {
					t.Errorf("it ended at %s", got.EndedAt)
				}
			})
		})
	}
}

func TestAfterAService(t *testing.T) {
	checking(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake, c *enginetest.FakeChecker) {
		start(t, s, f, job("checked", ready))
		start(t, s, f, job("always", restarts(task.RestartAlways)))
		startTask(t, s, job("a", after("checked", "always")))
		expect(t, s, "a", task.Waiting, "waits for checked")
		c.Next(t).BeReady(nil)
		if r := next(t, f); r.Launch.Spec.Name != "a" {
			t.Errorf("%s began", r.Launch.Spec.Name)
		}
		// Of the next run it is not known yet.
		s.Restart(t.Context(), "checked")
		next(t, f)
		startTask(t, s, job("b", after("checked")))
		startTask(t, s, job("end", afterEnded("checked")))
		c.Next(t).BeReady(nil)
		if r := next(t, f); r.Launch.Spec.Name != "b" {
			t.Errorf("%s began", r.Launch.Spec.Name)
		}
		s.Stop(t.Context(), "checked")
		if r := next(t, f); r.Launch.Spec.Name != "end" {
			t.Errorf("%s began", r.Launch.Spec.Name)
		}
		_, err := s.Start(t.Context(), job("c", after("checked")))
		expectError(t, err, err, "cannot start c: checked was stopped")

		start(t, s, f, job("slow", ready))
		startTask(t, s, job("d", after("slow")))
		c.Next(t).Say(errDisk)
		time.Sleep(31 * time.Second)
		expect(t, s, "d", task.Failed, "not started: slow failed: not ready after 30s: no space left on device")
	})
}

// A job counts at its end, after all its retries.
func TestAfterAJobWithRetries(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		again := func(s *task.Spec) { s.Restart, s.MaxRestarts = task.RestartOnFailure, new(1) }
		for _, name := range []string{"well", "badly"} {
			r := start(t, s, f, job(name, again))
			startTask(t, s, job("after-"+name, after(name)))
			startTask(t, s, job("ended-"+name, afterEnded(name)))
			r.Exit(task.Exit{Code: 1}, false)
			synctest.Wait()
			expect(t, s, "after-"+name, task.Waiting, "waits for "+name)
			r = f.Next(t)
			if r.Launch.Spec.Name != name {
				t.Fatalf("%s began", r.Launch.Spec.Name)
			}
			if name == "well" {
				r.Exit(task.Exit{}, false)
				next(t, f)
			} else {
				r.Exit(task.Exit{Code: 1}, false)
			}
			next(t, f)
		}
		expect(t, s, "after-well", task.Running, "")
		expect(t, s, "after-badly", task.Failed, "not started: badly failed with exit code 1; gave up after 1 restart")
		expect(t, s, "ended-badly", task.Running, "")
	})
}

func TestUnknownDependency(t *testing.T) {
	st := newMemory()
	faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		r := start(t, s, f, job("build"))
		_, err := s.Start(t.Context(), job("test", after("biuld")))
		expectError(t, err, task.ErrNotFound, "cannot start test after biuld: No such task: biuld (did you mean build?)")
		if len(s.List()) != 1 || len(st.all()) != 1 {
			t.Errorf("there is %s", names(s.List()))
		}
		_, err = s.Start(t.Context(), job("test", after("test")))
		expectError(t, err, task.ErrUsage, "test cannot come after itself")
		r.Exit(task.Exit{}, false)
		start(t, s, f, job("test", after("build"))).Exit(task.Exit{}, false)
		synctest.Wait()
		if _, err := s.Remove(t.Context(), "build"); err != nil {
			t.Error(err)
		}
		for range 2 {
			_, err = s.Restart(t.Context(), "test")
			expectError(t, err, task.ErrNotFound, "cannot start test after build")
		}
		expect(t, s, "test", task.Done, "")

		// What is to replace another is looked at before that is stopped.
		start(t, s, f, job("web"))
		_, err = s.Submit(supervisor.Replace(job("web", after("build")), supervisor.End{})).Wait(t.Context())
		expectError(t, err, task.ErrNotFound, "cannot start web after build")
		_, err = s.Submit(supervisor.Replace(job("web", func(s *task.Spec) { s.Cron = "@never" }), supervisor.End{})).Wait(t.Context())
		expectError(t, err, task.ErrUsage, "@never")
		expect(t, s, "web", task.Running, "")
	})
}

func TestCycle(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		a := start(t, s, f, job("a"))
		startTask(t, s, job("b", after("a")))
		startTask(t, s, job("c", afterEnded("b")))
		a.Exit(task.Exit{Code: 1}, false)
		expect(t, s, "b", task.Failed, "not started: a failed with exit code 1")
		next(t, f)
		_, err := s.Start(t.Context(), job("a", after("c")))
		expectError(t, err, task.ErrUsage, "dependency cycle: a -> c -> b -> a")
		if got := expect(t, s, "a", task.Failed, "exit code 1"); got.Run != 1 || len(got.After) != 0 {
			t.Errorf("%+v", got)
		}
		s.Stop(t.Context(), "c")
		s.Remove(t.Context(), "c")
		start(t, s, f, job("c")).Exit(task.Exit{}, false)
		start(t, s, f, job("a", after("c"))) // c comes after nothing any more
	})
}

// Of two starts at the same time that would close a dependency cycle one is refused.
func TestCyclesAtOnce(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		const n = 4
		for i := range n {
			start(t, s, f, job(fmt.Sprint("t", i))).Exit(task.Exit{}, false)
		}
		synctest.Wait()
		for range 50 {
			var all sync.WaitGroup
			errs := make([]error, n)
			for i := range n {
				all.Go(func() {
					_, errs[i] = s.Start(t.Context(), job(fmt.Sprint("t", i), after(fmt.Sprint("t", (i+1)%n))))
				})
			}
			all.Wait()
			refused := 0
			for _, err := range errs {
				if errors.Is(err, task.ErrUsage) && strings.Contains(err.Error(), "dependency cycle") {
					refused++
				}
			}
			if refused != 1 {
				t.Fatalf("%d refused: %v", refused, errs)
			}
			for i := range n { // as it was
				s.Stop(t.Context(), fmt.Sprint("t", i))
				s.Remove(t.Context(), fmt.Sprint("t", i))
			}
			for !f.Idle() {
				f.Next(t)
			}
			for i := range n {
				start(t, s, f, job(fmt.Sprint("t", i))).Exit(task.Exit{}, false)
			}
			synctest.Wait()
		}
	})
}

func TestAfterMany(t *testing.T) {
	faked(t, supervisor.Options{KeepEnded: 10}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		const n = 500
		var deps []string
		var runs []*enginetest.FakeRun
		for i := range n {
			deps = append(deps, fmt.Sprintf("t%03d", i))
			runs = append(runs, start(t, s, f, job(deps[i])))
		}
		startTask(t, s, job("last", after(deps...)))
		expect(t, s, "last", task.Waiting, "waits for t000, t001, t002, t003, t004, 495 more")
		for _, r := range runs[1:] {
			r.Exit(task.Exit{}, false)
		}
		expect(t, s, "last", task.Waiting, "waits for t000")
		runs[0].Exit(task.Exit{}, false)
		if r := next(t, f); r.Launch.Spec.Name != "last" {
			t.Errorf("%s began", r.Launch.Spec.Name)
		}
		if n := len(s.List()); n != 11 { // now they may be forgotten
			t.Errorf("%d tasks are left", n)
		}
	})
}

func TestRestartAndStopOfAWaiter(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		a := start(t, s, f, job("a"))
		startTask(t, s, job("b", after("a")))
		if got, err := s.Restart(t.Context(), "b"); err != nil || got.State != task.Waiting || got.Reason != "waits for a" {
			t.Errorf("Restart: %+v, %v", got, err)
		}
		quiet(t, f)
		if got, err := s.Stop(t.Context(), "b"); err != nil || got.State != task.Stopped || got.Reason != "stopped before it began" {
			t.Errorf("Stop: %+v, %v", got, err)
		}
		if got, err := s.Restart(t.Context(), "b"); err != nil || got.State != task.Waiting {
			t.Errorf("Restart: %+v, %v", got, err)
		}
		a.Exit(task.Exit{}, false)
		next(t, f)
		// It has waited: a restart of the run is one of the run alone.
		s.Start(t.Context(), job("a"))
		next(t, f)
		if got, err := s.Restart(t.Context(), "b"); err != nil || got.State != task.Running || got.Run != 2 {
			t.Errorf("Restart: %+v, %v", got, err)
		}
		next(t, f).Exit(task.Exit{}, false)
		synctest.Wait()
		if got, err := s.Restart(t.Context(), "b"); err != nil || got.State != task.Waiting {
			t.Errorf("Restart: %+v, %v", got, err)
		}
	})
}

// After the schedule's next run, however old the last one is.
func TestAfterASchedule(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		start(t, s, f, job("tick")).Exit(task.Exit{}, false)
		synctest.Wait()
		startTask(t, s, job("tick", func(s *task.Spec) { s.Delay, s.Every = new(task.Duration(time.Minute)), new(task.Duration(time.Hour)) }))
		startTask(t, s, job("a", after("tick")))
		quiet(t, f)
		time.Sleep(time.Minute)
		next(t, f).Exit(task.Exit{Code: 1}, false)
		quiet(t, f) // the next may go well
		time.Sleep(time.Hour)
		next(t, f).Exit(task.Exit{}, false)
		if r := next(t, f); r.Launch.Spec.Name != "a" {
			t.Errorf("%s began", r.Launch.Spec.Name)
		}
		if _, err := s.Start(t.Context(), job("b", after("tick"))); err != nil {
			t.Error(err)
		}
		expect(t, s, "b", task.Running, "")
		startTask(t, s, job("end", afterEnded("tick")))
		s.Stop(t.Context(), "tick")
		expect(t, s, "end", task.Running, "")
	})
}
