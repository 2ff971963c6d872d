package supervisor_test

import (
	"os"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"tasks/internal/enginetest"
	"tasks/internal/lifecycle"
	"tasks/internal/logs"
	"tasks/internal/room"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// The start of a task that must wait is answered before the task can run: if it then
// cannot, no caller gets the error, and its restart policy decides what follows.
func TestCannotBeginAfterAWait(t *testing.T) {
	for name, spec := range map[string]task.Spec{
		"slot":  job("b", in("g"), restarts(task.RestartOnFailure)),
		"order": job("b", after("a"), restarts(task.RestartOnFailure)),
		"both":  job("b", after("a"), in("h"), restarts(task.RestartOnFailure)),
		"time":  job("b", delayed(time.Hour), restarts(task.RestartOnFailure)),
	} {
		t.Run(name, func(t *testing.T) {
			faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
				setSlots(t, s, "g", 1)
				a := start(t, s, f, job("a", in("g")))
				startTask(t, s, spec)
				f.FailNext(syscall.EACCES)
				a.Exit(task.Exit{}, false)
				if name == "time" {
					time.Sleep(time.Hour)
				}
				expect(t, s, "b", task.BackingOff, "permission denied")
				if r := f.Next(t); r.Launch.Run != 2 {
					t.Errorf("%+v", r.Launch)
				}
				s.Stop(t.Context(), "b")
				// Without a wait its caller gets the error.
				spec := spec
				spec.Delay = nil
				synctest.Wait()
				f.FailNext(syscall.EACCES)
				_, err := s.Start(t.Context(), spec)
				expectError(t, err, err, "cannot start b: permission denied")
				expect(t, s, "b", task.Failed, "permission denied")
			})
		})
	}
}

// Whatever led to a run that nobody waits for, and whether or not its policy restarts it:
// where the machine is out of something it waits, and begins once that is there.
func TestWaitsForResources(t *testing.T) {
	for name, tt := range map[string]struct {
		spec task.Spec
		came time.Duration // until it is due
	}{
		"slot":     {job("b", in("g")), 0},
		"order":    {job("b", after("a")), 0},
		"both":     {job("b", after("a"), in("h")), 0},
		"time":     {job("b", delayed(time.Hour)), time.Hour},
		"schedule": {job("b", delayed(time.Hour), every(24*time.Hour)), time.Hour},
		"policy":   {job("b", after("a"), restarts(task.RestartAlways), func(s *task.Spec) { s.MaxRestarts = new(0) }), 0},
	} {
		for _, short := range []error{errDisk, room.NotNow(syscall.EROFS)} {
			t.Run(name+", "+short.Error(), func(t *testing.T) {
				k := &scarceLogs{Dir: logs.Dir(t.TempDir())}
				faked(t, supervisor.Options{Logs: k}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
					setSlots(t, s, "g", 1)
					a := start(t, s, f, job("a", in("g")))
					startTask(t, s, tt.spec)
					k.missing(short)
					time.Sleep(tt.came)
					a.Exit(task.Exit{}, false)
					for range 3 {
						got := expect(t, s, "b", task.Queued, "cannot begin yet: "+short.Error())
						if got.Run != 0 || got.Restarts != 0 || len(got.Runs) != 0 || got.Desired != task.DesiredRunning {
							t.Errorf("%+v", got)
						}
						time.Sleep(time.Minute)
					}
					_, err := s.Restart(t.Context(), "b")
					if tt.spec.Group == "" {
						expectError(t, err, err, "cannot start b yet, it is tried again: "+short.Error())
					}
					k.missing(nil)
					time.Sleep(lifecycle.ResourcesWait)
					if r := next(t, f); r.Launch.Run != 1 {
						t.Errorf("run %d", r.Launch.Run)
					}
					if got := expect(t, s, "b", task.Running, ""); got.Restarts != 0 {
						t.Errorf("%+v", got)
					}
				})
			})
		}
	}
}

// scarceLogs makes no log while it says why.
type scarceLogs struct {
	logs.Dir
	mu  sync.Mutex
	why error
}

func (l *scarceLogs) missing(why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.why = why
}

func (l *scarceLogs) Create(name string, run int) (*os.File, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.why != nil {
		return nil, l.why
	}
	return l.Dir.Create(name, run)
}
