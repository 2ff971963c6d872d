package server

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"time"

	"tasks/internal/protocol"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

var methods = map[string]requestStarter{
	"info":    info,
	"start":   start,
	"stop":    stop,
	"restart": restart,
	"retry":   retry,
	"edit":    edit,
	"list":    list,
	"get":     get,
	"wait":    wait,
	"signal":  signal,
	"remove":  remove,
	"exit":    exit,
	"replace": replace,
	"watch":   watch,
	"pause":   pause,
	"resume":  resume,
	"next":    next,
	"enable":  enable,
	"disable": disable,
	"each":    startEach,
	"apply":   apply,
	"logs":    logsOf,

	"group.list":   groupList,
	"group.set":    groupSet,
	"group.pause":  groupPause,
	"group.resume": groupResume,
	"group.remove": groupRemove,
}

// now is a finish for what is done already.
func now(result any, err error) (func() (any, error), error) {
	return func() (any, error) { return result, err }, nil
}

func info(c *conn, _, params json.RawMessage) (func() (any, error), error) {
	if err := protocol.Decode(params, &struct{}{}); err != nil {
		return nil, err
	}
	in := c.srv.cfg.Info()
	in.Protocol = protocol.Version
	in.Uptime = task.Duration(time.Since(c.srv.began).Round(time.Millisecond))
	in.Counts = make(map[task.State]int)
	for _, t := range c.srv.cfg.Supervisor.Shared() {
		in.Counts[t.State]++
	}
	return now(in, nil)
}

func start(c *conn, _, params json.RawMessage) (func() (any, error), error) {
	var p protocol.Start
	if err := protocol.Decode(params, &p); err != nil {
		return nil, err
	}
	sup := c.srv.cfg.Supervisor
	sel := task.Selector{Names: p.Names, All: p.All, Group: p.Group, Groups: p.Groups}
	one := p.Name != "" || len(p.Command) > 0 || sel.Empty()
	if one {
		if len(p.Names) > 0 || p.All || len(p.Groups) > 0 {
			return nil, &protocol.Error{Code: protocol.CodeParams, Message: "params: give a spec, or names or all, not both"}
		}
		spec := p.Spec
		c.complete(&spec)
		return submit(sup, []supervisor.Request{started(spec, p.Replace)}, nil)
	}
	if p.Group = ""; !reflect.DeepEqual(p.Spec, task.Spec{}) {
		return nil, &protocol.Error{Code: protocol.CodeParams, Message: "params: a spec goes with one name and a command"}
	}
	names, errs, err := c.selectTasks(sel)
	if err != nil {
		return nil, err
	}
	for i, err := range errs {
		var missing *task.Error
		if errors.As(err, &missing) && missing.Kind == task.ErrNotFound {
			errs[i] = cmp.Or(sup.Removed(missing.Name), err)
		}
	}
	return forEachInOrder(c, names, errs, func(name string) (supervisor.Request, bool) {
		if p.All { // all that can be
			if t, err := sup.Info(name); err != nil || !t.State.Ended() {
				return supervisor.Request{}, false
			}
		}
		return started(task.Spec{Name: name}, p.Replace), true
	})
}

// complete gives the spec of a command what its caller has left to this supervisor.
// It stays with the task, whatever the next supervisor is like.
func (c *conn) complete(s *task.Spec) {
	if len(s.Command) == 0 {
		return
	}
	if s.Cwd == "" {
		s.Cwd = c.srv.cfg.Home
	}
	s.Caller = s.Caller.Or(c.srv.cfg.Caller)
}

func stop(c *conn, _, params json.RawMessage) (func() (any, error), error) {
	var p protocol.Stop
	names, errs, err := selected(c, params, &p, &p.Selector)
	if err != nil {
		return nil, err
	}
	end := supervisor.End{Now: p.Now, Grace: (*time.Duration)(p.Timeout)}
	if err := checkTimeout(p.Timeout); err != nil {
		return nil, err
	}
	return forEach(c, names, errs, func(name string) (supervisor.Request, bool) { return supervisor.Stop(name, end), true })
}

func restart(c *conn, _, params json.RawMessage) (func() (any, error), error) {
	var p protocol.Restart
	names, errs, err := selected(c, params, &p, &p.Selector)
	if err != nil {
		return nil, err
	}
	return forEachInOrder(c, names, errs, func(name string) (supervisor.Request, bool) { return supervisor.Restart(name), true })
}

func retry(c *conn, _, params json.RawMessage) (func() (any, error), error) {
	var p protocol.Retry
	names, errs, err := selected(c, params, &p, &p.Selector)
	if err != nil {
		return nil, err
	}
	sup := c.srv.cfg.Supervisor
	return forEachInOrder(c, names, errs, func(name string) (supervisor.Request, bool) {
		t := sup.SharedInfo(name)
		return supervisor.Retry(name), slices.Contains(p.Names, name) || t != nil && (t.State == task.Failed || t.State == task.Lost)
	})
}

func signal(c *conn, _, params json.RawMessage) (func() (any, error), error) {
	var p protocol.Signal
	names, errs, err := selected(c, params, &p, &p.Selector)
	if err != nil {
		return nil, err
	}
	sig, err := task.ParseSignal(p.Signal)
	if err != nil {
		return nil, task.Errorf(task.ErrUsage, "", "%v", err)
	}
	sup := c.srv.cfg.Supervisor
	return forEach(c, names, errs, func(name string) (supervisor.Request, bool) {
		if p.All {
			if t, err := sup.Info(name); err != nil || t.PID == 0 {
				return supervisor.Request{}, false
			}
		}
		return supervisor.Signal(name, sig), true
	})
}

func remove(c *conn, _, params json.RawMessage) (func() (any, error), error) {
	var p protocol.Remove
	names, errs, err := selected(c, params, &p, &p.Selector)
	if err != nil {
		return nil, err
	}
	sup := c.srv.cfg.Supervisor
	return forEach(c, names, errs, func(name string) (supervisor.Request, bool) {
		pass := false
		if p.Ended || p.Finished || len(p.States) > 0 {
			t, err := sup.Info(name)
			pass = err != nil || p.Ended && !t.State.Ended() || p.Finished && !t.Finished() || len(p.States) > 0 && !slices.Contains(p.States, t.State)
		}
		if p.Force {
			return supervisor.ForceRemove(name, supervisor.End{}), !pass
		}
		return supervisor.Remove(name), !pass
	})
}

// selected decodes params into p and resolves the selector that is part of it.
func selected(c *conn, params json.RawMessage, p any, sel *task.Selector) ([]string, []error, error) {
	if err := protocol.Decode(params, p); err != nil {
		return nil, nil, err
	}
	if sel.Empty() {
		return nil, nil, &protocol.Error{Code: protocol.CodeParams, Message: "params: name the tasks with names, group or all"}
	}
	return c.selectTasks(*sel)
}

// selectTasks accounts for a selector before there are names and errors of it.
func (c *conn) selectTasks(sel task.Selector) ([]string, []error, error) {
	if err := c.account(sizeOf(sel, nil, nil)); err != nil {
		return nil, nil, err
	}
	names, errs := c.srv.cfg.Supervisor.Select(sel)
	return names, errs, c.account(sizeOf(task.Selector{}, names, errs))
}

// sizeOf is about how many bytes it takes to keep a selector, and what it selects.
func sizeOf(sel task.Selector, names []string, errs []error) int {
	const each = 128 // with what is noted of it
	given := slices.Concat(sel.Names, sel.InGroups())
	size := each * (len(given) + len(names) + len(errs))
	for _, name := range given {
		size += len(name)
	}
	for _, err := range errs {
		size += len(err.Error())
	}
	return size
}

func checkTimeout(d *task.Duration) error {
	if err := task.CheckDuration("timeout", d); err != nil {
		return task.Errorf(task.ErrUsage, "", "%v", err)
	}
	return nil
}

// forEach submits the request from of for every name, unless of skips it.
func forEach(c *conn, names []string, errs []error, of func(name string) (supervisor.Request, bool)) (func() (any, error), error) {
	return submit(c.srv.cfg.Supervisor, requestsFor(names, of), errs)
}

// forEachInOrder is forEach where a task comes after its dependencies, for what starts ended
// tasks: a dependency that has ended is not waited for.
func forEachInOrder(c *conn, names []string, errs []error, of func(name string) (supervisor.Request, bool)) (func() (any, error), error) {
	return answers(c.srv.cfg.Supervisor.SubmitInOrder(requestsFor(names, of)), errs)
}

func requestsFor(names []string, of func(name string) (supervisor.Request, bool)) []supervisor.Request {
	var requests []supervisor.Request
	for _, name := range names {
		if r, ok := of(name); ok {
			requests = append(requests, r)
		}
	}
	return requests
}

// started is a start of spec; with replace, what has its name is stopped first.
func started(spec task.Spec, replace bool) supervisor.Request {
	if replace {
		return supervisor.Replace(spec, supervisor.End{})
	}
	return supervisor.Start(spec)
}

// submit begins all the requests; its finish waits for them. They are carried
// out even if the peer goes away.
func submit(sup *supervisor.Supervisor, requests []supervisor.Request, errs []error) (func() (any, error), error) {
	calls := make([]*supervisor.Call, 0, len(requests))
	for _, r := range requests {
		calls = append(calls, sup.Submit(r))
	}
	return answers(calls, errs)
}

// answers has a finish that waits for the calls.
func answers(calls []*supervisor.Call, errs []error) (func() (any, error), error) {
	for _, call := range calls { // so that the peer's next request sees it
		call.WaitEffect()
	}
	return func() (any, error) {
		reached := tasks{shared: make([]*task.Info, 0, len(calls))}
		for _, call := range calls {
			t, err := call.Shared(context.Background())
			if err != nil {
				errs = append(errs, err)
			}
			if t.Name != "" {
				reached.shared = append(reached.shared, t)
			}
		}
		return reached, failed(errs)
	}, nil
}

// maxFailures is how many errors a reply has of one request.
const maxFailures = 1000

// failed is the error of what went wrong: beyond a number, the last one counts the rest.
func failed(errs []error) error {
	if len(errs) == 0 {
		return nil
	}
	if more := len(errs) - maxFailures; more > 0 {
		var like *task.Error
		errors.As(errs[maxFailures], &like)
		errs = append(slices.Clone(errs[:maxFailures]), task.Errorf(cmp.Or(like, &task.Error{}).Kind, "", "and %d more errors", more))
	}
	return protocol.Errors(errs, nil)
}

func exit(c *conn, _, params json.RawMessage) (func() (any, error), error) {
	var p protocol.Exit
	if err := protocol.Decode(params, &p); err != nil {
		return nil, err
	}
	if c.srv.cfg.Exit == nil {
		return nil, task.Errorf(task.ErrUsage, "", "this supervisor is part of another program, which ends it")
	}
	if err := checkTimeout(p.Timeout); err != nil {
		return nil, err
	}
	return func() (any, error) {
		left, err := c.srv.cfg.Exit(context.Background(), supervisor.End{Grace: (*time.Duration)(p.Timeout)}, p.Keep)
		var all tasks
		for i := range left {
			all.shared = append(all.shared, &left[i])
		}
		if many, ok := err.(interface{ Unwrap() []error }); ok {
			return all, failed(many.Unwrap())
		}
		return all, err
	}, nil
}

func replace(c *conn, _, params json.RawMessage) (func() (any, error), error) {
	var p protocol.Replace
	if err := protocol.Decode(params, &p); err != nil {
		return nil, err
	}
	if c.srv.cfg.Replace == nil {
		return nil, task.Errorf(task.ErrUsage, "", "this supervisor is part of another program, which ends it")
	}
	if err := cmp.Or(task.CheckCount("keep_ended", p.KeepEnded), task.CheckSize("log_max_size", p.LogMaxSize),
		task.CheckCount("log_keep", p.LogKeep), task.CheckSize("log_total", p.LogTotal)); err != nil {
		return nil, task.Errorf(task.ErrUsage, "", "%v", err)
	}
	return func() (any, error) { return struct{}{}, c.srv.cfg.Replace(p) }, nil
}
