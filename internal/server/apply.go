package server

import (
	"context"
	"encoding/json"

	"tasks/internal/deps"
	"tasks/internal/each"
	"tasks/internal/protocol"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// startEach starts a task per input.
func startEach(c *conn, _, params json.RawMessage) (func() (any, error), error) {
	var p protocol.Each
	if err := protocol.Decode(params, &p); err != nil {
		return nil, err
	}
	if len(p.Command) == 0 {
		return nil, &protocol.Error{Code: protocol.CodeParams, Message: "params: give a command"}
	}
	c.complete(&p.Spec)
	if size := each.Size(&p.Spec, p.Inputs); size > each.MaxSize {
		return nil, task.Errorf(task.ErrUsage, "", "the commands have %d MiB with their inputs, at most %d are allowed: give fewer inputs at once", size>>20, each.MaxSize>>20)
	}
	if err := task.CheckCount("first", &p.First); err != nil {
		return nil, task.Errorf(task.ErrUsage, "", "%v", err)
	}
	specs, err := each.Specs(p.Spec, p.Inputs, max(p.First, 1))
	if err != nil {
		return nil, err
	}
	requests := make([]supervisor.Request, len(specs))
	for i, spec := range specs {
		requests[i] = supervisor.Start(spec)
	}
	return submit(c.srv.cfg.Supervisor, requests, nil)
}

// inOrder refuses a name that is there twice, and a task before one that it is
// after: a cycle has one, wherever it begins.
func inOrder(tasks []task.Spec) error {
	names, seen := make([]string, len(tasks)), make(map[string]bool, len(tasks))
	for i := range tasks {
		names[i] = tasks[i].Name
		if seen[names[i]] {
			return task.Errorf(task.ErrUsage, names[i], "two tasks are named %s", names[i])
		}
		seen[names[i]] = true
	}
	if name, after, bad := deps.GraphOf(tasks).Misplaced(names); bad {
		return task.Errorf(task.ErrUsage, name, "%s is before %s, which it is after", name, after)
	}
	return nil
}

// apply sets groups and starts tasks, one level of dependencies after the other:
// what has a name is stopped first.
func apply(c *conn, _, params json.RawMessage) (func() (any, error), error) {
	var p protocol.Apply
	if err := protocol.Decode(params, &p); err != nil {
		return nil, err
	}
	sup := c.srv.cfg.Supervisor
	groups := make(map[string]bool, len(p.Groups))
	for _, g := range p.Groups {
		if err := g.Check(); err != nil {
			return nil, err
		}
		if groups[g.Name] {
			return nil, task.Errorf(task.ErrUsage, g.Name, "two groups are named %s", g.Name)
		}
		groups[g.Name] = true
	}
	for i := range p.Tasks {
		c.complete(&p.Tasks[i])
		if err := p.Tasks[i].Check(); err != nil {
			return nil, err
		}
	}
	if err := inOrder(p.Tasks); err != nil {
		return nil, err
	}
	return func() (any, error) {
		for _, g := range p.Groups {
			if _, err := sup.ChangeGroup(g.Name, func(set *task.Group) { set.Slots, set.Hooks = g.Slots, g.Hooks }); err != nil {
				return nil, err
			}
		}
		defer sup.Expect(p.Tasks)()
		calls := make(map[string]*supervisor.Call, len(p.Tasks))
		for i := range p.Tasks {
			spec := &p.Tasks[i]
			for _, dep := range deps.Of(spec) {
				if call := calls[dep]; call != nil {
					call.Shared(context.Background()) // an error of its own is told once
				}
			}
			replace := supervisor.Replace
			if p.Again {
				replace = supervisor.ReplaceAgain
			}
			calls[spec.Name] = sup.Submit(replace(*spec, supervisor.End{}))
		}
		reached, errs := tasks{shared: make([]*task.Info, 0, len(calls))}, []error(nil)
		for i := range p.Tasks {
			t, err := calls[p.Tasks[i].Name].Shared(context.Background())
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
