package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync/atomic"
	"syscall"

	"tasks/pkg/engine"
	"tasks/pkg/task"
)

// Func is a task's function. It runs until its context, the stop event, ends,
// or it has nothing more to do. An error is a failure, but for the context's
// own after a stop.
type Func func(ctx context.Context) error

// ErrStop is the cause of the end of a task's context when it is asked to stop.
var ErrStop = errors.New("stop event set")

type logKey struct{}

// Log is where the function that was given ctx writes its output: the log of its
// run, or where there are no Options.Logs the memory, see [KeptOutput]. It may be
// used until the function returns.
func Log(ctx context.Context) io.Writer {
	if w, ok := ctx.Value(logKey{}).(io.Writer); ok {
		return w
	}
	return io.Discard
}

// funcEngine runs one function.
type funcEngine struct {
	f    Func
	kept *output // of runs that have no log
}

func (e funcEngine) Start(_ context.Context, l engine.Launch) (engine.Process, error) {
	ctx, cancel := context.WithCancelCause(context.Background())
	end := func() {}
	switch {
	case l.Log != nil:
		ctx = context.WithValue(ctx, logKey{}, l.Log)
		end = func() { l.Log.Close() }
	case e.kept != nil:
		ctx = context.WithValue(ctx, logKey{}, e.kept.startRun(l.Run))
		end = func() { e.kept.endRun(l.Run) }
	}
	r := &funcRun{cancel: cancel, over: make(chan struct{})}
	go r.run(ctx, e.f, end)
	return r, nil
}

type funcRun struct {
	cancel   context.CancelCauseFunc
	over     chan struct{}
	exit     task.Exit // set before over is closed
	announce atomic.Pointer[func()]
}

// run calls f, and end once nothing more is written.
func (r *funcRun) run(ctx context.Context, f Func, end func()) {
	returned := false
	defer func() {
		if p := recover(); p != nil {
			r.exit = task.Exit{Code: 2, Err: fmt.Sprintf("panic: %v", p), Stack: string(debug.Stack())}
			fmt.Fprintf(Log(ctx), "%s\n\n%s", r.exit.Err, r.exit.Stack)
		} else if !returned {
			r.exit = task.Exit{Code: 2, Err: "the function ended its goroutine"}
		}
		r.cancel(nil)
		end()
		close(r.over)
		if f := r.announce.Load(); f != nil {
			(*f)()
		}
	}()
	err := f(ctx)
	returned = true
	stopped := context.Cause(ctx) == ErrStop && (errors.Is(err, context.Canceled) || errors.Is(err, ErrStop))
	if err != nil && !stopped {
		r.exit = task.Exit{Code: 1, Err: err.Error()}
	}
}

func (r *funcRun) Ref() task.Ref           { return task.Ref{} }
func (r *funcRun) Exited() <-chan struct{} { return r.over }
func (r *funcRun) Gone() <-chan struct{}   { return r.over }
func (r *funcRun) Exit() task.Exit         { return r.exit }
func (r *funcRun) Announce(f func())       { r.announce.Store(&f) }

// Stop sets the stop event. A goroutine cannot be killed: it is awaited.
func (r *funcRun) Stop(syscall.Signal) { r.cancel(ErrStop) }

func (r *funcRun) Signal(syscall.Signal) error {
	return errors.New("a function takes no signals, only its stop event")
}
