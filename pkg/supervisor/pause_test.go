package supervisor_test

import (
	"context"
	"maps"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"tasks/internal/enginetest"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

func TestPauseAndResume(t *testing.T) {
	st := newMemory()
	faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		r := start(t, s, f, job("a"))
		for range 2 { // a second pause succeeds
			if got, err := s.Pause(t.Context(), "a"); err != nil || got.State != task.Paused || got.PID == 0 || got.Desired != task.DesiredRunning {
				t.Errorf("Pause: %+v, %v", got, err)
			}
		}
		if !r.Paused() || st.record("a").State != task.Paused {
			t.Errorf("paused %v, recorded as %s", r.Paused(), st.record("a").State)
		}
		_, err := s.Start(t.Context(), job("a"))
		expectError(t, err, task.ErrConflict, "Task a is paused.")
		for range 2 {
			if got, err := s.Resume(t.Context(), "a"); err != nil || got.State != task.Running {
				t.Errorf("Resume: %+v, %v", got, err)
			}
		}
		if r.Paused() || st.record("a").State != task.Running {
			t.Errorf("paused %v, recorded as %s", r.Paused(), st.record("a").State)
		}
		// It may end while it is paused.
		s.Pause(t.Context(), "a")
		r.Exit(task.Exit{Signal: syscall.SIGKILL}, false)
		expect(t, s, "a", task.Failed, "ended by SIGKILL")
		_, err = s.Resume(t.Context(), "a")
		expectError(t, err, task.ErrConflict, "Task a is failed: cannot resume it.")
		_, err = s.Pause(t.Context(), "nobody")
		expectError(t, err, task.ErrNotFound, "nobody")
	})
}

func TestPauseConflicts(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		setSlots(t, s, "g", 0)
		start(t, s, f, job("ended")).Exit(task.Exit{}, false)
		start(t, s, f, job("pausing", restarts(task.RestartAlways))).Exit(task.Exit{}, false)
		startTask(t, s, job("queued", in("g")))
		startTask(t, s, job("sleeping", delayed(time.Hour)))
		ending := start(t, s, f, job("stopping"))
		ending.AutoStop(false)
		stop := s.Submit(supervisor.Stop("stopping", supervisor.End{}))
		synctest.Wait()
		for name, state := range map[string]string{
			"ended": "done", "pausing": "in backoff", "queued": "queued", "sleeping": "waiting", "stopping": "stopping",
		} {
			_, err := s.Pause(t.Context(), name)
			expectError(t, err, task.ErrConflict, "Task "+name+" is "+state+": cannot pause it.")
			_, err = s.Resume(t.Context(), name)
			expectError(t, err, task.ErrConflict, "Task "+name+" is "+state+": cannot resume it.")
		}
		ending.Exit(task.Exit{}, false)
		stop.Wait(t.Context())
		if err := s.Go("f", untilStop); err != nil {
			t.Fatal(err)
		}
		_, err := s.Pause(t.Context(), "f")
		expectError(t, err, task.ErrConflict, "cannot pause f: a function has only its stop event")
		start(t, s, f, job("stiff"))
		f.FailPause(syscall.EPERM)
		_, err = s.Pause(t.Context(), "stiff")
		expectError(t, err, syscall.EPERM, "cannot pause stiff: operation not permitted")
		expect(t, s, "stiff", task.Running, "")
		f.FailPause(nil)
		s.Pause(t.Context(), "stiff")
		f.FailPause(syscall.EPERM)
		_, err = s.Resume(t.Context(), "stiff")
		expectError(t, err, syscall.EPERM, "cannot resume stiff: operation not permitted")
		expect(t, s, "stiff", task.Paused, "")
	})
}

// The time in which a run is paused does not count as run time.
func TestPauseAndTimeout(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		r := start(t, s, f, job("a", timeout(time.Hour)))
		for range 3 {
			time.Sleep(15 * time.Minute)
			s.Pause(t.Context(), "a")
			s.Pause(t.Context(), "a")
			time.Sleep(5 * time.Hour)
			expect(t, s, "a", task.Paused, "")
			s.Resume(t.Context(), "a")
		}
		begin := time.Now()
		<-r.Stops()
		within(t, "the rest of the hour", time.Since(begin), 15*time.Minute, 15*time.Minute)
		expect(t, s, "a", task.Failed, "timed out after 1h0m0s")
	})
}

func TestStopAndRestartOfAPausedOne(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		setSlots(t, s, "g", 1)
		start(t, s, f, job("a", in("g")))
		startTask(t, s, job("b", in("g")))
		s.Pause(t.Context(), "a")
		quiet(t, f) // it has its slot
		if got, err := s.Restart(t.Context(), "a"); err != nil || got.State != task.Running || got.Run != 2 || got.Slot != 1 {
			t.Errorf("Restart: %+v, %v", got, err)
		}
		if r := next(t, f); r.Paused() {
			t.Error("the new run is paused")
		}
		s.Pause(t.Context(), "a")
		if got, err := s.Stop(t.Context(), "a"); err != nil || got.State != task.Stopped || got.Reason != "stopped" {
			t.Errorf("Stop: %+v, %v", got, err)
		}
		if r := next(t, f); r.Launch.Spec.Name != "b" {
			t.Errorf("%s began", r.Launch.Spec.Name)
		}
		s.Pause(t.Context(), "b")
		if _, err := s.Submit(supervisor.ForceRemove("b", supervisor.End{})).Wait(t.Context()); err != nil {
			t.Errorf("Remove: %v", err)
		}
		if f.Live() != 0 {
			t.Errorf("%d runs", f.Live())
		}
	})
}

func TestLoadOfAPausedOne(t *testing.T) {
	reborn(t, func(t *testing.T, l *lives) {
		r := start(t, l.Supervisor, l.fake, job("a", restarts(task.RestartAlways)))
		if _, err := l.Pause(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		l.again(l.leave, time.Hour)
		got := expect(t, l.Supervisor, "a", task.Paused, "")
		if got.PID != r.Ref().PID || got.Run != 1 || !*got.Ready || !r.Paused() {
			t.Errorf("%+v", got)
		}
		if got, err := l.Resume(t.Context(), "a"); err != nil || got.State != task.Running || r.Paused() {
			t.Errorf("Resume: %+v, %v", got, err)
		}
		l.Pause(t.Context(), "a")
		l.again(l.close, time.Hour) // it is stopped, and up again
		if got := expect(t, l.Supervisor, "a", task.Running, ""); got.Run != 2 || next(t, l.fake).Paused() {
			t.Errorf("%+v", got)
		}
	})
}

func TestSaveFailsAtAPause(t *testing.T) {
	st := newMemory()
	faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		r := start(t, s, f, job("a"))
		st.failing(func(*task.Record) error { return errDisk })
		_, err := s.Pause(t.Context(), "a")
		expectError(t, err, errDisk, "cannot record that a is paused")
		if expect(t, s, "a", task.Paused, ""); !r.Paused() {
			t.Error("it is not paused")
		}
		st.failing(nil)
		time.Sleep(3 * time.Second)
		if got := st.record("a"); got.State != task.Paused {
			t.Errorf("recorded as %s", got.State)
		}
	})
}

// A death cuts the pause or resume of a group in two: the next supervisor completes it.
// A task resumed by hand in a paused group keeps running.
func TestGroupIsPausedOverADeath(t *testing.T) {
	reborn(t, func(t *testing.T, l *lives) {
		runs := make(map[string]*enginetest.FakeRun)
		for _, name := range []string{"a", "b", "c"} {
			runs[name] = start(t, l.Supervisor, l.fake, job(name, in("g")))
		}
		are := func(states ...task.State) {
			t.Helper()
			for i, name := range []string{"a", "b", "c"} {
				expect(t, l.Supervisor, name, states[i], "")
				if paused := runs[name].Paused(); paused != (states[i] == task.Paused) {
					t.Errorf("%s is paused: %v", name, paused)
				}
			}
		}
		// diesIn has the supervisor end once the first record was saved.
		diesIn := func(change func(context.Context, string) (task.Group, error)) {
			t.Helper()
			var records []task.Record
			var groups map[string]task.Group
			l.st.failing(func(r *task.Record) error {
				if r != nil && records == nil {
					groups = maps.Clone(l.st.groups)
					for name, old := range l.st.records {
						if name == r.Spec.Name {
							old = *r
						}
						records = append(records, old)
					}
				}
				return nil
			})
			if g, err := change(t.Context(), "g"); err != nil || g.Unfinished {
				t.Errorf("%+v, %v", g, err)
			}
			l.st.failing(nil)
			l.again(func() error {
				err := l.leave()
				l.st.restore(records)
				l.st.groups = groups
				return err
			}, time.Minute)
			if g, err := l.Group("g"); err != nil || g.Unfinished || l.st.groups["g"].Unfinished {
				t.Errorf("%+v, %v", g, err)
			}
		}
		diesIn(l.PauseGroup)
		are(task.Paused, task.Paused, task.Paused)
		time.Sleep(time.Minute)
		l.Resume(t.Context(), "b")
		l.again(l.leave, time.Minute)
		are(task.Paused, task.Running, task.Paused)
		diesIn(l.ResumeGroup)
		are(task.Running, task.Running, task.Running)
	})
}

// What a death leaves paused or resumed, and not recorded, becomes what its record says;
// what had just begun in a paused group is paused.
func TestPausedAsRecorded(t *testing.T) {
	reborn(t, func(t *testing.T, l *lives) {
		resumed := start(t, l.Supervisor, l.fake, job("resumed"))
		l.Pause(t.Context(), "resumed")
		paused := start(t, l.Supervisor, l.fake, job("paused"))
		begun := start(t, l.Supervisor, l.fake, job("begun", in("g")))
		before := l.st.all()
		time.Sleep(time.Second)
		l.Resume(t.Context(), "resumed")
		l.Pause(t.Context(), "paused")
		l.ChangeGroup("g", func(g *task.Group) { g.Paused = true })
		l.again(func() error {
			err := l.leave()
			l.st.restore(before)
			return err
		}, time.Minute)
		for name, r := range map[string]*enginetest.FakeRun{"resumed": resumed, "paused": paused, "begun": begun} {
			want := task.Paused
			if name == "paused" {
				want = task.Running
			}
			expect(t, l.Supervisor, name, want, "")
			if r.Paused() != (want == task.Paused) {
				t.Errorf("%s is paused: %v", name, r.Paused())
			}
		}
	})
}
