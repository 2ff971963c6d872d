package process

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"tasks/internal/enginetest"
	"tasks/pkg/engine"
)

// In the midst of an exec a process has no environment to be known by.
func TestLeftInTheMidstOfExecs(t *testing.T) {
	t.Parallel()
	for range 8 {
		s := start(t, sh(`setsid sh -c 'exec >/dev/null 2>&1; exec sh -c "$0" "$0"' 'exec sh -c "$0" "$0"' & sleep 0.02`))
		enginetest.Await(t, s.Exited(), "Exited")
		select {
		case <-s.Gone():
			t.Error("gone, with one left that executes")
		default:
		}
		s.Stop(9)
		if e := s.wait(t); e.LeftBehind != 1 {
			t.Errorf("%+v", e)
		}
	}
}

// A line whose directory does not answer ends with its context, and later lines take no
// more threads. It costs no other line anything.
func TestLineInADirectoryThatHangs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var looks atomic.Int64
	answers := make(chan struct{})
	see := func(c call) (result, bool) {
		if c.name == "stat" && c.path == dir {
			looks.Add(1)
			<-answers
		}
		return result{}, false
	}
	intercept.Store(&see)
	defer intercept.Store(nil)
	there, elsewhere := sh(""), sh("")
	there.Cwd = dir
	for range 3 * looksPerDirectory {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		if _, _, err := shared.Exec(ctx, engine.Launch{Spec: &there}, "true"); err != context.DeadlineExceeded {
			t.Errorf("in the directory: %v", err)
		}
		cancel()
	}
	if n := looks.Load(); n > looksPerDirectory {
		t.Errorf("%d looks at the directory hang", n)
	}
	if output, exit, err := shared.Exec(t.Context(), engine.Launch{Spec: &elsewhere}, "echo elsewhere"); output != "elsewhere\n" || !exit.OK() || err != nil {
		t.Errorf("elsewhere: %q, %+v, %v", output, exit, err)
	}
	close(answers)
	if output, exit, err := shared.Exec(t.Context(), engine.Launch{Spec: &there}, "pwd"); output != dir+"\n" || !exit.OK() || err != nil {
		t.Errorf("it answers again: %q, %+v, %v", output, exit, err)
	}
}
