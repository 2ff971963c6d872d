package supervisor

import (
	"context"

	"tasks/internal/typo"
	"tasks/pkg/task"
)

// A Call is a [Request] under way.
type Call struct {
	request Request
	taken   chan struct{} // closed when its task has taken it up
	done    chan struct{}
	info    *task.Info // shared: nobody changes it
	err     error
}

func newCall(r Request) *Call {
	return &Call{request: r, taken: make(chan struct{}), done: make(chan struct{})}
}

// Wait returns the task as the request left it. If ctx ends first, the request is
// carried out without its caller.
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

// WaitEffect returns when the request has taken effect, done or not: whoever looks at the
// task from then on, or asks something else of it, comes after it.
func (c *Call) WaitEffect() {
	select {
	case <-c.taken:
	case <-c.done:
	}
}

func (c *Call) answer(info *task.Info, err error) {
	c.info, c.err = info, err
	close(c.done)
}

func (c *Call) fail(err error) *Call {
	c.answer(noTask, err)
	return c
}

// Submit begins what r asks for and returns at once: it waits for a save of that task
// at most. Requests for one task that one goroutine submits take effect in that order.
func (s *Supervisor) Submit(r Request) *Call {
	c := newCall(r)
	switch r.kind {
	case noRequest:
		return c.fail(task.Errorf(task.ErrUsage, "", "the request is empty"))
	case toStart:
		if err := r.spec.Check(); err != nil {
			return c.fail(err)
		}
		c.request.place = s.queues.Last()
	case toSignal:
		if r.signal <= 0 { // signal 0 is sent to nobody, kill(2)
			return c.fail(task.Errorf(task.ErrUsage, r.name, "unknown signal %d: signals go from 1 to 64", int(r.signal)))
		}
	}
	for {
		a, err := s.actorFor(&c.request)
		if err != nil {
			return c.fail(err)
		}
		if a.deliver(c) {
			return c
		}
		// Removed, or closed, at this moment: look again.
	}
}

// actorFor finds the task of r, or makes it where r brings a new one.
func (s *Supervisor) actorFor(r *Request) (*actor, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.tasks[r.name]
	starts := r.kind == toStart || r.kind == toRestart
	switch {
	case s.closing && (starts || a == nil || a.ended()):
		return nil, shuttingDown(r.name)
	case a != nil && !a.ended():
		return a, nil
	case r.kind != toStart:
		return nil, s.noSuchLocked(r.name)
	}
	if len(r.spec.Command) == 0 && r.fn == nil {
		if err := s.Removed(r.name); err != nil {
			return nil, err
		}
		if like := typo.Nearest(r.name, s.namesLocked()); like != "" {
			return nil, s.noSuchLocked(r.name)
		}
		if s.opts.Builtin == nil {
			return nil, task.Errorf(task.ErrUsage, r.name, "no command for the new task %s", r.name)
		}
	}
	if len(r.spec.Command) > 0 && s.opts.Commands == nil {
		return nil, noCommands(r.name)
	}
	a = newActor(s, r.name)
	s.tasks[r.name] = a
	s.actors.Go(a.loop)
	return a, nil
}

func shuttingDown(name string) error {
	return task.Errorf(task.ErrUnavailable, name, "the supervisor is shutting down")
}

func noCommands(name string) error {
	return task.Errorf(task.ErrUsage, name, "this supervisor runs functions of its own program, no commands")
}
