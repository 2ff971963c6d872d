package supervisor_test

import (
	"errors"
	"fmt"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"tasks/internal/enginetest"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

func TestBackoffDoublesToItsMaximum(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		r := start(t, s, f, web(restarts(task.RestartOnFailure)))
		for i, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
			want *= time.Second
			r.Exit(task.Exit{Code: 3}, false)
			got := expect(t, s, "web", task.BackingOff, "exit code 3")
			pause := time.Until(got.NextAt.Time)
			within(t, fmt.Sprint("pause ", i+1), pause, want, min(want*6/5, time.Minute))
			begin := time.Now()
			r = f.Next(t)
			if time.Since(begin) != pause {
				t.Errorf("NextAt said %s, it took %s", pause, time.Since(begin))
			}
			if got := expect(t, s, "web", task.Running, ""); got.Restarts != i+1 || got.Run != i+2 || !got.NextAt.IsZero() {
				t.Errorf("restarted: %+v", got)
			}
		}
	})
}

func TestBackoffResetsAfterALongRun(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		r := start(t, s, f, web(restarts(task.RestartAlways), func(s *task.Spec) { s.Backoff = task.Backoff{Min: time.Second, Max: 10 * time.Second} }))
		pauseAfter := func(run time.Duration) time.Duration {
			time.Sleep(run)
			r.Exit(task.Exit{}, false)
			begin := time.Now()
			r = f.Next(t)
			return time.Since(begin)
		}
		within(t, "first pause", pauseAfter(0), time.Second, 1200*time.Millisecond)
		within(t, "second pause", pauseAfter(0), 2*time.Second, 2400*time.Millisecond)
		within(t, "pause after 10s", pauseAfter(10*time.Second), 4*time.Second, 4800*time.Millisecond)
		within(t, "pause after 11s", pauseAfter(11*time.Second), time.Second, 1200*time.Millisecond)
		within(t, "pause after that", pauseAfter(0), 2*time.Second, 2400*time.Millisecond)
	})
}

func TestRestartPolicies(t *testing.T) {
	killed := task.Exit{Signal: syscall.SIGKILL}
	for _, tt := range []struct {
		policy task.Restart
		exit   task.Exit
		want   task.State
		reason string
	}{
		{"", task.Exit{Code: 1}, task.Failed, "exit code 1"},
		{task.RestartNo, task.Exit{}, task.Done, ""},
		{task.RestartOnFailure, task.Exit{}, task.Done, ""},
		{task.RestartOnFailure, task.Exit{Code: 1}, task.BackingOff, "exit code 1"},
		{task.RestartOnFailure, killed, task.BackingOff, "ended by SIGKILL"},
		{task.RestartOnFailure, task.Exit{Lost: true}, task.BackingOff, "ended while no supervisor watched"},
		{task.RestartAlways, task.Exit{}, task.BackingOff, ""},
	} {
		t.Run(fmt.Sprintf("%s/%+v", tt.policy, tt.exit), func(t *testing.T) {
			faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
				start(t, s, f, web(restarts(tt.policy))).Exit(tt.exit, false)
				expect(t, s, "web", tt.want, tt.reason)
			})
		})
	}
}

func TestMaxRestarts(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		r := start(t, s, f, web(restarts(task.RestartOnFailure), func(s *task.Spec) { s.MaxRestarts = new(2) }))
		for range 2 {
			r.Exit(task.Exit{Code: 1}, false)
			r = f.Next(t)
		}
		r.Exit(task.Exit{Code: 1}, false)
		if got := expect(t, s, "web", task.Failed, "exit code 1; gave up after 2 restarts"); got.Restarts != 2 {
			t.Errorf("%+v", got)
		}
		if got, err := s.Restart(t.Context(), "web"); err != nil || got.Restarts != 0 || got.Run != 4 {
			t.Errorf("Restart: %+v, %v", got, err)
		}
	})
}

func TestTimeout(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		begin := time.Now()
		r := start(t, s, f, web(func(s *task.Spec) { s.Timeout = new(task.Duration(90 * time.Second)) }))
		if sig := <-r.Stops(); sig != syscall.SIGTERM || time.Since(begin) != 90*time.Second {
			t.Errorf("%v after %s", sig, time.Since(begin))
		}
		expect(t, s, "web", task.Failed, "timed out after 1m30s")

		s.GoSpec(task.Spec{Name: "func", Timeout: new(task.Duration(time.Second)), Restart: task.RestartOnFailure}, untilStop)
		time.Sleep(time.Second)
		if got := expect(t, s, "func", task.BackingOff, "timed out after 1s"); got.Runs[0].State != task.Failed {
			t.Errorf("run: %+v", got.Runs[0])
		}
	})
}

func TestStopSignalGraceAndKill(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		f.AutoStop(false)
		stopAfter := func(end supervisor.End, spec task.Spec, sigs []syscall.Signal, took time.Duration) {
			t.Helper()
			r := start(t, s, f, spec)
			begin := time.Now()
			c := s.Submit(supervisor.Stop("web", end))
			for _, want := range sigs {
				if got := <-r.Stops(); got != want {
					t.Errorf("sent %v; want %v", got, want)
				}
			}
			r.Exit(task.Exit{Signal: sigs[len(sigs)-1]}, false)
			got, err := c.Wait(t.Context())
			if err != nil || got.State != task.Stopped || time.Since(begin) != took {
				t.Errorf("stop: %+v, %v after %s", got, err, time.Since(begin))
			}
			want := "stopped"
			if sigs[len(sigs)-1] == syscall.SIGKILL {
				want = "stopped; killed"
			}
			if got.Reason != want || got.Signal != task.SignalName(sigs[len(sigs)-1]) || got.ExitCode != nil {
				t.Errorf("stopped: %+v", got)
			}
		}
		term, kill := syscall.SIGTERM, syscall.SIGKILL
		stopAfter(supervisor.End{}, web(), []syscall.Signal{term, kill}, 10*time.Second)
		stopAfter(supervisor.End{Now: true}, web(), []syscall.Signal{kill}, 0)
		stopAfter(supervisor.End{Grace: new(time.Second)}, web(), []syscall.Signal{term, kill}, time.Second)
		stopAfter(supervisor.End{Grace: new(time.Minute)}, web(), []syscall.Signal{term, kill}, time.Minute)
		stopAfter(supervisor.End{Grace: new(-time.Minute)}, web(), []syscall.Signal{term, kill}, 1) // not as of its spec
		spec := web(func(s *task.Spec) { s.StopSignal, s.StopTimeout = "INT", new(task.Duration(2*time.Second)) })
		stopAfter(supervisor.End{}, spec, []syscall.Signal{syscall.SIGINT, kill}, 2*time.Second)
	})
}

func TestMainProcessLeavesOthersBehind(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		r := start(t, s, f, web())
		r.AutoStop(false)
		r.Exit(task.Exit{}, true)
		expect(t, s, "web", task.Stopping, "main process ended; stopping what it left behind")
		_, err := s.Submit(supervisor.Signal("web", syscall.SIGHUP)).Wait(t.Context())
		expectError(t, err, task.ErrConflict, "no process to signal")
		r.Vanish(3)
		expect(t, s, "web", task.Done, "main process ended; 3 others swept")

		r = start(t, s, f, web(func(s *task.Spec) { s.LeaveChildren = true }))
		r.Exit(task.Exit{}, true)
		expect(t, s, "web", task.Done, "")
	})
}

func TestSignal(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		r := start(t, s, f, web())
		op := supervisor.Signal("web", syscall.SIGHUP)
		if got, err := s.Submit(op).Wait(t.Context()); err != nil || got.State != task.Running || <-r.Signals() != syscall.SIGHUP {
			t.Errorf("signal: %+v, %v", got, err)
		}
		s.Stop(t.Context(), "web")
		_, err := s.Submit(op).Wait(t.Context())
		expectError(t, err, task.ErrConflict, "Task web is stopped: there is no process to signal.")
	})
}

func TestRestart(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		first := start(t, s, f, web())
		got, err := s.Restart(t.Context(), "web")
		if err != nil || got.State != task.Running || got.Run != 2 || got.PID != f.Next(t).Ref().PID {
			t.Errorf("Restart: %+v, %v", got, err)
		}
		select {
		case <-first.Gone():
		default:
			t.Error("a restart did not join the old run")
		}
		if r := info(t, s, "web").Runs[0]; r.State != task.Stopped || r.Reason != "restarted" {
			t.Errorf("old run: %+v", r)
		}
	})
}

func TestRestartDuringStopAndStopDuringRestart(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		r := start(t, s, f, web())
		r.AutoStop(false)
		stop := s.Submit(supervisor.Stop("web", supervisor.End{}))
		restart := s.Submit(supervisor.Restart("web"))
		expect(t, s, "web", task.Stopping, "will be started again")
		r.Exit(task.Exit{}, false)
		if _, err := stop.Wait(t.Context()); err != nil {
			t.Errorf("stop: %v", err)
		}
		if got, err := restart.Wait(t.Context()); err != nil || got.State != task.Running || got.Run != 2 {
			t.Errorf("restart: %+v, %v", got, err)
		}

		r = f.Next(t)
		r.AutoStop(false)
		restart = s.Submit(supervisor.Restart("web"))
		stop = s.Submit(supervisor.Stop("web", supervisor.End{}))
		expect(t, s, "web", task.Stopping, "was asked to stop")
		r.Exit(task.Exit{}, false)
		if got, err := stop.Wait(t.Context()); err != nil || got.State != task.Stopped || got.Desired != task.DesiredStopped {
			t.Errorf("stop: %+v, %v", got, err)
		}
		_, err := restart.Wait(t.Context())
		expectError(t, err, task.ErrConflict, "Task web was stopped before it began again.")
	})
}

func TestStopDuringStart(t *testing.T) {
	for _, again := range []bool{false, true} {
		t.Run(fmt.Sprint("restart=", again), func(t *testing.T) {
			faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
				f.Hold(true)
				spec := web()
				begin := s.Submit(supervisor.Start(spec))
				r := f.Next(t)
				expect(t, s, "web", task.Starting, "")
				stop := s.Submit(supervisor.Stop("web", supervisor.End{}))
				expect(t, s, "web", task.Stopping, "was asked to stop")
				var restart *supervisor.Call
				if again {
					restart = s.Submit(supervisor.Restart("web"))
				}
				synctest.Wait()
				if answered(begin) || answered(stop) {
					t.Error("answered before the run exists")
				}
				f.Hold(false)
				r.Begin()
				<-r.Gone()
				if _, err := stop.Wait(t.Context()); err != nil {
					t.Errorf("stop: %v", err)
				}
				if got, err := begin.Wait(t.Context()); err != nil || got.Name != "web" {
					t.Errorf("start: %+v, %v", got, err)
				}
				if again {
					if got, err := restart.Wait(t.Context()); err != nil || got.Run != 2 {
						t.Errorf("restart: %+v, %v", got, err)
					}
					expect(t, s, "web", task.Running, "")
				} else {
					expect(t, s, "web", task.Stopped, "stopped")
				}
			})
		})
	}
}

func TestFirstStartThatFails(t *testing.T) {
	for _, tt := range []struct {
		err  error
		code int
	}{
		{fmt.Errorf("exec %q: %w", "web", syscall.ENOENT), 127},
		{fmt.Errorf("exec %q: %w", "web", syscall.EACCES), 126},
	} {
		t.Run(fmt.Sprint(tt.code), func(t *testing.T) {
			faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
				f.FailNext(tt.err)
				got, err := s.Start(t.Context(), web(restarts(task.RestartAlways)))
				if err == nil || err.Error() != "cannot start web: "+tt.err.Error() || got.State != task.Failed {
					t.Errorf("Start: %+v, %v", got, err)
				}
				for _, kind := range []error{task.ErrNotFound, task.ErrConflict, task.ErrUnavailable, task.ErrTimeout, task.ErrUsage} {
					if errors.Is(err, kind) {
						t.Errorf("%v is %v", err, kind)
					}
				}
				time.Sleep(time.Hour)
				if got := expect(t, s, "web", task.Failed, tt.err.Error()); *got.ExitCode != tt.code || f.Starts() != 1 {
					t.Errorf("%+v after %d starts", got, f.Starts())
				}
			})
		})
	}
}

func TestRestartThatFailsIsTriedAgain(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		r := start(t, s, f, web(restarts(task.RestartAlways)))
		f.FailNext(syscall.ENOENT)
		f.FailNext(syscall.EACCES)
		r.Exit(task.Exit{}, false)
		begin := time.Now()
		f.Next(t)
		within(t, "three pauses", time.Since(begin), 7*time.Second, 8400*time.Millisecond)
		got := expect(t, s, "web", task.Running, "")
		if got.Restarts != 3 || len(got.Runs) != 4 || *got.Runs[1].ExitCode != 127 || *got.Runs[2].ExitCode != 126 {
			t.Errorf("%+v", got)
		}
	})
}
