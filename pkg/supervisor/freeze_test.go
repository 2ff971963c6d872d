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

// A freezer is a fake engine that can be frozen.
type freezer struct {
	*enginetest.Fake
	freeze func()
}

func (f freezer) Freeze() { f.freeze() }

func (f freezer) Adopt(ctx context.Context, l engine.Launch, ref task.Ref) (engine.Process, error) {
	return f.Adopter().Adopt(ctx, l, ref)
}

// What ends while Leave waits for hooks is recorded, until the engine was frozen; and
// hooks that come of it are waited for.
func TestLeaveRecordsUntilTheEngineIsFrozen(t *testing.T) {
	reborn(t, func(t *testing.T, l *lives) {
		fake, frozen := l.fake, 0
		var last *enginetest.FakeRun
		l.o.Commands = freezer{fake, func() {
			frozen++
			last.Exit(task.Exit{Code: 3}, false)
			synctest.Wait()
		}}
		l.again(l.close, 0)
		fake.HoldExec(true)
		start(t, l.Supervisor, fake, job("hooked", hooked)).Exit(task.Exit{}, false)
		hook := fake.NextExec(t)
		fails := start(t, l.Supervisor, fake, job("fails"))
		done := start(t, l.Supervisor, fake, job("done", restarts(task.RestartOnFailure), hooked))
		last = start(t, l.Supervisor, fake, job("last"))
		start(t, l.Supervisor, fake, job("goes-on"))
		go func() {
			time.Sleep(3 * time.Second)
			fails.Exit(task.Exit{Code: 7}, false)
			done.Exit(task.Exit{}, false)
			next := fake.NextExec(t)
			hook.End("", task.Exit{})
			time.Sleep(5 * time.Second)
			next.End("", task.Exit{})
		}()
		starts, begun := fake.Starts(), time.Now()
		if err := l.leave(); err != nil {
			t.Fatal(err)
		}
		within(t, "Leave", time.Since(begun), 8*time.Second, 8*time.Second)
		if n := fake.Starts() - starts; n != 0 || frozen != 1 {
			t.Errorf("%d began; frozen %d times", n, frozen)
		}
		for name, want := range map[string]task.State{"fails": task.Failed, "done": task.Done, "last": task.Failed, "goes-on": task.Running} {
			if r := l.st.record(name); r.State != want {
				t.Errorf("%s is recorded as %s", name, r.State)
			}
		}
		fake.HoldExec(false)
		l.o.Commands = fake.Adopter()
		l.again(func() error { return nil }, 0)
		expect(t, l.Supervisor, "fails", task.Failed, "exit code 7")
		expect(t, l.Supervisor, "done", task.Done, "")
		expect(t, l.Supervisor, "last", task.Failed, "exit code 3")
	})
}

// An end that the engine has reported is recorded, even if the task's goroutine rests and is
// not called any more.
func TestLeaveRecordsAnEndAsItRests(t *testing.T) {
	reborn(t, func(t *testing.T, l *lives) {
		var last *enginetest.FakeRun
		l.o.Commands = freezer{l.fake, func() {
			time.Sleep(time.Second) // until it rests
			last.Mute()
			last.Exit(task.Exit{Code: 3}, false)
		}}
		l.again(l.close, 0)
		last = start(t, l.Supervisor, l.fake, job("last"))
		if err := l.leave(); err != nil {
			t.Fatal(err)
		}
		if r := l.st.record("last"); r.State != task.Failed {
			t.Errorf("it is recorded as %s", r.State)
		}
		l.o.Commands = l.fake.Adopter()
		l.again(func() error { return nil }, 0)
	})
}

// A supervisor that ends with its tasks has no engine frozen: it waits for their ends.
func TestCloseDoesNotFreeze(t *testing.T) {
	reborn(t, func(t *testing.T, l *lives) {
		l.o.Commands = freezer{l.fake, func() { t.Error("frozen") }}
		l.again(l.close, 0)
		start(t, l.Supervisor, l.fake, job("a"))
		if _, err := l.StopAll(t.Context(), supervisor.End{}); err != nil {
			t.Error(err)
		}
		l.again(l.close, 0)
	})
}
