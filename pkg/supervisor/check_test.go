package supervisor_test

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"tasks/internal/enginetest"
	"tasks/internal/room"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

func healthy(s *task.Spec) { s.HealthCmd = "true" }

func timeout(d time.Duration) func(*task.Spec) {
	return func(s *task.Spec) { s.Timeout = new(task.Duration(d)) }
}

func patient(d time.Duration) func(*task.Spec) {
	return func(s *task.Spec) { s.ReadyTimeout = new(task.Duration(d)) }
}

// isReady compares what is shown of a task's readiness: "" for none.
func isReady(t *testing.T, s *supervisor.Supervisor, name, want string) {
	t.Helper()
	got := ""
	if r := info(t, s, name).Ready; r != nil {
		if got = "no"; *r {
			got = "yes"
		}
	}
	if got != want {
		t.Errorf("ready: %q; want %q", got, want)
	}
}

func going(t *testing.T, k *enginetest.FakeChecks, ready, healthy int) {
	t.Helper()
	synctest.Wait()
	if r, h := k.Going(); r != ready || h != healthy {
		t.Errorf("%d readiness checks and %d health checks run; want %d and %d", r, h, ready, healthy)
	}
}

func TestReady(t *testing.T) {
	st := newMemory()
	checking(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake, c *enginetest.FakeChecker) {
		r := start(t, s, f, job("a", ready, healthy)) // it returns when the run exists
		k := c.Next(t)
		if len(r.Launch.Env) != 1 || r.Launch.Env[0] != "NOTIFY_SOCKET=fake" || k.Run != 1 || k.Spec.Name != "a" {
			t.Errorf("launched with %v, checks of %+v", r.Launch.Env, k)
		}
		expect(t, s, "a", task.Starting, "")
		isReady(t, s, "a", "no")
		going(t, k, 1, 0)
		if rec := st.record("a"); rec.State != task.Starting || rec.Ready || rec.Ref != r.Ref() {
			t.Errorf("record: %+v", rec)
		}
		time.Sleep(29 * time.Second)
		waited := make(chan []task.Info)
		go func() {
			shared, _ := s.WaitFor(t.Context(), []string{"a"}, supervisor.WaitOptions{Until: func(i *task.Info) bool { return i.State == task.Running }})
			waited <- copies(shared)
		}()
		k.BeReady(nil)
		if infos := <-waited; names(infos) != "a:running" {
			t.Errorf("WaitFor: %s", names(infos))
		}
		isReady(t, s, "a", "yes")
		going(t, k, 0, 1)
		if rec := st.record("a"); rec.State != task.Running || !rec.Ready {
			t.Errorf("record: %+v", rec)
		}
		time.Sleep(time.Hour) // ready once is ready
		expect(t, s, "a", task.Running, "")
		s.Stop(t.Context(), "a")
		isReady(t, s, "a", "")
		if going(t, k, 0, 0); !k.Closed() {
			t.Error("the checks of an ended run are open")
		}
		start(t, s, f, job("plain"))
		isReady(t, s, "plain", "yes")
	})
}

func TestNotReady(t *testing.T) {
	checking(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake, c *enginetest.FakeChecker) {
		r := start(t, s, f, job("a", ready, patient(5*time.Second)))
		c.Next(t).Say(errors.New("connection refused"))
		begin := time.Now()
		if sig := <-r.Stops(); sig != syscall.SIGTERM || time.Since(begin) != 5*time.Second {
			t.Errorf("%v after %s", sig, time.Since(begin))
		}
		const why = "not ready after 5s: connection refused"
		got := expect(t, s, "a", task.Failed, why)
		if !got.TimedOut || !got.Runs[0].TimedOut || got.Runs[0].Reason != why || got.Signal != "SIGTERM" {
			t.Errorf("%+v", got)
		}

		// While it is asked to end it says why.
		f.AutoStop(false)
		r = start(t, s, f, job("a", ready, patient(5*time.Second)))
		time.Sleep(6 * time.Second)
		expect(t, s, "a", task.Stopping, "not ready after 5s: not yet")
		time.Sleep(10 * time.Second)
		r.Exit(task.Exit{Signal: syscall.SIGKILL}, false)
		expect(t, s, "a", task.Failed, "not ready after 5s: not yet; killed")
		c.Next(t)

		// What cannot be checked is not awaited.
		f.AutoStop(true)
		r = start(t, s, f, job("a", ready))
		c.Next(t).BeReady(errors.New("no log"))
		begin = time.Now()
		<-r.Stops()
		if took := time.Since(begin); took != 0 {
			t.Errorf("stopped after %s", took)
		}
		if got := info(t, s, "a"); got.State != task.Failed {
			t.Errorf("%+v", got)
		}
	})
}

// A run whose check has succeeded by its deadline is ready, also where nobody has seen that.
func TestReadyAtTheDeadline(t *testing.T) {
	checking(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake, c *enginetest.FakeChecker) {
		start(t, s, f, job("a", ready, patient(5*time.Second), timeout(time.Minute)))
		c.Next(t).Say(nil) // as it is asked for its last word
		time.Sleep(6 * time.Second)
		expect(t, s, "a", task.Running, "")
		time.Sleep(54 * time.Second)
		expect(t, s, "a", task.Failed, "timed out after 1m0s")
	})
}

// What checks wait for their turns does not count towards the time to get ready, but
// towards the timeout of the run.
func TestReadyCheckThatWaitsForItsTurn(t *testing.T) {
	checking(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake, c *enginetest.FakeChecker) {
		r := start(t, s, f, job("a", ready, patient(5*time.Second)))
		k, begin := c.Next(t), time.Now()
		k.Delay(5 * time.Second)
		time.Sleep(6 * time.Second)
		k.Delay(7 * time.Second)
		expect(t, s, "a", task.Starting, "")
		if <-r.Stops(); time.Since(begin) != 12*time.Second {
			t.Errorf("stopped after %s", time.Since(begin))
		}
		expect(t, s, "a", task.Failed, "not ready after 5s: not yet")
		r = start(t, s, f, job("b", ready, patient(5*time.Second), timeout(8*time.Second)))
		c.Next(t).Delay(time.Hour)
		begin = time.Now()
		if <-r.Stops(); time.Since(begin) != 8*time.Second {
			t.Errorf("timed out after %s", time.Since(begin))
		}
		expect(t, s, "b", task.Failed, "timed out after 8s")
	})
}

// The timeout of the run counts while it is not ready.
func TestTimeoutBeforeReady(t *testing.T) {
	checking(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake, c *enginetest.FakeChecker) {
		r := start(t, s, f, job("a", ready, timeout(10*time.Second)))
		begin := time.Now()
		<-r.Stops()
		within(t, "the run", time.Since(begin), 10*time.Second, 10*time.Second)
		expect(t, s, "a", task.Failed, "timed out after 10s")
		r = start(t, s, f, job("a", ready, timeout(time.Minute)))
		time.Sleep(20 * time.Second)
		c.Next(t)
		c.Next(t).BeReady(nil)
		begin = time.Now()
		<-r.Stops()
		within(t, "the rest of the run", time.Since(begin), 40*time.Second, 40*time.Second)
		expect(t, s, "a", task.Failed, "timed out after 1m0s")
	})
}

func TestRestartOfWhatIsNotReadyOrUnhealthy(t *testing.T) {
	checking(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake, c *enginetest.FakeChecker) {
		start(t, s, f, job("a", ready, healthy, restarts(task.RestartOnFailure)))
		first := c.Next(t)
		time.Sleep(30 * time.Second)
		expect(t, s, "a", task.BackingOff, "not ready after 30s: not yet")
		isReady(t, s, "a", "")
		f.Next(t)
		second := c.Next(t)
		second.BeReady(nil)
		expect(t, s, "a", task.Running, "")
		second.Fail(errors.New("status 500"))
		got := expect(t, s, "a", task.BackingOff, "unhealthy: status 500")
		if got.TimedOut || got.Runs[1].State != task.Failed || got.Restarts != 1 {
			t.Errorf("%+v", got)
		}
		f.Next(t)
		if !first.Closed() || !second.Closed() || c.Next(t).Run != 3 {
			t.Error("the checks of an ended run are open")
		}
		isReady(t, s, "a", "no")
	})
}

func TestUnhealthy(t *testing.T) {
	checking(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake, c *enginetest.FakeChecker) {
		r := start(t, s, f, job("a", healthy))
		r.AutoStop(false)
		k := c.Next(t)
		isReady(t, s, "a", "yes") // without a check of that
		going(t, k, 0, 1)
		k.Fail(errors.New("exit code 1: no route"))
		expect(t, s, "a", task.Stopping, "unhealthy: exit code 1: no route")
		going(t, k, 0, 0)
		r.Exit(task.Exit{}, false) // however well it ends
		expect(t, s, "a", task.Failed, "unhealthy: exit code 1: no route")

		// A restart by hand is not one of health.
		start(t, s, f, job("a", healthy))
		k = c.Next(t)
		s.Restart(t.Context(), "a")
		if !k.Closed() {
			t.Error("the checks of an ended run are open")
		}
		going(t, c.Next(t), 0, 1)
	})
}

// A run that ends while it is not ready yet.
func TestEndsWhileNotReady(t *testing.T) {
	for _, tt := range []struct {
		name   string
		end    func(*supervisor.Supervisor, *enginetest.FakeRun)
		state  task.State
		reason string
	}{
		{"by itself", func(_ *supervisor.Supervisor, r *enginetest.FakeRun) { r.Exit(task.Exit{Code: 1}, false) }, task.Failed, "exit code 1"},
		{"well", func(_ *supervisor.Supervisor, r *enginetest.FakeRun) { r.Exit(task.Exit{}, false) }, task.Done, ""},
		{"with others left", func(_ *supervisor.Supervisor, r *enginetest.FakeRun) { r.Exit(task.Exit{}, true) }, task.Done, "main process ended; 1 other swept"},
		{"by a stop", func(s *supervisor.Supervisor, _ *enginetest.FakeRun) {
			s.Submit(supervisor.Stop("a", supervisor.End{}))
		}, task.Stopped, "stopped"},
		{"at the end of the supervisor", func(s *supervisor.Supervisor, _ *enginetest.FakeRun) {
			go s.Close(context.Background())
		}, task.Stopped, "supervisor was shut down"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			checking(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake, c *enginetest.FakeChecker) {
				r := start(t, s, f, job("a", ready))
				k := c.Next(t)
				time.Sleep(10 * time.Second)
				going(t, k, 1, 0)
				tt.end(s, r)
				expect(t, s, "a", tt.state, tt.reason)
				if going(t, k, 0, 0); !k.Closed() {
					t.Error("the checks of an ended run are open")
				}
				time.Sleep(time.Minute)
				expect(t, s, "a", tt.state, tt.reason)
			})
		})
	}
}

func TestChecksThatCannotBegin(t *testing.T) {
	checking(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake, c *enginetest.FakeChecker) {
		c.FailNext(errDisk)
		_, err := s.Start(t.Context(), job("a", ready))
		expectError(t, err, err, "cannot start a: no space left on device")
		if f.Starts() != 0 {
			t.Error("it began")
		}
		f.FailNext(syscall.ENOENT)
		_, err = s.Start(t.Context(), job("a", ready))
		expectError(t, err, err, "cannot start a: no such file")
		if !c.Next(t).Closed() {
			t.Error("the checks of a run that could not begin are open")
		}
	})
	t.Run("later", func(t *testing.T) {
		checking(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake, c *enginetest.FakeChecker) {
			startTask(t, s, job("a", ready, delayed(time.Minute)))
			c.FailNext(room.NotNow(syscall.EROFS))
			time.Sleep(time.Minute)
			expect(t, s, "a", task.Queued, "cannot begin yet: read-only file system")
			time.Sleep(time.Minute)
			next(t, f).Exit(task.Exit{}, false)
			startTask(t, s, job("b", ready, delayed(time.Minute)))
			c.FailNext(errors.New("no such check"))
			time.Sleep(time.Minute)
			expect(t, s, "b", task.Failed, "no such check")
		})
	})
	t.Run("no checker", func(t *testing.T) {
		faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, _ *enginetest.Fake) {
			_, err := s.Start(t.Context(), job("a", healthy))
			expectError(t, err, err, "cannot start a: this supervisor has no readiness and health checks")
		})
	})
}

func TestPauseOfAHealthCheck(t *testing.T) {
	checking(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake, c *enginetest.FakeChecker) {
		start(t, s, f, job("a", ready, healthy))
		k := c.Next(t)
		_, err := s.Pause(t.Context(), "a")
		expectError(t, err, task.ErrConflict, "Task a is starting: it can be paused once it is ready.")
		k.BeReady(nil)
		going(t, k, 0, 1)
		if _, err := s.Pause(t.Context(), "a"); err != nil {
			t.Error(err)
		}
		going(t, k, 0, 0)
		isReady(t, s, "a", "yes")
		time.Sleep(time.Hour)
		if _, err := s.Resume(t.Context(), "a"); err != nil {
			t.Error(err)
		}
		going(t, k, 0, 1)
		k.Fail(errDisk)
		expect(t, s, "a", task.Failed, "unhealthy: no space left on device")
	})
}

// A run that was not ready when its supervisor ended is checked again, for as
// long as any other, however old it is; one that was ready is.
func TestChecksOfRunsThatAreTakenBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st, f, c := newMemory(), enginetest.NewFake(), enginetest.NewFakeChecker()
		o := supervisor.Options{Commands: f.Adopter(), Store: st, Checker: c}
		s := supervisor.New(o)
		start(t, s, f, job("new", ready, healthy))
		start(t, s, f, job("late", ready))
		start(t, s, f, job("limited", ready, timeout(20*time.Minute)))
		setSlots(t, s, "g", 1)
		start(t, s, f, job("was", ready, healthy, in("g")))
		for range 3 {
			c.Next(t)
		}
		was := c.Next(t)
		was.BeReady(nil)
		synctest.Wait()
		if _, err := s.Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if open, going := c.Left(); open != 0 || going != 0 {
			t.Errorf("%d checks are open, %d still run", open, going)
		}
		time.Sleep(20*time.Minute - 10*time.Second)

		s = supervisor.New(o)
		s.Load(t.Context(), st.all())
		checks := make(map[string]*enginetest.FakeChecks)
		for range 4 {
			k := c.Next(t)
			checks[k.Spec.Name] = k
		}
		for _, name := range []string{"new", "late", "limited"} {
			expect(t, s, name, task.Starting, "")
			going(t, checks[name], 1, 0)
		}
		expect(t, s, "was", task.Running, "")
		going(t, checks["was"], 0, 1)
		if was.Slot != 1 || checks["was"].Slot != 1 || checks["new"].Slot != 0 {
			t.Errorf("slots %d, %d and %d", was.Slot, checks["was"].Slot, checks["new"].Slot)
		}
		checks["new"].BeReady(nil)
		expect(t, s, "new", task.Running, "")
		going(t, checks["new"], 0, 1)
		if !st.record("new").Ready {
			t.Error("it is not recorded as ready")
		}
		time.Sleep(9 * time.Second)
		expect(t, s, "limited", task.Starting, "")
		time.Sleep(time.Second)
		expect(t, s, "late", task.Starting, "")
		if got := expect(t, s, "limited", task.Failed, "timed out after 20m0s"); !got.TimedOut {
			t.Errorf("its time was over: %+v", got)
		}
		time.Sleep(20 * time.Second)
		expect(t, s, "late", task.Failed, "not ready after 30s: not yet")
		s.Close(t.Context())
		synctest.Wait()
		if open, going := c.Left(); open != 0 || going != 0 {
			t.Errorf("%d checks are open, %d still run", open, going)
		}
	})
}
