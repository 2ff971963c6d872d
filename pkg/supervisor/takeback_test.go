package supervisor_test

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"tasks/internal/enginetest"
	"tasks/pkg/engine"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

func limited(d time.Duration) func(*task.Spec) {
	return func(s *task.Spec) { s.Timeout = new(task.Duration(d)) }
}

// The time that a run was paused counts towards no limit, in the next supervisor neither.
func TestPausesCountForNoLimitOverAnEnd(t *testing.T) {
	reborn(t, func(t *testing.T, l *lives) {
		start(t, l.Supervisor, l.fake, job("still", limited(time.Hour)))
		was := start(t, l.Supervisor, l.fake, job("was", limited(time.Hour)))
		time.Sleep(10 * time.Minute)
		for _, name := range []string{"still", "was"} {
			l.Pause(t.Context(), name)
		}
		time.Sleep(3 * time.Hour)
		l.Resume(t.Context(), "was")
		time.Sleep(10 * time.Minute)
		l.again(l.leave, 10*time.Minute)
		begun := time.Now()
		<-was.Stops()
		within(t, "the rest of the limit", time.Since(begun), 30*time.Minute, 30*time.Minute)
		expect(t, l.Supervisor, "still", task.Paused, "")
		l.again(l.leave, time.Hour)
		l.Resume(t.Context(), "still")
		l.again(l.leave, 0)
		time.Sleep(49 * time.Minute)
		expect(t, l.Supervisor, "still", task.Running, "")
		time.Sleep(2 * time.Minute)
		expect(t, l.Supervisor, "still", task.Failed, "timed out after 1h0m0s")
	})
}

// A run that does not end cannot hold up a supervisor that leaves: its record says that
// it is there, and how its main process ended.
func TestLeaveDoesNotWaitForLeftBehind(t *testing.T) {
	reborn(t, func(t *testing.T, l *lives) {
		patient := func(s *task.Spec) { s.StopTimeout = new(task.Duration(time.Hour)) }
		grace := start(t, l.Supervisor, l.fake, job("grace", patient, restarts(task.RestartOnFailure)))
		stuck := start(t, l.Supervisor, l.fake, job("stuck"))
		for _, r := range []*enginetest.FakeRun{grace, stuck} {
			r.AutoStop(false)
		}
		grace.Exit(task.Exit{}, true)
		stuck.Exit(task.Exit{Code: 3}, true)
		time.Sleep(time.Minute)
		begun := time.Now()
		l.again(l.leave, 0)
		within(t, "Leave", time.Since(begun), 0, 0)
		if _, err := l.Start(t.Context(), job("other")); err != nil {
			t.Errorf("the next supervisor: %v", err)
		}
		grace.Vanish(1)
		stuck.Vanish(1)
		if got := expect(t, l.Supervisor, "grace", task.Done, "main process ended; 1 other swept"); got.ExitCode == nil || *got.ExitCode != 0 {
			t.Errorf("%+v", got)
		}
		if got := expect(t, l.Supervisor, "stuck", task.Failed, "exit code 3; main process ended; 1 other swept"); *got.ExitCode != 3 {
			t.Errorf("%+v", got)
		}
	})
}

// dies has the supervisor end as by kill -9: what its runs do by then is in no record
// that it has not written before.
func dies(l *lives) func() error {
	before := l.st.all()
	return func() error {
		if err := l.leave(); err != nil {
			return err
		}
		l.st.restore(before)
		return nil
	}
}

// The exit of a main process is recorded while the processes that it left behind are stopped.
func TestExitIsKnownAfterADeath(t *testing.T) {
	reborn(t, func(t *testing.T, l *lives) {
		r := start(t, l.Supervisor, l.fake, job("a", restarts(task.RestartOnFailure)))
		r.AutoStop(false)
		r.Exit(task.Exit{Signal: syscall.SIGSEGV}, true)
		synctest.Wait()
		l.again(dies(l), 0)
		expect(t, l.Supervisor, "a", task.Stopping, "main process ended; stopping what it left behind")
		r.Vanish(0)
		if got := expect(t, l.Supervisor, "a", task.BackingOff, "ended by SIGSEGV"); got.Signal != "SIGSEGV" {
			t.Errorf("%+v", got)
		}
	})
}

// The checks of a run that was taken back know whether it is ready.
func TestReadinessIsKnownToChecks(t *testing.T) {
	reborn(t, func(t *testing.T, l *lives) {
		checker := enginetest.NewFakeChecker()
		l.o.Checker = checker
		l.again(l.leave, 0)
		for _, isReady := range []bool{true, false} {
			start(t, l.Supervisor, l.fake, job("a", func(s *task.Spec) { s.ReadyNotify = true }))
			if checks := checker.Next(t); isReady {
				checks.BeReady(nil)
				expect(t, l.Supervisor, "a", task.Running, "")
			}
			l.again(l.leave, 0)
			if got := checker.Next(t).IsReady; got != isReady {
				t.Errorf("it is ready: %v, want %v", got, isReady)
			}
			l.Stop(t.Context(), "a")
		}
	})
}

// Why a run is being ended is known to the next supervisor, also where it has ended
// meanwhile.
func TestCauseIsKnownAfterADeath(t *testing.T) {
	for _, ends := range []string{"before", "after"} {
		t.Run(ends, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fake, st, checker := enginetest.NewFake(), newMemory(), enginetest.NewFakeChecker()
				l := &lives{t: t, st: st, fake: fake, o: supervisor.Options{Commands: fake.Adopter(), Store: st, Checker: checker}}
				l.Supervisor = supervisor.New(l.o)
				defer synctest.Wait()
				defer func() { l.Close(t.Context()) }()
				unhealthy := start(t, l.Supervisor, fake, job("unhealthy", restarts(task.RestartOnFailure), func(s *task.Spec) { s.HealthCmd = "x" }))
				health := checker.Next(t)
				unready := start(t, l.Supervisor, fake, job("unready", restarts(task.RestartOnFailure), func(s *task.Spec) { s.ReadyCmd = "x" }))
				checks := checker.Next(t)
				for _, r := range []*enginetest.FakeRun{unhealthy, unready} {
					r.AutoStop(false)
				}
				synctest.Wait()
				health.Finish(errDisk)
				checks.Finish(errDisk)
				synctest.Wait()
				end := func() {
					for _, r := range []*enginetest.FakeRun{unhealthy, unready} {
						r.Exit(task.Exit{}, false)
					}
				}
				die := dies(l)
				if ends == "before" {
					l.again(func() error { err := die(); end(); return err }, 0)
					for name, state := range map[string]task.State{"unhealthy": task.Running, "unready": task.Starting} {
						if got := expect(t, l.Supervisor, name, state, ""); got.Run != 2 || got.Runs[0].State != task.Failed {
							t.Errorf("%+v", got)
						}
					}
					return
				}
				l.again(die, 0)
				expect(t, l.Supervisor, "unhealthy", task.Stopping, "unhealthy: no space left on device")
				expect(t, l.Supervisor, "unready", task.Stopping, "not ready after 30s: no space left on device")
				end()
				expect(t, l.Supervisor, "unhealthy", task.BackingOff, "unhealthy: no space left on device")
				expect(t, l.Supervisor, "unready", task.BackingOff, "not ready after 30s: no space left on device")
			})
		})
	}
}

// A stop under way keeps the time that it grants.
func TestGraceIsKeptOverAnEnd(t *testing.T) {
	reborn(t, func(t *testing.T, l *lives) {
		r := start(t, l.Supervisor, l.fake, job("a", func(s *task.Spec) { s.StopTimeout = new(task.Duration(time.Second)) }))
		r.AutoStop(false)
		l.Submit(supervisor.Stop("a", supervisor.End{Grace: new(time.Hour)}))
		<-r.Stops()
		l.again(l.leave, 0)
		if sig := <-r.Stops(); sig != syscall.SIGTERM {
			t.Errorf("%v", sig)
		}
		begun := time.Now()
		if sig := <-r.Stops(); sig != syscall.SIGKILL {
			t.Errorf("%v", sig)
		}
		within(t, "the grace", time.Since(begun), time.Hour, time.Hour)
		r.Exit(task.Exit{Signal: syscall.SIGKILL}, false)
		expect(t, l.Supervisor, "a", task.Stopped, "stopped; killed")
	})
}

// What a task no longer waits for does not matter to it, in the next supervisor neither.
func TestWhatIsMetStaysMet(t *testing.T) {
	reborn(t, func(t *testing.T, l *lives) {
		for _, name := range []string{"a", "b"} {
			start(t, l.Supervisor, l.fake, job(name)).Exit(task.Exit{}, false)
		}
		c := start(t, l.Supervisor, l.fake, job("c"))
		synctest.Wait()
		startTask(t, l.Supervisor, job("d", after("a", "b", "c")))
		expect(t, l.Supervisor, "d", task.Waiting, "waits for c")
		if _, err := l.Remove(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		start(t, l.Supervisor, l.fake, job("b")).Exit(task.Exit{Code: 3}, false)
		for _, end := range []func() error{l.leave, dies(l)} {
			l.again(end, 0)
			expect(t, l.Supervisor, "d", task.Waiting, "waits for c")
		}
		c.Exit(task.Exit{}, false)
		expect(t, l.Supervisor, "d", task.Running, "")
	})
}

// A time that came while a run lasts is not lost by a change of the supervisor, however
// short that was before.
func TestTimeThatCameStays(t *testing.T) {
	for _, overlap := range []task.Overlap{task.OverlapQueue, task.OverlapReplace} {
		for _, when := range []string{"noted", "noted, and saved", "unseen"} {
			t.Run(string(overlap)+" "+when, func(t *testing.T) {
				reborn(t, func(t *testing.T, l *lives) {
					r := start(t, l.Supervisor, l.fake, job("a", every(time.Hour), overlaps(overlap)))
					r.AutoStop(false)
					if when == "unseen" {
						time.Sleep(time.Hour - time.Second)
						l.again(l.leave, 2*time.Second)
					} else {
						time.Sleep(time.Hour + time.Second)
						if when != "noted" && overlap == task.OverlapQueue {
							l.Pause(t.Context(), "a")
							l.Resume(t.Context(), "a")
						}
						l.again(dies(l), 0)
					}
					r.Exit(task.Exit{}, false)
					next(t, l.fake)
					expect(t, l.Supervisor, "a", task.Running, "")
				})
			})
		}
	}
}

// How often a task was restarted by itself counts on in the next supervisor, though that
// came during the pause.
func TestRestartsCountOn(t *testing.T) {
	reborn(t, func(t *testing.T, l *lives) {
		r := start(t, l.Supervisor, l.fake, job("a", restarts(task.RestartOnFailure), func(s *task.Spec) { s.MaxRestarts = new(2) }))
		for n := 1; n <= 2; n++ {
			r.Exit(task.Exit{Code: 1}, false)
			expect(t, l.Supervisor, "a", task.BackingOff, "exit code 1")
			l.again(l.leave, 0)
			r = next(t, l.fake)
			if got := expect(t, l.Supervisor, "a", task.Running, ""); got.Restarts != n {
				t.Errorf("%d restarts", got.Restarts)
			}
		}
		r.Exit(task.Exit{Code: 1}, false)
		expect(t, l.Supervisor, "a", task.Failed, "exit code 1; gave up after 2 restarts")
	})
}

// A run that comes to be in a paused group is paused, and a schedule's time there ends
// none.
func TestPausedGroupStandsStill(t *testing.T) {
	checking(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake, checker *enginetest.FakeChecker) {
		start(t, s, f, job("slow", in("p"), func(s *task.Spec) { s.ReadyCmd = "x" }))
		checks := checker.Next(t)
		start(t, s, f, job("turns", in("p"), every(time.Hour), overlaps(task.OverlapReplace)))
		drained := start(t, s, f, job("drained", in("z"), every(time.Hour), overlaps(task.OverlapReplace)))
		if _, err := s.PauseGroup(t.Context(), "p"); err != nil {
			t.Fatal(err)
		}
		setSlots(t, s, "z", 0)
		checks.Finish(nil)
		expect(t, s, "slow", task.Paused, "")
		starts := f.Starts()
		time.Sleep(150 * time.Minute)
		expect(t, s, "turns", task.Paused, "")
		if expect(t, s, "drained", task.Running, ""); f.Starts() != starts {
			t.Errorf("%d began", f.Starts()-starts)
		}
		setSlots(t, s, "z", 1)
		time.Sleep(time.Hour)
		<-drained.Stops()
		if _, err := s.ResumeGroup(t.Context(), "p"); err != nil {
			t.Fatal(err)
		}
		expect(t, s, "slow", task.Running, "")
	})
}

// Of StopAll, Shutdown, Close and Leave the first decides for all tasks, however long it
// takes: a caller that asks for the other gets an error.
func TestTheFirstEndDecides(t *testing.T) {
	const keep, stop = "the supervisor is ending already, and its tasks keep running", "the supervisor is ending already, and its tasks are stopped"
	for first, c := range map[string]struct {
		end          func(*lives) error
		others       []func(*lives) error
		told, reason string
		state        task.State // of the task, under the next supervisor
	}{
		"Leave":    {(*lives).leave, []func(*lives) error{(*lives).stopAll, (*lives).shutdown}, keep, "", task.Running},
		"StopAll":  {(*lives).stopAll, []func(*lives) error{(*lives).leave}, stop, "stopped", task.Stopped},
		"Shutdown": {(*lives).shutdown, []func(*lives) error{(*lives).leave}, stop, "supervisor was shut down", task.Stopped},
		"Close":    {(*lives).close, []func(*lives) error{(*lives).leave}, stop, "supervisor was shut down", task.Stopped},
	} {
		t.Run(first, func(t *testing.T) {
			reborn(t, func(t *testing.T, l *lives) {
				start(t, l.Supervisor, l.fake, job("a"))
				l.Go("slow", func(ctx context.Context) error { <-ctx.Done(); time.Sleep(time.Second); return nil })
				refused := func() {
					t.Helper()
					for _, other := range c.others {
						err := other(l)
						if expectError(t, err, task.ErrUnavailable, c.told); !errors.As(err, new(*supervisor.EndingError)) {
							t.Errorf("%T", err)
						}
					}
				}
				ended := make(chan error)
				go func() { ended <- c.end(l) }()
				synctest.Wait()
				refused()
				if err := <-ended; err != nil {
					t.Error(err)
				}
				refused()
				l.again(l.close, 0)
				expect(t, l.Supervisor, "a", c.state, c.reason)
			})
		})
	}
}

func (l *lives) stopAll() error { _, err := l.StopAll(l.t.Context(), supervisor.End{}); return err }

func (l *lives) shutdown() error { return l.Shutdown(l.t.Context()) }

// A StopAll during a Shutdown that waits for a hook is for all tasks: none is restarted.
func TestStopAllBesideShutdown(t *testing.T) {
	reborn(t, func(t *testing.T, l *lives) {
		start(t, l.Supervisor, l.fake, job("a", hooked, restarts(task.RestartAlways)))
		l.fake.HoldExec(true)
		ended := make(chan error, 1)
		go func() { ended <- l.shutdown() }()
		synctest.Wait()
		hook := l.fake.NextExec(t)
		if err := l.stopAll(); err != nil || len(ended) > 0 {
			t.Errorf("%v, %d have ended", err, len(ended))
		}
		hook.End("", task.Exit{})
		if err := <-ended; err != nil {
			t.Error(err)
		}
		l.again(l.close, 0)
		expect(t, l.Supervisor, "a", task.Stopped, "supervisor was shut down")
	})
}

// A Close during a Leave waits for it, and stops nothing.
func TestCloseBesideLeave(t *testing.T) {
	reborn(t, func(t *testing.T, l *lives) {
		start(t, l.Supervisor, l.fake, job("a"))
		l.Go("slow", func(ctx context.Context) error { <-ctx.Done(); time.Sleep(time.Second); return nil })
		go l.leave()
		synctest.Wait()
		begun := time.Now()
		l.again(l.close, 0)
		within(t, "Close", time.Since(begun), time.Second, time.Second)
		expect(t, l.Supervisor, "a", task.Running, "")
	})
}

// leaver notes which runs that it takes back may leave what they have started.
type leaver struct {
	engine.Engine
	engine.Adopter
	leaves map[string]bool
}

func (e leaver) Adopt(ctx context.Context, l engine.Launch, ref task.Ref) (engine.Process, error) {
	e.leaves[l.Spec.Name] = l.Spec.LeaveChildren
	return e.Adopter.Adopt(ctx, l, ref)
}

// A stop ends all of a run, also of one that may leave what it has started, and whose main
// process has ended as nobody watched.
func TestAStopIsOfAllOverADeath(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := enginetest.NewFake()
		e := leaver{f, f.Adopter(), make(map[string]bool)}
		s := supervisor.New(supervisor.Options{Commands: e})
		var all []task.Record
		for name, state := range map[string]task.State{"up": task.Running, "ending": task.Stopping} {
			spec := job(name, func(s *task.Spec) { s.LeaveChildren = true })
			if _, err := f.Start(t.Context(), engine.Launch{Spec: &spec, Run: 7}); err != nil {
				t.Fatal(err)
			}
			ref := f.Next(t).Ref()
			all = append(all, record(state, task.DesiredRunning, func(r *task.Record) { r.Spec, r.Ref = spec, ref }))
		}
		s.Load(t.Context(), all)
		if !e.leaves["up"] || e.leaves["ending"] {
			t.Errorf("it leaves what was started: %v", e.leaves)
		}
		for _, name := range []string{"up", "ending"} {
			if !info(t, s, name).Spec.LeaveChildren {
				t.Errorf("%s has lost --leave-children", name)
			}
		}
		s.Close(t.Context())
	})
}
