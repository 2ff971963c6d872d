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

func TestSaveFailsAtTheBeginning(t *testing.T) {
	st := newMemory()
	faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		st.failing(func(r *task.Record) error {
			if r.State == task.Running {
				return errDisk
			}
			return nil
		})
		_, err := s.Start(t.Context(), web(restarts(task.RestartAlways)))
		if !errors.Is(err, errDisk) || err.Error() != "cannot start web: no space left on device" {
			t.Errorf("Start: %v", err)
		}
		r := f.Next(t)
		if sig := <-r.Stops(); sig != syscall.SIGKILL {
			t.Errorf("the run got %v", sig)
		}
		expect(t, s, "web", task.Stopped, "no space left on device")
		if f.Live() != 0 {
			t.Error("a run lives on whose start was refused")
		}
		st.failing(nil)
		start(t, s, f, web())
		if got := st.record("web"); got.State != task.Running || got.Runs[len(got.Runs)-1].Run != 2 {
			t.Errorf("record: %+v", got)
		}
	})
}

func TestSaveFailsAtTheEnd(t *testing.T) {
	st := newMemory()
	faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		start(t, s, f, web())
		st.failing(func(*task.Record) error { return errDisk })
		got, err := s.Stop(t.Context(), "web")
		if !errors.Is(err, errDisk) || got.State != task.Stopped {
			t.Errorf("Stop: %+v, %v", got, err)
		}
		_, err = s.Remove(t.Context(), "web")
		if !errors.Is(err, errDisk) {
			t.Errorf("Remove: %v", err)
		}
		expect(t, s, "web", task.Stopped, "stopped")
		st.failing(nil)
		start(t, s, f, web())
		if got := st.record("web"); got.State != task.Running || got.Runs[0].State != task.Stopped {
			t.Errorf("record: %+v", got)
		}
	})
}

// After a reboot onto a full disk, or before a disk is mounted, a task whose desired
// state is running is tried until it can start.
func TestLoadBeforeThereIsRoom(t *testing.T) {
	st := newMemory()
	faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		st.failing(func(*task.Record) error { return errDisk })
		f.FailNext(errDisk)
		s.Load(t.Context(), []task.Record{record(task.Stopped, task.DesiredRunning, func(r *task.Record) {
			r.Spec.Restart, r.Shutdown = task.RestartAlways, true
		})})
		expect(t, s, "web", task.Queued, "cannot begin yet: no space left on device")
		f.Next(t) // it can start, but not be recorded: it keeps running
		time.Sleep(time.Minute)
		if got := expect(t, s, "web", task.Running, ""); got.Desired != task.DesiredRunning {
			t.Errorf("the desired state is %q", got.Desired)
		}
		st.failing(nil)
		time.Sleep(3 * time.Second)
		if got := st.record("web"); got.State != task.Running || got.Desired != task.DesiredRunning {
			t.Errorf("record: %+v", got)
		}
	})
	t.Run("the record alone", func(t *testing.T) {
		st := newMemory()
		faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
			st.failing(func(*task.Record) error { return errDisk })
			s.Load(t.Context(), []task.Record{record(task.Stopped, task.DesiredRunning, func(r *task.Record) {
				r.Spec.Restart, r.Shutdown = task.RestartAlways, true
			})})
			if got := expect(t, s, "web", task.Running, ""); got.Desired != task.DesiredRunning {
				t.Errorf("the desired state is %q", got.Desired)
			}
		})
	})
}

// What could not be saved is saved once there is room, without anybody's doing.
func TestSavedAtLast(t *testing.T) {
	st := newMemory()
	faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		start(t, s, f, web())
		st.failing(func(*task.Record) error { return errDisk })
		if _, err := s.Stop(t.Context(), "web"); !errors.Is(err, errDisk) {
			t.Errorf("Stop: %v", err)
		}
		time.Sleep(time.Minute)
		if got := st.record("web"); got.State != task.Running {
			t.Errorf("record on the full disk: %+v", got)
		}
		st.failing(nil)
		time.Sleep(3 * time.Second)
		saves := st.count()
		if got := st.record("web"); got.State != task.Stopped || got.Desired != task.DesiredStopped || got.Reason != "stopped" {
			t.Errorf("record: %+v", got)
		}
		time.Sleep(time.Minute)
		if n := st.count() - saves; n > 0 {
			t.Errorf("%d saves after that", n)
		}
	})
}

// What could not be saved, and has room again as the supervisor leaves its tasks or
// ends, is saved then: no later time would come.
func TestSavedAsItEnds(t *testing.T) {
	for name, end := range map[string]func(*testing.T, *supervisor.Supervisor) error{
		"leave": func(t *testing.T, s *supervisor.Supervisor) error {
			_, err := s.Leave(t.Context())
			return err
		},
		"close": func(t *testing.T, s *supervisor.Supervisor) error { return s.Close(t.Context()) },
	} {
		t.Run(name, func(t *testing.T) {
			st := newMemory()
			faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
				start(t, s, f, web(restarts(task.RestartAlways)))
				one := start(t, s, f, job("one"))
				st.failing(func(*task.Record) error { return errDisk })
				if _, err := s.Stop(t.Context(), "web"); !errors.Is(err, errDisk) {
					t.Errorf("Stop: %v", err)
				}
				one.Exit(task.Exit{Code: 4}, true)
				synctest.Wait()
				st.failing(nil)
				if err := end(t, s); err != nil {
					t.Fatal(err)
				}
				s.Close(t.Context())
				if got := st.record("web"); got.State != task.Stopped || got.Desired != task.DesiredStopped {
					t.Errorf("what was stopped: %+v", got)
				}
				if got := st.record("one"); got.State != task.Failed || *got.Runs[0].ExitCode != 4 {
					t.Errorf("what has ended: %+v", got)
				}
			})
		})
	}
}

// An automatic restart was promised to nobody: it runs without a record.
func TestSaveFailsAtAnAutomaticRestart(t *testing.T) {
	st := newMemory()
	faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		r := start(t, s, f, web(restarts(task.RestartAlways)))
		st.failing(func(*task.Record) error { return errDisk })
		r.Exit(task.Exit{Code: 1}, false)
		second := f.Next(t)
		time.Sleep(time.Minute)
		if got := expect(t, s, "web", task.Running, ""); got.Desired != task.DesiredRunning || got.Run != 2 {
			t.Errorf("%+v", got)
		}
		st.failing(nil)
		time.Sleep(3 * time.Second)
		if got := st.record("web"); got.State != task.Running || got.Ref != second.Ref() || len(got.Runs) != 2 {
			t.Errorf("record: %+v", got)
		}
	})
}

// While the machine has no room, what is queued stays so, in its order.
func TestQueueWithoutRoom(t *testing.T) {
	st := newMemory()
	faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		setSlots(t, s, "g", 1)
		first := start(t, s, f, job("first", in("g")))
		for _, name := range []string{"a", "b", "c"} {
			startTask(t, s, job(name, in("g")))
		}
		for range 3 {
			f.FailNext(fmt.Errorf("cannot fork: %w", syscall.EAGAIN))
		}
		first.Exit(task.Exit{}, false)
		synctest.Wait()
		for _, name := range []string{"a", "b", "c"} {
			want := "waits for a slot of g"
			if name == "a" {
				want = "cannot begin yet: cannot fork: resource temporarily unavailable"
			}
			if got := expect(t, s, name, task.Queued, want); got.Run != 0 || len(got.Runs) != 0 || got.Slot != 0 || got.Restarts != 0 {
				t.Errorf("%+v", got)
			}
			if r := st.record(name); r.State != task.Queued || r.Queued.IsZero() || !r.Fresh {
				t.Errorf("recorded as %+v", r)
			}
		}
		startTask(t, s, job("d", in("g"))) // and what comes meanwhile is behind them
		quiet(t, f)
		time.Sleep(5 * time.Second)
		expect(t, s, "a", task.Queued, "cannot begin yet: cannot fork: resource temporarily unavailable")
		quiet(t, f)
		if starts := f.Starts(); starts != 4 {
			t.Errorf("%d starts", starts)
		}
		time.Sleep(time.Second)
		for _, name := range []string{"a", "b", "c", "d"} {
			r := next(t, f)
			if r.Launch.Spec.Name != name || r.Launch.Run != 1 || r.Launch.Slot != 1 {
				t.Errorf("%+v, not %s", r.Launch, name)
			}
			expect(t, s, name, task.Running, "")
			r.Exit(task.Exit{}, false)
		}
	})
}

// What becomes of one that could not begin is what becomes of any that is queued, whether or
// not it has a group.
func TestQueuedWithoutRoom(t *testing.T) {
	for name, tt := range map[string]func(t *testing.T, s *supervisor.Supervisor, st *memory){
		"stop": func(t *testing.T, s *supervisor.Supervisor, st *memory) {
			got, err := s.Stop(t.Context(), "a")
			if r := st.record("a"); err != nil || got.State != task.Stopped || r.State != task.Stopped || r.Desired != task.DesiredStopped {
				t.Errorf("Stop: %+v, %v, recorded as %+v", got, err, r)
			}
		},
		"removal": func(t *testing.T, s *supervisor.Supervisor, st *memory) {
			if _, err := s.Submit(supervisor.ForceRemove("a", supervisor.End{})).Wait(t.Context()); err != nil {
				t.Errorf("Remove: %v", err)
			}
		},
		"exit": func(t *testing.T, s *supervisor.Supervisor, st *memory) {
			s.Close(t.Context())
			if r := st.record("a"); r.State != task.Queued || r.Desired != task.DesiredRunning {
				t.Errorf("recorded as %+v", r)
			}
		},
		"leave": func(t *testing.T, s *supervisor.Supervisor, st *memory) {
			s.Leave(t.Context())
			if r := st.record("a"); r.State != task.Queued || r.Desired != task.DesiredRunning {
				t.Errorf("recorded as %+v", r)
			}
		},
	} {
		for how, waits := range map[string]func(*task.Spec){"slot": in("g"), "order": after("first")} {
			t.Run(name+", "+how, func(t *testing.T) {
				st := newMemory()
				faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
					setSlots(t, s, "g", 1)
					first := start(t, s, f, job("first", in("g")))
					startTask(t, s, job("a", waits))
					f.FailNext(syscall.EMFILE)
					first.Exit(task.Exit{}, false)
					synctest.Wait()
					expect(t, s, "a", task.Queued, "cannot begin yet: too many open files")
					tt(t, s, st)
					time.Sleep(time.Minute)
					quiet(t, f)
				})
			})
		}
	}
}

// Nor does a start fail that has a slot at once; but if it cannot be recorded
// either, its caller gets the error.
func TestStartWithoutRoom(t *testing.T) {
	st := newMemory()
	faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		setSlots(t, s, "g", 1)
		f.FailNext(syscall.EMFILE)
		got, err := s.Start(t.Context(), job("a", in("g")))
		if err != nil || got.State != task.Queued || got.Reason != "cannot begin yet: too many open files" || st.record("a").State != task.Queued {
			t.Errorf("Start: %+v, %v", got, err)
		}
		time.Sleep(2 * time.Second)
		next(t, f).Exit(task.Exit{}, false)
		expect(t, s, "a", task.Done, "")
		st.failing(func(*task.Record) error { return errDisk })
		f.FailNext(errDisk)
		_, err = s.Start(t.Context(), job("b", in("g")))
		if !errors.Is(err, errDisk) {
			t.Errorf("Start: %v", err)
		}
		expect(t, s, "b", task.Stopped, "no space left on device")
		quiet(t, f)
	})
}
