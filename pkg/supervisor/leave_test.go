package supervisor_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"tasks/pkg/task"
)

// While Leave waits for a function, nothing starts: neither a restart nor a schedule
// that is due.
func TestNothingBeginsDuringLeave(t *testing.T) {
	reborn(t, func(t *testing.T, l *lives) {
		start(t, l.Supervisor, l.fake, job("pausing", restarts(task.RestartAlways))).Exit(task.Exit{Code: 1}, false)
		start(t, l.Supervisor, l.fake, job("ends", restarts(task.RestartAlways)))
		start(t, l.Supervisor, l.fake, job("turns", every(time.Minute), overlaps(task.OverlapReplace)))
		start(t, l.Supervisor, l.fake, job("sleeps", every(time.Minute))).Exit(task.Exit{}, false)
		synctest.Wait()
		err := l.GoSpec(task.Spec{Name: "slow", StopTimeout: new(task.Duration(time.Hour))}, func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(10 * time.Minute)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		starts := l.fake.Starts()
		begun := time.Now()
		if err := l.leave(); err != nil {
			t.Fatal(err)
		}
		within(t, "Leave", time.Since(begun), 10*time.Minute, 10*time.Minute)
		if n := l.fake.Starts() - starts; n != 0 {
			t.Errorf("%d began", n)
		}
		for name, state := range map[string]task.State{"pausing": task.BackingOff, "turns": task.Running, "sleeps": task.Waiting} {
			if r := l.st.record(name); r.State != state || r.Desired != task.DesiredRunning {
				t.Errorf("%s is recorded as %s, %s", name, r.State, r.Desired)
			}
		}
		l.again(func() error { return nil }, 0)
		expect(t, l.Supervisor, "pausing", task.Running, "")
		expect(t, l.Supervisor, "sleeps", task.Running, "once for 10 missed times")
	})
}
