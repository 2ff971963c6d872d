package supervisor_test

import (
	"fmt"
	"testing"
	"testing/synctest"

	"tasks/internal/enginetest"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

func failFast(n int) func(*task.Spec) {
	return func(s *task.Spec) { s.Batch, s.FailFast = "b", n }
}

// No job gets the slot of the one with which its batch is given up, and runs continue;
// others of the group do get it. A supervisor that follows keeps to that.
func TestFailFast(t *testing.T) {
	reborn(t, func(t *testing.T, l *lives) {
		setSlots(t, l.Supervisor, "g", 2)
		first := start(t, l.Supervisor, l.fake, job("j1", in("g"), failFast(2)))
		second := start(t, l.Supervisor, l.fake, job("j2", in("g"), failFast(2), restarts(task.RestartOnFailure), func(s *task.Spec) { s.MaxRestarts = new(1) }))
		for i := range 5 {
			startTask(t, l.Supervisor, job(fmt.Sprint("j", i+3), in("g"), failFast(2)))
		}
		startTask(t, l.Supervisor, job("other", in("g")))
		first.Exit(task.Exit{Code: 1}, false) // one
		third := l.fake.Next(t)
		second.Exit(task.Exit{Code: 1}, false) // it is tried again
		fourth := l.fake.Next(t)
		if third.Launch.Spec.Name != "j3" || fourth.Launch.Spec.Name != "j4" {
			t.Fatalf("%s, %s", third.Launch.Spec.Name, fourth.Launch.Spec.Name)
		}
		l.again(l.leave, 0)
		third.Exit(task.Exit{Code: 1}, false)          // two
		for _, name := range []string{"j2", "other"} { // the one has begun before
			r := l.fake.Next(t)
			if r.Launch.Spec.Name != name {
				t.Errorf("%s began, not %s", r.Launch.Spec.Name, name)
			}
			r.Exit(task.Exit{}, false)
		}
		synctest.Wait()
		for _, name := range []string{"j5", "j6", "j7"} {
			expect(t, l.Supervisor, name, task.Stopped, "stopped before it began: --fail-fast=2")
		}
		expect(t, l.Supervisor, "j4", task.Running, "")
		l.again(l.leave, 0)
		l.Start(t.Context(), job("late", in("g"), failFast(2)))
		synctest.Wait()
		expect(t, l.Supervisor, "late", task.Stopped, "stopped before it began: --fail-fast=2")
		if info, err := l.Restart(t.Context(), "j3"); err != nil || info.Spec.FailFast > 0 {
			t.Errorf("%+v, %v", info.Spec, err)
		}
		l.Stop(t.Context(), "j3")
		fourth.Exit(task.Exit{}, false)
		if _, err := l.Start(t.Context(), task.Spec{Name: "j5"}); err != nil { // by hand it stands for itself
			t.Error(err)
		}
		expect(t, l.Supervisor, "j5", task.Running, "")
	})
}

// A job that is tried again after the death of the machine has not failed: its batch continues. One
// that is given up does not take back what had begun.
func TestFailFastAfterTheDeathOfTheMachine(t *testing.T) {
	for _, failed := range []bool{false, true} {
		t.Run(fmt.Sprint(failed), func(t *testing.T) {
			reborn(t, func(t *testing.T, l *lives) {
				setSlots(t, l.Supervisor, "g", 2)
				retried := restarts(task.RestartOnFailure)
				first := start(t, l.Supervisor, l.fake, job("j1", in("g"), failFast(1), retried))
				second := start(t, l.Supervisor, l.fake, job("j2", in("g"), failFast(1)))
				startTask(t, l.Supervisor, job("j3", in("g"), failFast(1), retried))
				code := 0
				if failed {
					code = 1
				}
				setSlots(t, l.Supervisor, "g", 1)
				second.Exit(task.Exit{Code: code}, false)
				synctest.Wait()
				death := dies(l)
				l.again(func() error {
					err := death()
					first.Exit(task.Exit{}, false)
					return err
				}, 0)
				again := l.fake.Next(t)
				if again.Launch.Spec.Name != "j1" {
					t.Errorf("%s begins", again.Launch.Spec.Name)
				}
				again.Exit(task.Exit{}, false)
				expect(t, l.Supervisor, "j1", task.Done, "")
				if failed {
					expect(t, l.Supervisor, "j3", task.Stopped, "stopped before it began: --fail-fast=1")
				} else {
					expect(t, l.Supervisor, "j3", task.Running, "")
				}
			})
		})
	}
}

// No other job of its batch gets the slot that a failed one gives back as it leaves its group.
func TestFailFastOfAnEditedJob(t *testing.T) {
	for _, group := range []string{"other", ""} {
		t.Run(group, func(t *testing.T) {
			faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
				setSlots(t, s, "g", 1)
				r := start(t, s, f, job("j1", in("g"), failFast(1)))
				startTask(t, s, job("j2", in("g"), failFast(1)))
				edit(t, s, "j1", in(group))
				r.Exit(task.Exit{Code: 1}, false)
				synctest.Wait()
				if info, _ := s.Info("j2"); info.State != task.Stopped || info.Run != 0 {
					t.Errorf("j2 is %s, run %d", info.State, info.Run)
				}
			})
		})
	}
}
