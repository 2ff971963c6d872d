// Package supervisor runs named tasks side by side, inside any Go program.
//
// A task is a function that runs in a goroutine until it returns or its stop
// event is set: the end of its context. A stop sets that event and joins: it
// returns when the function has returned. A panic becomes a failed task.
//
//	sup := supervisor.New(supervisor.Options{})
//	sup.Go("ticker", func(ctx context.Context) error {
//		for tick := time.NewTicker(time.Second); ; {
//			select {
//			case <-ctx.Done():
//				return nil
//			case <-tick.C:
//				fmt.Fprintln(supervisor.Log(ctx), "tick")
//			}
//		}
//	})
//	sup.Stop(ctx, "ticker")
//	sup.Close(ctx)
//
// Commands and other things are run by further engines, see [engine.Engine].
// The `tasks` daemon is this package with an engine for processes, a store
// and a socket. All methods of a Supervisor may be called from any goroutine.
package supervisor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tasks/internal/deps"
	"tasks/internal/hooks"
	"tasks/internal/plan"
	"tasks/internal/queue"
	"tasks/pkg/engine"
	"tasks/pkg/task"
)

// A Store keeps records on disk. Its methods return when the change is durable,
// and are called from many goroutines at once.
type Store interface {
	Save(task.Record) error
	// Delete forgets the record of name. Unless removed is zero, it is kept
	// for as long as there is room.
	Delete(name string, removed task.Removed) error
	// Removed is when the task called name was removed, as given to Delete; zero if
	// unknown.
	Removed(name string) task.Time
	SaveGroup(task.Group) error
	DeleteGroup(name string) error
}

// Logs are the files that runs write to.
type Logs interface {
	Create(name string, run int) (*os.File, error)
	Path(name string, run int) string
	Remove(name string) error
}

// A LogKeeper is Logs that bound what runs write, and so hear of all runs.
type LogKeeper interface {
	Logs
	// Watch is called between Create and the beginning of a run, and for each run that was
	// taken back.
	Watch(spec *task.Spec, run int)
	// WatchLeft is called for a task that an earlier supervisor had: what its ended runs have
	// left behind may still write. last is the number of the last one.
	WatchLeft(spec *task.Spec, last int)
	// Written reports whether a process still writes to a log of the task.
	Written(name string) bool
	// Done is called when the run is over, or could not begin.
	Done(name string, run int)
	// Reserve is called before a run is ended for the sake of another, for which it
	// keeps what Create needs; run is the last one before it, or 0. The error is why it
	// cannot.
	Reserve(name string, run int) error
	// Release is called where that other is a task's first run, and does not come.
	Release(name string)
}

// Options are what a Supervisor may be given; the zero value serves.
type Options struct {
	// Commands runs the tasks that have a command. nil: there are none.
	Commands engine.Engine
	// Builtin runs the tasks that are started by name alone. nil: there are none.
	Builtin Func
	// Store keeps what must outlive this supervisor. nil: nothing does.
	Store Store
	// Checker makes the readiness and health checks of runs. nil: there are none,
	// and a spec that has some cannot be started.
	Checker engine.Checker
	// Logs holds the output of runs. nil: the output of functions is kept in memory, see
	// [Supervisor.Output], and the output of commands is discarded.
	Logs Logs
	// KeepEnded is how many done tasks are remembered; 0 or less: all.
	KeepEnded int
	// HookFailed is called for each hook that failed, with the reason. It may be called from any
	// goroutine.
	HookFailed func(spec *task.Spec, run int, why string)
	// Logger gets what is returned to no caller. nil: nobody does.
	Logger *slog.Logger
}

// Supervisor holds tasks by name. Make one with [New].
type Supervisor struct {
	opts   Options
	hub    hub
	order  *deps.Order
	queues *queue.Queues
	hooks  *hooks.Runner

	failures failures
	disk     *plan.Disk
	now      func() time.Time // the wall clock

	// Locks are taken in this order: changing, the one of changes, mu, and then the one of
	// order, queues or hub, which call nothing that locks. Whoever holds mu sends to no
	// actor.

	changing sync.Mutex     // held while the settings of a group change
	turns    int            // how often groups were paused or resumed; guarded by changing
	stirs    map[string]int // the last of these turns of a group; guarded by changing
	changes  changes

	mu      sync.Mutex // guards what follows
	tasks   map[string]*actor
	closing bool // no run begins any more
	leaving bool // by Leave

	left   atomic.Bool // by Leave
	actors crew
	ended  chan struct{} // closed when it has ended, or is left
	once   sync.Once     // closes that
}

// New makes a Supervisor. It must be closed.
func New(o Options) *Supervisor {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Supervisor{opts: o, tasks: make(map[string]*actor), stirs: make(map[string]int), order: deps.NewOrder(), queues: queue.New(), hooks: hooks.New(o.Logger, hookFailed(o)), disk: plan.NewDisk(os.Stat), now: time.Now, ended: make(chan struct{})}
	if o.KeepEnded > 0 {
		s.forgetOld(o.KeepEnded)
	}
	return s
}

// Go begins a task that runs f in a goroutine. The name must be new, or an ended task's,
// which it replaces: else the error is an ErrConflict.
func (s *Supervisor) Go(name string, f Func) error {
	return s.GoSpec(task.Spec{Name: name}, f)
}

// GoSpec is Go with a policy: of the spec, the name, the group, the hooks and what says
// when to stop and to restart apply to functions. Hooks take Options.Commands.
func (s *Supervisor) GoSpec(spec task.Spec, f Func) error {
	if f == nil { // which would be a start by name alone
		return task.Errorf(task.ErrUsage, spec.Name, "no function for the task %s", spec.Name)
	}
	spec.Command = nil
	r := Start(spec)
	r.fn = f
	_, err := s.Submit(r).Wait(context.Background())
	return err
}

// Start is [Start], awaited.
func (s *Supervisor) Start(ctx context.Context, spec task.Spec) (task.Info, error) {
	return s.Submit(Start(spec)).Wait(ctx)
}

// Stop is [Stop] as the task's spec says, awaited: it sets the stop event and joins.
func (s *Supervisor) Stop(ctx context.Context, name string) (task.Info, error) {
	return s.Submit(Stop(name, End{})).Wait(ctx)
}

// Pause is [Pause], awaited.
func (s *Supervisor) Pause(ctx context.Context, name string) (task.Info, error) {
	return s.Submit(Pause(name)).Wait(ctx)
}

// Resume is [Resume], awaited.
func (s *Supervisor) Resume(ctx context.Context, name string) (task.Info, error) {
	return s.Submit(Resume(name)).Wait(ctx)
}

// Enable is [Enable], awaited.
func (s *Supervisor) Enable(ctx context.Context, name string) (task.Info, error) {
	return s.Submit(Enable(name)).Wait(ctx)
}

// Disable is [Disable], awaited.
func (s *Supervisor) Disable(ctx context.Context, name string) (task.Info, error) {
	return s.Submit(Disable(name)).Wait(ctx)
}

// Restart is [Restart], awaited.
func (s *Supervisor) Restart(ctx context.Context, name string) (task.Info, error) {
	return s.Submit(Restart(name)).Wait(ctx)
}

// Remove is [Remove], awaited.
func (s *Supervisor) Remove(ctx context.Context, name string) (task.Info, error) {
	return s.Submit(Remove(name)).Wait(ctx)
}

// add makes the actor of a new task. The caller holds no lock.
func (s *Supervisor) add(name string) *actor {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := newActor(s, name)
	s.tasks[name] = a
	return a
}

// StopAll stops every task at the same time and joins. The desired state becomes stopped,
// and end.Grace only shortens the time that a task's spec gives it. From now on nothing can
// be started: the error is an ErrUnavailable. Once Leave has begun it stops nothing: the
// error is an [EndingError].
func (s *Supervisor) StopAll(ctx context.Context, end End) ([]task.Info, error) {
	return s.endAll(ctx, Request{kind: toStop, end: end, atMost: true})
}

// Shutdown is Close but for its last act: until Close is called, StopAll can still change
// the desired states. It waits for the hooks as well. Once Leave has begun it stops nothing:
// the error is an [EndingError].
func (s *Supervisor) Shutdown(ctx context.Context) error {
	_, err := s.endAll(ctx, Request{kind: toStop, shutdown: true})
	if !errors.As(err, new(*EndingError)) {
		s.hooks.Wait()
	}
	return err
}

// Close stops every task that still runs, joins, and ends the supervisor. The desired
// states are kept. If ctx, or the time that the stops may take, ends first, the error is an
// ErrTimeout that names the tasks that did not end: they keep running.
func (s *Supervisor) Close(ctx context.Context) error {
	err := s.Shutdown(ctx)
	if errors.As(err, new(*EndingError)) { // Leave ends it
		select {
		case <-s.ended:
			err = nil
		case <-ctx.Done():
			err = task.Errorf(task.ErrTimeout, "", "the supervisor did not leave its tasks in time")
		}
	}
	s.end(err)
	return err
}

// Run returns when ctx has ended and the supervisor after it: it is Close at the end of
// ctx, which is given as long as the stops of all tasks take.
func (s *Supervisor) Run(ctx context.Context) error {
	<-ctx.Done()
	return s.Close(context.WithoutCancel(ctx))
}

// Leave ends the supervisor alone: runs whose engine can take them back keep running,
// and the next supervisor with the same store does that; all others are
// stopped, and keep their desired state. It returns every task as it was left. Errors
// are those of Close. Once StopAll or Close has begun it leaves nothing: the error is an
// [EndingError].
func (s *Supervisor) Leave(ctx context.Context) ([]task.Info, error) {
	tasks, err := s.endAll(ctx, Request{kind: toLeave})
	if errors.As(err, new(*EndingError)) {
		return nil, err
	}
	s.left.Store(true)
	s.end(err)
	return tasks, err
}

// EndedByLeave reports whether Leave has ended it: the next supervisor takes over.
func (s *Supervisor) EndedByLeave() bool { return s.left.Load() }

// end ends the actors, and returns when they have. A run that ends before its actor does is
// recorded, so they stay for as long as there is something to wait for. After Leave runs
// still end: the engine is frozen, so that it reports no end that nobody would record.
func (s *Supervisor) end(err error) {
	if s.EndedByLeave() {
		s.hooks.Wait()
		if f, ok := s.opts.Commands.(engine.Freezer); ok {
			f.Freeze()
		}
	}
	s.mu.Lock()
	for _, a := range s.tasks {
		if a.quit(); a.resting && a.runEnded() {
			a.wakeLocked() // that is recorded
		}
	}
	s.mu.Unlock()
	s.hub.close()
	s.once.Do(func() { close(s.ended) })
	if !errors.Is(err, task.ErrTimeout) {
		s.actors.Wait()
	}
	s.hooks.Close()
}

// An EndingError says that the supervisor is ending in another way already: the first
// of Leave, StopAll and Close decides whether tasks keep running. It is an ErrUnavailable.
type EndingError struct{ Leaving bool } // else its tasks are stopped

func (e *EndingError) Error() string {
	if e.Leaving {
		return "the supervisor is ending already, and its tasks keep running"
	}
	return "the supervisor is ending already, and its tasks are stopped"
}

func (*EndingError) Unwrap() error { return task.ErrUnavailable }

// endAll submits r to every task there is, and sees to it that none begins a
// run after that.
func (s *Supervisor) endAll(ctx context.Context, r Request) ([]task.Info, error) {
	leaves := r.kind == toLeave
	s.mu.Lock()
	if s.closing && s.leaving != leaves {
		s.mu.Unlock()
		return nil, &EndingError{!leaves}
	}
	s.closing, s.leaving = true, leaves
	s.queues.Close()
	s.order.Close()
	calls := make([]*Call, 0, len(s.tasks))
	for name, a := range s.tasks {
		r.name = name
		c := newCall(r)
		calls = append(calls, c)
		go func() { // one that is held up by its disk holds up no other
			if a.deliver(c) {
				return
			}
			err := task.NoSuchTask(name)
			if now := a.shown.Load(); now != nil && !now.info.State.Ended() && r.kind == toStop && !r.shutdown {
				err = task.Errorf(task.ErrUnavailable, name, "the supervisor has ended, and %s keeps running", name)
			}
			c.fail(err)
		}()
	}
	s.mu.Unlock()
	if r.kind == toStop && !r.shutdown {
		s.giveUpChanges()
	}
	slices.SortFunc(calls, func(a, b *Call) int { return task.CompareNames(a.request.name, b.request.name) })
	var infos []task.Info
	var stuck []string
	var errs []error
	for _, c := range calls {
		info, err := c.Wait(ctx)
		switch {
		case err == nil:
			infos = append(infos, info)
		case errors.Is(err, task.ErrNotFound): // removed, or never begun
		case errors.Is(err, task.ErrTimeout), ctx.Err() != nil && err == context.Cause(ctx):
			stuck = append(stuck, c.request.name)
		default:
			errs = append(errs, err)
		}
	}
	if stuck != nil {
		names, more := stuck, ""
		if len(names) > 20 {
			names, more = names[:20], fmt.Sprintf(" and %d more", len(stuck)-20)
		}
		errs = append(errs, task.Errorf(task.ErrTimeout, stuck[0], "did not end: %s%s", strings.Join(names, ", "), more))
	}
	return infos, errors.Join(errs...)
}

// goOn lets those begin who wait for a slot or for others, unless the end has begun.
func (s *Supervisor) goOn() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closing {
		s.order.Open()
		s.queues.Open()
	}
}

func (s *Supervisor) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}
