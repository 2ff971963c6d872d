package supervisor_test

import (
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"tasks/internal/enginetest"
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
				begin(t, s, spec)
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
