package server

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"path"
	"slices"
	"time"
	"unsafe"

	"tasks/internal/protocol"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

func list(c *conn, _, params json.RawMessage) (func() (any, error), error) {
	return read(c, params, true)
}

func get(c *conn, _, params json.RawMessage) (func() (any, error), error) {
	return read(c, params, false)
}

// read answers list, where nothing selected is everything, and get, which adds
// the last runs.
func read(c *conn, params json.RawMessage, list bool) (func() (any, error), error) {
	var p protocol.List
	if err := protocol.Decode(params, &p); err != nil {
		return nil, err
	}
	if p.Empty() && !list {
		return nil, &protocol.Error{Code: protocol.CodeParams, Message: "params: name the tasks with names, group or all"}
	}
	for _, s := range p.States {
		if !slices.Contains(task.States(), s) {
			return nil, task.Errorf(task.ErrUsage, "", "unknown state %q: use one of %v", s, task.States())
		}
	}
	if err := p.Check(); err != nil {
		return nil, err
	}
	sup := c.srv.cfg.Supervisor
	var shared []*task.Info
	var errs []error
	if p.Empty() || p.All {
		shared = sup.Shared()
		if err := c.account(sizeOfList(shared)); err != nil {
			return nil, err
		}
	} else {
		var names []string
		var err error
		if names, errs, err = c.selectTasks(p.Selector); err != nil {
			return nil, err
		}
		for _, name := range names {
			if t := sup.SharedInfo(name); t != nil {
				shared = append(shared, t)
			}
		}
	}
	if len(p.States) > 0 {
		shared = slices.DeleteFunc(shared, func(t *task.Info) bool { return !slices.Contains(p.States, t.State) })
	}
	runs := !list || p.Runs
	var places map[string]int
	if slices.ContainsFunc(shared, func(t *task.Info) bool { return t.State == task.Queued }) {
		places = sup.Places()
	}
	add := func(t *task.Info) (done func()) {
		done = func() {}
		if t.State == task.Queued {
			t.Place = places[t.Name]
		}
		if runs {
			full, _ := sup.Info(t.Name)
			t.Runs = full.Runs
		}
		if p.Env {
			t.Spec.Env, _ = sup.Env(t.Name)
		}
		if p.Stats {
			sup.Sample(t)
		}
		if p.Tree {
			done = c.addTree(t)
		}
		return done
	}
	return now(tasks{shared, add}, failed(errs))
}

// addTree adds its processes to t. Where they are many there is a turn to wait for,
// which done gives back.
func (c *conn) addTree(t *task.Info) (done func()) {
	c.srv.cfg.Supervisor.Tree(t)
	if sizeOfTree(t.Tree) <= smallTree {
		return func() {}
	}
	t.Tree = nil // it is looked at again
	done, ok := c.largeTurn()
	if ok {
		c.srv.cfg.Supervisor.Tree(t)
	}
	return done
}

// largeTurn waits for the turn of what is large while it is written, which done gives back;
// not ok: nobody reads it.
func (c *conn) largeTurn() (done func(), ok bool) {
	if c.ctx.Err() != nil {
		return func() {}, false
	}
	select {
	case c.srv.large <- struct{}{}:
		read := c.mustRead()
		return func() {
			read()
			<-c.srv.large
		}, true
	case <-c.ctx.Done():
		return func() {}, false
	}
}

// sizeOfTree is about how much memory the processes take up.
func sizeOfTree(tree []task.Proc) int {
	size := 64 * len(tree)
	for i := range tree {
		for _, arg := range tree[i].Command {
			size += 16 + len(arg)
		}
	}
	return size
}

// sizeOfList is how many bytes it takes to keep a list of what others share.
func sizeOfList(shared []*task.Info) int { return cap(shared) * int(unsafe.Sizeof(shared[0])) }

func wait(c *conn, _, params json.RawMessage) (func() (any, error), error) {
	var p protocol.Wait
	names, errs, err := selected(c, params, &p, &p.Selector)
	if err != nil {
		return nil, err
	}
	is := func(t *task.Info) bool { return p.Once && t.State == task.BackingOff }
	switch p.For {
	case "", "ended":
	case "running": // also what is not ready yet
		is = func(t *task.Info) bool {
			return t.State == task.Running || t.State == task.Paused || t.State == task.Starting && t.PID != 0 || p.Once && t.State == task.BackingOff
		}
	case "ready": // without a readiness check what runs is ready
		is = func(t *task.Info) bool {
			return t.Ready != nil && *t.Ready || p.Once && t.State == task.BackingOff
		}
	case "up": // or waiting for something else
	default:
		return nil, task.Errorf(task.ErrUsage, "", "cannot wait for %q: use ended, running, ready or up", p.For)
	}
	if err := checkTimeout(p.Timeout); err != nil {
		return nil, err
	}
	// What is met already is answered as it is now, whatever the next request does.
	past, cancel := context.WithCancel(context.Background())
	cancel()
	sup := c.srv.cfg.Supervisor
	w := waiting{named: p.Names, names: names, wait: func(ctx context.Context, names []string) ([]*task.Info, error) {
		if p.For == "up" {
			return sup.WaitUp(ctx, names, p.Any)
		}
		return sup.WaitFor(ctx, names, supervisor.WaitOptions{Any: p.Any, Until: is})
	}}
	found, err := w.until(past)
	if err == nil {
		return now(tasks{shared: found}, failed(errs))
	}
	w.before = slices.DeleteFunc(found, func(t *task.Info) bool { return !t.State.Ended() })
	return func() (any, error) {
		ctx := c.ctx
		if p.Timeout != nil {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, time.Duration(*p.Timeout))
			defer cancel()
		}
		found, err := w.until(ctx)
		if (errors.Is(err, context.Canceled) || errors.Is(err, task.ErrUnavailable)) && sup.EndedByLeave() {
			c.stopReading() // as if this one had died: the next one knows what becomes of the tasks
			return streaming, nil
		}
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			errs = append(errs, task.Errorf(task.ErrTimeout, "", "timed out after %s", p.Timeout))
		case errors.Is(err, context.Canceled):
			errs = append(errs, shuttingDown())
		case err != nil:
			errs = append(errs, err)
		}
		return tasks{shared: found}, failed(errs)
	}, nil
}

// waiting is for tasks that may be forgotten before they are looked at: they had ended.
type waiting struct {
	names  []string
	named  []string // by name, not by pattern or group
	before []*task.Info
	wait   func(ctx context.Context, names []string) ([]*task.Info, error)
}

// until waits, until ctx ends at most. The tasks are in the order of their names.
func (w *waiting) until(ctx context.Context) ([]*task.Info, error) {
	names, gone := w.names, make(map[string]*task.Info)
	for {
		tasks, err := w.wait(ctx, names)
		var e *task.Error
		if errors.Is(err, task.ErrNotFound) && errors.As(err, &e) {
			at := slices.IndexFunc(w.before, func(t *task.Info) bool { return t.Name == e.Name && t.State.Ended() })
			if at >= 0 {
				gone[e.Name] = w.before[at]
			}
			if at >= 0 || !slices.Contains(w.named, e.Name) {
				names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == e.Name })
				continue
			}
		}
		if len(gone) == 0 {
			return tasks, err
		}
		all := make([]*task.Info, 0, len(tasks)+len(gone))
		for _, name := range w.names {
			if t, ok := gone[name]; ok {
				all = append(all, t)
			} else if len(tasks) > 0 && tasks[0].Name == name {
				all, tasks = append(all, tasks[0]), tasks[1:]
			}
		}
		return all, err
	}
}

// shuttingDown is the last word to who waits, where the tasks end with the supervisor.
func shuttingDown() error {
	return task.Errorf(task.ErrUnavailable, "", "the supervisor is shutting down")
}

// streaming is the result of a request that has replied by itself.
var streaming any = new(int)

// watch replies with the tasks as they are, and sends an event per change
// until the connection ends.
func watch(c *conn, id, params json.RawMessage) (func() (any, error), error) {
	var p protocol.Watch
	if err := protocol.Decode(params, &p); err != nil {
		return nil, err
	}
	if id == nil {
		return nil, &protocol.Error{Code: protocol.CodeRequest, Message: "watch needs an id"}
	}
	if err := p.Check(); err != nil {
		return nil, err
	}
	for _, name := range p.Names {
		if _, err := path.Match(name, ""); err != nil {
			return nil, task.Errorf(task.ErrUsage, name, "bad pattern %q: %v", name, err)
		}
	}
	if err := c.account(sizeOf(p.Selector, nil, nil)); err != nil {
		return nil, err
	}
	sup := c.srv.cfg.Supervisor
	match := func(*task.Info) bool { return true }
	if !p.Empty() && !p.All {
		match = p.Selector.Matcher()
	}
	w := sup.Watch(0, match)
	found := slices.DeleteFunc(sup.Shared(), func(t *task.Info) bool { return !match(t) })
	size := sizeOfList(found) // until they are written, however long the watch lasts
	if err := c.srv.keep(size); err != nil {
		w.Close()
		return nil, err
	}
	return func() (any, error) {
		defer w.Close()
		c.reply(id, tasks{shared: found}, nil)
		found = nil
		c.srv.kept.Add(-int64(size))
		for {
			e, ok := w.First(c.ctx)
			if !ok {
				ended := c.ctx.Err() == nil || c.srv.ctx.Err() != nil
				if ended && !sup.EndedByLeave() { // nothing of it continues
					c.reply(id, nil, shuttingDown())
				}
				c.stopReading() // if it is the supervisor that has ended, so does the connection
				return streaming, nil
			}
			err := c.write(func(w *bufio.Writer) error {
				return encode(w, &protocol.Notice{JSONRPC: "2.0", Method: "event", Params: protocol.NoticeEvent{Watch: id, Event: e}})
			})
			if err != nil {
				return streaming, nil
			}
		}
	}, nil
}
