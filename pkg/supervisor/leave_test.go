package supervisor_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"tasks/internal/enginetest"
	"tasks/pkg/engine"
	"tasks/pkg/supervisor"
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

// hanging is an engine whose execs hang: those of tasks called none before they have a
// process.
type hanging struct {
	*enginetest.Fake
	engine.Adopter
}

func (e hanging) Start(ctx context.Context, l engine.Launch) (engine.Process, error) {
	<-ctx.Done()
	if l.Spec.Name == "none" || l.Spec.Name == "queued" {
		return nil, engine.ErrHangs
	}
	return e.Fake.Start(ctx, l)
}

// hung runs f with a supervisor in which a start of a task with, and of one without a
// process hangs, and another start of a queue.
func hung(t *testing.T, f func(t *testing.T, l *lives, started map[string]chan error)) {
	reborn(t, func(t *testing.T, l *lives) {
		l.o.Commands = hanging{l.fake, l.fake.Adopter()}
		l.Supervisor = supervisor.New(l.o)
		setSlots(t, l.Supervisor, "g", 1)
		started := make(map[string]chan error)
		for _, spec := range []task.Spec{job("with"), job("none"), job("queued", in("g"))} {
			done := make(chan error, 1)
			started[spec.Name] = done
			go func() { _, err := l.Supervisor.Start(t.Context(), spec); done <- err }()
		}
		synctest.Wait()
		time.Sleep(time.Hour)
		for _, name := range []string{"with", "none", "queued"} {
			if got, err := l.Info(name); err == nil && got.State != task.Starting && got.State != task.Queued {
				t.Fatalf("%s is %s", name, got.State)
			}
		}
		f(t, l, started)
	})
}

// A start that hangs holds up neither Leave nor a stop, nor the end: its process is a run
// like any other, and where it has none there is nothing to leave or to stop.
func TestHangingStartsHoldUpNobody(t *testing.T) {
	t.Run("leave", func(t *testing.T) {
		hung(t, func(t *testing.T, l *lives, started map[string]chan error) {
			begun := time.Now()
			commands := l.fake.Adopter()
			l.again(func() error { err := l.leave(); l.o.Commands = commands; return err }, 0)
			within(t, "Leave", time.Since(begun), time.Second, time.Second)
			if err := <-started["with"]; err != nil {
				t.Errorf("with: %v", err)
			}
			if err := <-started["none"]; err == nil || err.Error() != "cannot start none: the program or its directory cannot be reached in time" {
				t.Errorf("none: %v", err)
			}
			expect(t, l.Supervisor, "with", task.Running, "")
			expect(t, l.Supervisor, "queued", task.Running, "")
		})
	})
	for name, end := range map[string]func(*lives) error{"close": (*lives).close, "stop all": (*lives).stopAll} {
		t.Run(name, func(t *testing.T) {
			hung(t, func(t *testing.T, l *lives, _ map[string]chan error) {
				begun := time.Now()
				if err := end(l); err != nil {
					t.Error(err)
				}
				within(t, name, time.Since(begun), time.Second, time.Second)
			})
		})
	}
	t.Run("stop", func(t *testing.T) {
		hung(t, func(t *testing.T, l *lives, _ map[string]chan error) {
			for _, name := range []string{"with", "none", "queued"} {
				begun := time.Now()
				if got, err := l.Stop(t.Context(), name); err != nil || got.State != task.Stopped {
					t.Errorf("stop of %s: %+v, %v", name, got, err)
				}
				within(t, "stop of "+name, time.Since(begun), time.Second, time.Second)
			}
		})
	})
}
