package supervisor_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"tasks/internal/enginetest"
	"tasks/internal/logs"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// keeper notes what a LogKeeper hears.
type keeper struct {
	logs.Dir
	mu    sync.Mutex
	heard []string
	full  error
	used  map[string]bool // tasks with logs that are written to
}

func (k *keeper) note(format string, args ...any) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.heard = append(k.heard, fmt.Sprintf(format, args...))
}

func (k *keeper) Watch(spec *task.Spec, run int) {
	k.note("watch %s %d %d", spec.Name, run, *spec.LogKeep)
}
func (k *keeper) WatchLeft(spec *task.Spec, last int) { k.note("watch left %s %d", spec.Name, last) }
func (k *keeper) Written(name string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.used[name]
}

func (k *keeper) Done(name string, run int) { k.note("done %s %d", name, run) }

func (k *keeper) Reserve(name string, run int) error {
	k.mu.Lock()
	err := k.full
	k.mu.Unlock()
	if err == nil {
		err = k.Dir.Ahead(name, run+1)
	}
	return err
}

func (k *keeper) filled(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.full = err
}

func (k *keeper) expect(t *testing.T, want ...string) {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	if !slices.Equal(k.heard, want) {
		t.Errorf("heard %q, want %q", k.heard, want)
	}
}

func TestLogKeeper(t *testing.T) {
	k := &keeper{Dir: logs.Dir(t.TempDir())}
	st := newMemory()
	faked(t, supervisor.Options{Logs: k}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		spec := web(func(s *task.Spec) { s.LogKeep = new(3) })
		start(t, s, f, spec)
		s.Restart(t.Context(), "web")
		f.Next(t)
		s.Stop(t.Context(), "web")
		k.expect(t, "watch web 1 3", "done web 1", "watch web 2 3", "done web 2")
		k.heard = nil
		f.FailNext(errors.New("no"))
		s.Start(t.Context(), spec)
		k.expect(t, "watch web 3 3", "done web 3")

		// Taken back, a run is watched again.
		k.heard = nil
		old := start(t, s, f, spec)
		next := supervisor.New(supervisor.Options{Commands: f.Adopter(), Logs: k, Store: st})
		next.Load(t.Context(), []task.Record{record(task.Running, task.DesiredRunning, func(r *task.Record) {
			r.Spec, r.Ref = spec, old.Ref()
		})})
		k.expect(t, "watch web 4 3", "watch web 7 3")
		next.Close(t.Context())
	})
}

// What earlier runs were allowed to leave behind writes on: their logs are watched.
func TestLogsOfWhatWasLeftAreWatched(t *testing.T) {
	k := &keeper{Dir: logs.Dir(t.TempDir())}
	faked(t, supervisor.Options{Logs: k}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		ended := func(name string, leave bool) task.Record {
			return record(task.Done, task.DesiredRunning, func(r *task.Record) {
				r.Spec = job(name)
				r.Spec.LeaveChildren = leave
				r.Runs[0].Run = 7
			})
		}
		s.Load(t.Context(), []task.Record{ended("web", true), ended("other", false)})
		k.expect(t, "watch left web 7")
	})
}

// A task whose run has left a process behind that writes to its log is not forgotten in
// time.
func TestWhatIsLeftIsNotForgotten(t *testing.T) {
	k := &keeper{Dir: logs.Dir(t.TempDir()), used: map[string]bool{"daemon": true, "job-1": true}}
	faked(t, supervisor.Options{Logs: k, KeepEnded: 2}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		ends := func(name string, leave bool) {
			start(t, s, f, job(name, func(s *task.Spec) { s.LogKeep, s.LeaveChildren = new(3), leave })).Exit(task.Exit{}, false)
			time.Sleep(time.Second)
		}
		ends("daemon", true)
		for i := range 5 {
			ends(fmt.Sprint("job-", i), false)
		}
		listed := func(want ...string) {
			t.Helper()
			var names []string
			for _, one := range s.List() {
				names = append(names, one.Name)
			}
			if !slices.Equal(names, want) {
				t.Errorf("%q, want %q", names, want)
			}
		}
		listed("daemon", "job-3", "job-4")
		k.mu.Lock()
		clear(k.used)
		k.mu.Unlock()
		ends("job-5", false)
		listed("job-4", "job-5")
	})
}

// On a full disk a run is not ended for one that could not begin.
func TestNoRoomToStartAgain(t *testing.T) {
	k := &keeper{Dir: logs.Dir(t.TempDir()), full: errDisk}
	faked(t, supervisor.Options{Logs: k}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		spec := web(func(s *task.Spec) { s.LogKeep = new(3) })
		start(t, s, f, spec)
		expectKept(t, s, spec)
		if _, err := s.Start(t.Context(), spec); !errors.Is(err, task.ErrConflict) {
			t.Errorf("Start: %v", err)
		}
		if _, err := s.Stop(t.Context(), "web"); err != nil {
			t.Errorf("Stop: %v", err)
		}
	})
}
