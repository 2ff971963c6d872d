package supervisor

import (
	"context"
	"slices"

	"tasks/internal/deps"
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

	linedUp chan struct{} // closed once its task is in the queue, or the call has been handled; nil: nobody waits for that
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
		s.queueUp(c)
	case toRetry:
		s.queueUp(c)
	case toSignal:
		if r.signal <= 0 { // signal 0 is sent to nobody, kill(2)
			return c.fail(task.Errorf(task.ErrUsage, r.name, "unknown signal %d: signals go from 1 to 64", int(r.signal)))
		}
	case toEdit:
		if r.change == nil {
			return c.fail(task.Errorf(task.ErrUsage, r.name, "the change of an edit is nil"))
		}
	}
	for {
		a, err := s.actorFor(&c.request)
		if err != nil {
			return c.fail(err)
		}
		if a.deliver(c) {
			if c.linedUp != nil {
				<-c.linedUp
			}
			return c
		}
		// Removed, or closed, at this moment: look again.
	}
}

// SubmitInOrder is Submit of requests for known tasks, each after those of its dependencies
// that are among them, whatever their order is; requests for one task keep theirs. The calls
// are in the order of the requests.
func (s *Supervisor) SubmitInOrder(requests []Request) []*Call {
	of, after, names := make(map[string][]int, len(requests)), make(deps.Graph), make([]string, len(requests))
	for i := range requests {
		names[i] = requests[i].name
		of[names[i]] = append(of[names[i]], i)
	}
	for name := range of {
		if now := s.lookup(name); now != nil {
			after[name] = slices.DeleteFunc(deps.Of(&now.info.Spec), func(other string) bool { return of[other] == nil })
		}
	}
	calls := make([]*Call, len(requests))
	sorted, _ := after.Sort(names)
	for _, name := range sorted {
		for _, other := range after[name] {
			for _, i := range of[other] {
				if calls[i] != nil { // else it is a cycle, which is refused
					calls[i].WaitEffect()
				}
			}
		}
		for _, i := range of[name] {
			calls[i] = s.Submit(requests[i])
		}
	}
	return calls
}

// queueUp gives the start its place in the queue of its group. It must be there before what is
// submitted next, which would have the slot otherwise.
func (s *Supervisor) queueUp(c *Call) {
	r := &c.request
	r.place = s.queues.Last()
	spec := r.spec
	if now := s.lookup(r.name); now != nil && len(spec.Command) == 0 && r.fn == nil { // again as it was
		spec = &now.info.Spec
	}
	if spec.Group != "" && !r.force { // what is stopped first may take its time
		c.linedUp = make(chan struct{})
	}
}

// hasLinedUp releases whoever waits for that.
func (c *Call) hasLinedUp() {
	if c.linedUp != nil && !closed(c.linedUp) {
		close(c.linedUp)
	}
}

// actorFor finds the task of r, or makes it where r brings a new one.
func (s *Supervisor) actorFor(r *Request) (*actor, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.tasks[r.name]
	switch {
	case s.closing && (r.starts() || a == nil || a.ended()):
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
		if s.isGroupLocked(r.name) || typo.Nearest(r.name, s.namesLocked()) != "" {
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
