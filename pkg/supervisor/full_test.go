package supervisor_test

import (
	"errors"
	"syscall"
	"testing"
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
		_, err = s.Remove(t.Context(), "web", false)
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

// After a reboot onto a full disk, or before another is mounted, what is to be up
// is tried until it can begin.
func TestLoadBeforeThereIsRoom(t *testing.T) {
	st := newMemory()
	faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		st.failing(func(*task.Record) error { return errDisk })
		f.FailNext(errDisk)
		s.Load(t.Context(), []task.Record{record(task.Stopped, task.Up, func(r *task.Record) {
			r.Spec.Restart, r.Shutdown = task.RestartAlways, true
		})})
		expect(t, s, "web", task.BackingOff, "no space left on device")
		f.Next(t) // it can begin, but not be recorded: it goes on
		time.Sleep(time.Minute)
		if got := expect(t, s, "web", task.Running, ""); got.Wish != task.Up {
			t.Errorf("the wish is %q", got.Wish)
		}
		st.failing(nil)
		time.Sleep(3 * time.Second)
		if got := st.record("web"); got.State != task.Running || got.Wish != task.Up {
			t.Errorf("record: %+v", got)
		}
	})
	t.Run("the record alone", func(t *testing.T) {
		st := newMemory()
		faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
			st.failing(func(*task.Record) error { return errDisk })
			s.Load(t.Context(), []task.Record{record(task.Stopped, task.Up, func(r *task.Record) {
				r.Spec.Restart, r.Shutdown = task.RestartAlways, true
			})})
			if got := expect(t, s, "web", task.Running, ""); got.Wish != task.Up {
				t.Errorf("the wish is %q", got.Wish)
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
		if got := st.record("web"); got.State != task.Stopped || got.Wish != task.Down || got.Reason != "stopped" {
			t.Errorf("record: %+v", got)
		}
		time.Sleep(time.Minute)
		if n := st.count() - saves; n > 0 {
			t.Errorf("%d saves after that", n)
		}
	})
}

// An automatic restart was promised to nobody: it needs no record to go on.
func TestSaveFailsAtAnAutomaticRestart(t *testing.T) {
	st := newMemory()
	faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		r := start(t, s, f, web(restarts(task.RestartAlways)))
		st.failing(func(*task.Record) error { return errDisk })
		r.Exit(task.Exit{Code: 1}, false)
		second := f.Next(t)
		time.Sleep(time.Minute)
		if got := expect(t, s, "web", task.Running, ""); got.Wish != task.Up || got.Run != 2 {
			t.Errorf("%+v", got)
		}
		st.failing(nil)
		time.Sleep(3 * time.Second)
		if got := st.record("web"); got.State != task.Running || got.Ref != second.Ref() || len(got.Runs) != 2 {
			t.Errorf("record: %+v", got)
		}
	})
}

func TestSaveFailsAtARestart(t *testing.T) {
	st := newMemory()
	faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		start(t, s, f, web())
		st.failing(func(*task.Record) error { return errDisk })
		_, err := s.Restart(t.Context(), "web")
		if !errors.Is(err, errDisk) {
			t.Errorf("Restart: %v", err)
		}
		expect(t, s, "web", task.Stopped, "no space left on device")
		if f.Live() != 0 {
			t.Error("a run that is not recorded lives on")
		}
	})
}
