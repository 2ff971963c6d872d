package enginetest_test

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"testing/synctest"

	"tasks/internal/enginetest"
	"tasks/pkg/engine"
	"tasks/pkg/task"
)

func launch() engine.Launch { return engine.Launch{Spec: &task.Spec{Name: "web"}, Run: 1} }

func TestFakeObeysUnlessTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := enginetest.NewFake()
		p, err := f.Start(t.Context(), launch())
		if err != nil {
			t.Fatal(err)
		}
		r := f.Next(t)
		r.AutoStop(false)
		p.Stop(syscall.SIGTERM)
		if sig := <-r.Stops(); sig != syscall.SIGTERM {
			t.Errorf("Stops yields %v", sig)
		}
		if closed(p.Exited()) {
			t.Error("a run that ignores Stop ended by it")
		}
		r.Exit(task.Exit{Code: 3}, true)
		if !closed(p.Exited()) || closed(p.Gone()) {
			t.Error("a run that left others behind is gone")
		}
		if err := p.Signal(syscall.SIGHUP); err == nil {
			t.Error("an ended run took a signal")
		}
		r.Vanish(2)
		if !closed(p.Gone()) || p.Exit() != (task.Exit{Code: 3, LeftBehind: 2}) {
			t.Errorf("Exit = %+v after Vanish", p.Exit())
		}
	})
}

func TestFakeHoldsAndFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := enginetest.NewFake()
		f.Hold(true)
		type result struct {
			p   engine.Process
			err error
		}
		results := make(chan result, 3)
		start := func(ctx context.Context) {
			p, err := f.Start(ctx, launch())
			results <- result{p, err}
		}
		go start(t.Context())
		r := f.Next(t)
		synctest.Wait()
		if len(results) > 0 {
			t.Fatal("a held Start returned")
		}
		r.Begin()
		if got := <-results; got.err != nil || got.p.Ref() != r.Ref() {
			t.Errorf("Start after Begin: %+v", got)
		}
		go start(t.Context())
		boom := errors.New("boom")
		f.Next(t).Fail(boom)
		if got := <-results; got.err != boom || got.p != nil {
			t.Errorf("Start after Fail: %+v", got)
		}
		f.FailNext(boom)
		if _, err := f.Start(t.Context(), launch()); err != boom {
			t.Errorf("Start after FailNext: %v", err)
		}
		if f.Starts() != 3 || f.Live() != 1 || !f.Idle() {
			t.Errorf("Starts, Live, Idle = %d, %d, %v", f.Starts(), f.Live(), f.Idle())
		}
	})
}

func TestFakeAdopts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := enginetest.NewFake()
		first, _ := f.Adopter().Start(t.Context(), launch())
		again, err := f.Adopter().Adopt(t.Context(), launch(), first.Ref())
		if err != nil || again.Ref() != first.Ref() {
			t.Fatalf("Adopt: %v, %v", again, err)
		}
		f.Next(t).Exit(task.Exit{}, false)
		<-again.Gone()
		if _, err := f.Adopter().Adopt(t.Context(), launch(), first.Ref()); !errors.Is(err, task.ErrNotFound) {
			t.Errorf("Adopt of a gone run: %v", err)
		}
	})
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
