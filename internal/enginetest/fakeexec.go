package enginetest

import (
	"context"
	"testing"

	"tasks/pkg/engine"
	"tasks/pkg/task"
)

// FakeExec is a line that a Fake was asked to run, as the test has it.
type FakeExec struct {
	Launch engine.Launch
	Line   string

	answer chan execResult
}

type execResult struct {
	output string
	exit   task.Exit
}

// End ends a held line.
func (e *FakeExec) End(output string, exit task.Exit) {
	select {
	case e.answer <- execResult{output, exit}:
	default: // it has ended
	}
}

// HoldExec keeps further lines running until the test ends them, or their context does;
// else they end well at once.
func (f *Fake) HoldExec(on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.holdExec = on
}

// FailExec has lines not begin from now on, with this error; nil: they do again.
func (f *Fake) FailExec(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failExec = err
}

// NextExec waits for the oldest line that no NextExec has returned yet.
func (f *Fake) NextExec(t testing.TB) *FakeExec {
	t.Helper()
	return f.execs.next(t, "line")
}

// NoExec reports whether there is no line that NextExec would return at once.
func (f *Fake) NoExec() bool { return f.execs.idle() }

// Exec implements engine.Shell.
func (f *Fake) Exec(ctx context.Context, l engine.Launch, line string) (string, task.Exit, error) {
	e := &FakeExec{Launch: l, Line: line, answer: make(chan execResult, 1)}
	f.mu.Lock()
	hold, failed := f.holdExec, f.failExec
	f.mu.Unlock()
	if failed != nil {
		return "", task.Exit{}, failed
	}
	f.execs.add(e)
	if !hold {
		return "", task.Exit{}, ctx.Err()
	}
	select {
	case r := <-e.answer:
		return r.output, r.exit, nil
	case <-ctx.Done():
		return "", task.Exit{}, ctx.Err()
	}
}
