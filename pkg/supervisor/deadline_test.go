package supervisor_test

import (
	"syscall"
	"testing"
	"time"

	"tasks/internal/enginetest"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// What has ended before a deadline has ended by itself, also where the engine has not
// reported that yet, as after a time in which the supervisor did not run.
func TestEndsThatAreReportedLate(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		f.AutoStop(false)
		asked := func(r *enginetest.FakeRun) bool {
			select {
			case <-r.Stops():
				return true
			default:
				return false
			}
		}
		die := func(r *enginetest.FakeRun, after time.Duration) {
			time.Sleep(after)
			r.Die()
			time.Sleep(5 * time.Second)
		}
		r := start(t, s, f, web(timeout(3*time.Second), func(s *task.Spec) { s.Restart = task.RestartOnFailure }))
		die(r, time.Second)
		if r.Exit(task.Exit{}, false); asked(r) {
			t.Error("one that has ended was asked to end")
		}
		if got := expect(t, s, "web", task.Done, ""); got.TimedOut {
			t.Errorf("timed out: %+v", got)
		}

		r = start(t, s, f, job("slow"))
		stop := s.Submit(supervisor.Stop("slow", supervisor.End{}))
		<-r.Stops()
		die(r, task.DefaultStopTimeout-time.Second)
		r.Exit(task.Exit{}, false)
		if got, err := stop.Wait(t.Context()); err != nil || got.State != task.Stopped || got.Reason != "stopped" || asked(r) {
			t.Errorf("stop: %+v, %v", got, err)
		}

		r = start(t, s, f, job("every", func(s *task.Spec) { s.Every, s.Overlap = new(task.Duration(10*time.Second)), task.OverlapReplace }))
		die(r, 9*time.Second)
		r.Exit(task.Exit{Code: 3}, false)
		if next := f.Next(t); asked(r) || info(t, s, "every").Runs[0].ExitCode == nil || next.Launch.Run != 2 {
			t.Errorf("%+v", info(t, s, "every"))
		}
		s.Submit(supervisor.Stop("every", supervisor.End{Now: true}))

		// A debugger may hold an end forever.
		begin := time.Now()
		r = start(t, s, f, job("held", timeout(3*time.Second)))
		r.Die()
		if sig := <-r.Stops(); sig != syscall.SIGTERM || time.Since(begin) < 30*time.Second || time.Since(begin) > 35*time.Second {
			t.Errorf("%v after %s", sig, time.Since(begin))
		}
		f.AutoStop(true)
	})
}
