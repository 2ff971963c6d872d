package enginetest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"tasks/internal/enginetest"
	"tasks/pkg/engine"
	"tasks/pkg/task"
)

func TestFakePauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := enginetest.NewFake()
		p, err := f.Start(t.Context(), launch())
		if err != nil {
			t.Fatal(err)
		}
		r, pauser := f.Next(t), p.(engine.Pauser)
		if err := pauser.Pause(); err != nil || !r.Paused() {
			t.Errorf("Pause: %v, paused %v", err, r.Paused())
		}
		if err := pauser.Resume(); err != nil || r.Paused() {
			t.Errorf("Resume: %v, paused %v", err, r.Paused())
		}
		stiff := errors.New("stiff")
		f.FailPause(stiff)
		if err := pauser.Pause(); err != stiff || r.Paused() {
			t.Errorf("Pause: %v, paused %v", err, r.Paused())
		}
		f.FailPause(nil)
		r.Exit(task.Exit{}, false)
		if err := pauser.Pause(); err == nil {
			t.Error("an ended run was paused")
		}
	})
}

func TestFakeShell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := enginetest.NewFake()
		if out, exit, err := f.Exec(t.Context(), launch(), "a"); out != "" || !exit.OK() || err != nil {
			t.Errorf("a: %q, %+v, %v", out, exit, err)
		}
		if e := f.NextExec(t); e.Line != "a" || e.Launch.Run != 1 || !f.NoExec() {
			t.Errorf("NextExec: %+v", e)
		}
		f.HoldExec(true)
		go func() {
			e := f.NextExec(t)
			e.End("out", task.Exit{Code: 3})
			e.End("again", task.Exit{})
		}()
		if out, exit, err := f.Exec(t.Context(), launch(), "b"); out != "out" || exit.Code != 3 || err != nil {
			t.Errorf("b: %q, %+v, %v", out, exit, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, _, err := f.Exec(ctx, launch(), "c"); err != context.DeadlineExceeded {
			t.Errorf("c: %v", err)
		}
	})
}

func TestFakeChecker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := enginetest.NewFakeChecker()
		no := errors.New("no")
		c.FailNext(no)
		if k, err := c.Begin(engine.Launch{Spec: &task.Spec{}, Run: 1}, ""); k != nil || err != no {
			t.Errorf("Begin: %v, %v", k, err)
		}
		checks, err := c.Begin(engine.Launch{Spec: &task.Spec{}, Run: 2}, "log")
		if err != nil {
			t.Fatal(err)
		}
		k := c.Next(t)
		if k.Run != 2 || k.Log != "log" || len(checks.Env()) != 1 {
			t.Errorf("Next: %+v", k)
		}
		errs := make(chan error, 2)
		go func() { errs <- checks.Ready(t.Context()) }()
		synctest.Wait()
		if ready, healthy := k.Going(); ready != 1 || healthy != 0 {
			t.Errorf("%d and %d checks still run", ready, healthy)
		}
		k.BeReady(nil)
		if err := <-errs; err != nil {
			t.Errorf("Ready: %v", err)
		}
		go func() { errs <- checks.Healthy(t.Context()) }()
		k.Fail(no)
		if err := <-errs; err != no {
			t.Errorf("Healthy: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		k.Say(no)
		if err := checks.Ready(ctx); err != no {
			t.Errorf("Ready: %v", err)
		}
		if err := checks.Healthy(ctx); err != nil {
			t.Errorf("Healthy: %v", err)
		}
		if open, going := c.Left(); open != 1 || going != 0 {
			t.Errorf("%d open, %d going", open, going)
		}
		checks.Close()
		if open, _ := c.Left(); open != 0 || !k.Closed() {
			t.Errorf("%d open", open)
		}
	})
}
