package server

import (
	"context"
	"encoding/json"
	"errors"
	"unsafe"

	"tasks/internal/plan"
	"tasks/internal/protocol"
	"tasks/pkg/task"
)

// apply sets groups and starts tasks, or takes a part of the change of a tasks file.
func apply(c *conn, _, params json.RawMessage) (func() (any, error), error) {
	if !c.long { // what is short on the wire may be large in memory
		defer c.acquire(c.srv.longLines)()
	}
	var p protocol.Apply
	if err := protocol.Decode(params, &p); err != nil {
		return nil, err
	}
	if p.Change != "" || p.Commit != nil {
		return c.applyPart(&p, len(params)+len(p.Tasks)*int(unsafe.Sizeof(task.Spec{}))+len(p.Groups)*int(unsafe.Sizeof(task.Group{})))
	}
	specs, err := specsOf(&p, nil)
	if err != nil {
		return nil, err
	}
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
	for i := range specs {
		c.complete(&specs[i])
		if err := specs[i].Check(); err != nil {
			return nil, err
		}
	}
	if err := plan.InOrder(specs); err != nil {
		return nil, err
	}
	sup := c.srv.cfg.Supervisor
	return func() (any, error) {
		for _, g := range p.Groups {
			if _, err := sup.ChangeGroup(g.Name, func(set *task.Group) { set.Slots, set.Hooks, set.Temporary = g.Slots, g.Hooks, false }); err != nil {
				return nil, err
			}
		}
		reached, errs := sup.StartAll(specs)
		return tasks{shared: reached}, failed(errs)
	}, nil
}

// specsOf is the tasks of p, with the environments that they name.
func specsOf(p *protocol.Apply, envs map[string]task.Env) ([]task.Spec, error) {
	specs := make([]task.Spec, len(p.Tasks))
	for i := range p.Tasks {
		t := &p.Tasks[i]
		specs[i] = t.Spec
		if t.EnvHash == "" {
			continue
		}
		env, known := envs[t.EnvHash]
		if !known || t.Env.Given() {
			return nil, task.Errorf(task.ErrUsage, t.Name, "the environment of %s: give either env, or the env_hash of one of the envs before", t.Name)
		}
		specs[i].Env = env
	}
	return specs, nil
}

// staged is what has come of a change that is not committed yet.
type staged struct {
	change task.Change
	parts  int
	envs   map[string]task.Env
	size   int // bytes of its parts, as sent and in memory
}

// stage accounts for so many bytes of a change or of new tasks until done is called, or
// refuses them.
func (s *Server) stage(size int) (done func(), err error) {
	done = func() { s.staged.Add(-int64(size)) }
	if s.staged.Add(int64(size)) > maxStaged {
		done()
		return nil, task.Errorf(task.ErrUnavailable, "", "too much is waiting: the changes that are being sent or carried out have %d MiB at most: end some clients", maxStaged>>20)
	}
	return done, nil
}

// unstage forgets what has come of a change.
func (c *conn) unstage() {
	if c.staged != nil {
		c.srv.staged.Add(-int64(c.staged.size))
		c.staged = nil
	}
}

// applyPart takes a part of a change of that many bytes, which belongs to the connection
// until the last one commits it.
func (c *conn) applyPart(p *protocol.Apply, size int) (func() (any, error), error) {
	if c.staged != nil && (p.Part == 0 || c.staged.change.ID != p.Change) { // it was given up
		c.unstage()
	}
	if c.staged == nil {
		c.staged = &staged{change: task.Change{ID: p.Change}, envs: make(map[string]task.Env)}
	}
	st := c.staged
	refuse := func(err error) (func() (any, error), error) {
		c.unstage()
		return nil, err
	}
	if p.Part != st.parts {
		return refuse(task.Errorf(task.ErrUsage, "", "part %d of the change %s came where part %d was expected", p.Part, clip(p.Change, 64), st.parts))
	}
	st.parts++
	if _, err := c.srv.stage(size); err != nil {
		return refuse(err)
	}
	st.size += size
	for name, env := range p.Envs {
		st.envs[name] = env
	}
	specs, err := specsOf(p, st.envs)
	if err != nil {
		return refuse(err)
	}
	st.change.Groups = append(st.change.Groups, p.Groups...)
	st.change.Tasks = append(st.change.Tasks, specs...)
	if n := len(st.change.Tasks); n > task.MaxTasks {
		return refuse(task.Errorf(task.ErrUsage, "", "more than %d tasks", task.MaxTasks))
	}
	if n := len(st.change.Groups); n > task.MaxTasks {
		return refuse(task.Errorf(task.ErrUsage, "", "more than %d groups", task.MaxTasks))
	}
	if p.Commit == nil {
		return now(struct{}{}, nil)
	}
	c.staged, c.applying = nil, int64(st.size) // until it is answered
	c.lasts = true
	return c.commit(st.change, p.Commit)
}

// applied is the result of a commit.
type applied struct {
	Behind    bool             `json:"behind,omitempty"`
	Steps     []plan.Step      `json:"steps,omitempty"`
	Groups    []plan.GroupStep `json:"groups,omitempty"`
	TakenOver []string         `json:"taken_over,omitempty"`
	Tasks     tasks            `json:"tasks"`
}

// commit has the change carried out, or tells what it would do.
func (c *conn) commit(change task.Change, o *protocol.Commit) (func() (any, error), error) {
	change.File, change.Project, change.Prune, change.Down, change.Missing = o.File, o.Project, o.Prune, o.Down, o.Missing
	for i := range change.Tasks {
		s := &change.Tasks[i]
		c.complete(s)
		s.File = o.File
	}
	sup := c.srv.cfg.Supervisor
	if o.Check {
		return now(late(func() (any, func(), error) {
			done, ok := c.largeTurn()
			if !ok {
				return nil, done, shuttingDown()
			}
			p, err := sup.Plan(change)
			if err != nil {
				return nil, done, allOf(err)
			}
			return applied{Steps: p.Steps, Groups: plan.Groups(change.Groups, sup.Groups()), TakenOver: p.TakenOver}, done, nil
		}), nil)
	}
	a := sup.Apply(change, o.NoWait)
	if a == nil {
		return now(applied{Behind: true}, nil)
	}
	stays := context.AfterFunc(c.ctx, func() { sup.Abandon(a) })
	return func() (any, error) {
		done, err := a.Wait(context.Background())
		stays()
		if errors.Is(err, task.ErrUnavailable) && sup.EndedByLeave() {
			c.stopReading() // as if this one had died: the next one continues it
			return streaming, nil
		}
		if err != nil {
			return tasks{shared: done.Tasks}, allOf(err)
		}
		return applied{TakenOver: done.TakenOver, Tasks: tasks{shared: done.Tasks}}, nil
	}, nil
}

// allOf is the error of what errors.Join has joined.
func allOf(err error) error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		return failed(many.Unwrap())
	}
	return err
}
