package supervisor

import (
	"context"
	"syscall"
	"time"

	"tasks/internal/typo"
	"tasks/pkg/task"
)

// OpKind says what an Op does.
type OpKind uint8

// The operations.
const (
	OpStart   OpKind = iota // Spec, Replace
	OpStop                  // Now, Grace
	OpRestart               //
	OpSignal                // Signal
	OpRemove                // Force
	OpPause                 //
	OpResume                //
	opLeave                 // of Supervisor.Leave
)

// An Op is one request concerning one task.
type Op struct {
	Kind OpKind
	Name string

	Spec     *task.Spec     // what to start; without a command: what has that name
	Replace  bool           // stop first what has that name
	Now      bool           // kill at once
	CapGrace bool           // Grace replaces that of the spec
	Grace    time.Duration  //
	Signal   syscall.Signal //
	Force    bool           // stop first

	shutdown bool // a stop by the end of the supervisor: the wish stays
	fn       Func
	atMost   bool      // Grace may only shorten that of the spec
	ended    task.Time // remove only what ended then
	kept     bool      // it was asked of an earlier supervisor
	place    uint64    // in the queue, if the start leads there at once: by when it was submitted
}

// A Call is an Op under way.
type Call struct {
	op   Op
	done chan struct{}
	info *task.Info // shared: nobody changes it
	err  error
}

func newCall(op Op) *Call { return &Call{op: op, done: make(chan struct{})} }

// Wait returns the task as the operation left it. If ctx ends first, the
// operation goes on without its caller.
func (c *Call) Wait(ctx context.Context) (task.Info, error) {
	info, err := c.Shared(ctx)
	return *info, err
}

// Shared is Wait without a copy: others read the same task, which must not be
// changed. Its name is empty where there is none.
func (c *Call) Shared(ctx context.Context) (*task.Info, error) {
	select {
	case <-c.done:
		return c.info, c.err
	default:
	}
	select {
	case <-c.done:
		return c.info, c.err
	case <-ctx.Done():
		return noTask, context.Cause(ctx)
	}
}

var noTask = new(task.Info)

func (c *Call) answer(info *task.Info, err error) {
	c.info, c.err = info, err
	close(c.done)
}

func (c *Call) fail(err error) *Call {
	c.answer(noTask, err)
	return c
}

// Submit begins op and returns at once: it waits for a save of that task at
// most. Operations on one task that one goroutine submits take effect in that
// order.
func (s *Supervisor) Submit(op Op) *Call {
	c := newCall(op)
	if op.Kind == OpStart {
		if err := op.Spec.Check(); err != nil {
			return c.fail(err)
		}
		op.Name, c.op.Name = op.Spec.Name, op.Spec.Name
		c.op.place = s.queues.Last()
	}
	for {
		a, err := s.actorFor(op)
		if err != nil {
			return c.fail(err)
		}
		if a.take(c) {
			return c
		}
		// Removed, or closed, at this moment: look again.
	}
}

// take hands c to the task's goroutine, unless that has ended.
func (a *actor) take(c *Call) bool {
	select {
	case a.mail <- c:
		return true
	case <-a.done:
		return false
	}
}

// actorFor finds the task of op, or makes it where op brings a new one.
func (s *Supervisor) actorFor(op Op) (*actor, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.tasks[op.Name]
	starts := op.Kind == OpStart || op.Kind == OpRestart
	switch {
	case s.closing && (starts || a == nil || a.ended()):
		return nil, shuttingDown(op.Name)
	case a != nil && !a.ended():
		return a, nil
	case op.Kind != OpStart:
		return nil, s.noSuchLocked(op.Name)
	}
	if len(op.Spec.Command) == 0 && op.fn == nil {
		if err := s.Removed(op.Name); err != nil {
			return nil, err
		}
		if like := typo.Nearest(op.Name, s.namesLocked()); like != "" {
			return nil, s.noSuchLocked(op.Name)
		}
		if s.opts.Builtin == nil {
			return nil, task.Errorf(task.ErrUsage, op.Name, "no command for the new task %s", op.Name)
		}
	}
	if len(op.Spec.Command) > 0 && s.opts.Commands == nil {
		return nil, noCommands(op.Name)
	}
	a = newActor(s, op.Name)
	s.tasks[op.Name] = a
	s.actors.Go(a.loop)
	return a, nil
}

func shuttingDown(name string) error {
	return task.Errorf(task.ErrUnavailable, name, "the supervisor is shutting down")
}

func noCommands(name string) error {
	return task.Errorf(task.ErrUsage, name, "this supervisor runs functions of its own program, no commands")
}
