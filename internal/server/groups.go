package server

import (
	"context"
	"encoding/json"
	"unsafe"

	"tasks/internal/protocol"
	"tasks/pkg/task"
)

func groupList(c *conn, _, params json.RawMessage) (func() (any, error), error) {
	if err := protocol.Decode(params, &struct{}{}); err != nil {
		return nil, err
	}
	groups := c.srv.cfg.Supervisor.Groups()
	if err := c.account(cap(groups) * int(unsafe.Sizeof(task.Group{}))); err != nil {
		return nil, err
	}
	return now(groups, nil)
}

func groupSet(c *conn, _, params json.RawMessage) (func() (any, error), error) {
	var p protocol.GroupSet
	if err := protocol.Decode(params, &p); err != nil {
		return nil, err
	}
	sup := c.srv.cfg.Supervisor
	g, err := sup.ChangeGroup(p.Name, func(g *task.Group) {
		g.Temporary = p.Temporary && (g.Temporary || g.Unset())
		if p.Slots != nil {
			g.Slots = p.Slots.N
		}
		if p.OnExit != nil {
			g.OnExit = *p.OnExit
		}
		if p.OnFailure != nil {
			g.OnFailure = *p.OnFailure
		}
	})
	if err == nil && p.Temporary {
		times, _ := c.awaited.Load(p.Name)
		before, _ := times.(int)
		c.awaited.Store(p.Name, before+1)
	}
	return now(g, err)
}

// unawait is called once the tasks of a group have come for which c may have set it, or
// none will.
func (c *conn) unawait(group string) {
	if times, awaited := c.awaited.LoadAndDelete(group); awaited {
		c.srv.cfg.Supervisor.UnawaitGroup(group, times.(int))
	}
}

func (c *conn) unawaitAll() {
	c.awaited.Range(func(group, _ any) bool {
		c.unawait(group.(string))
		return true
	})
}

func groupPause(c *conn, _, params json.RawMessage) (func() (any, error), error) {
	return onGroup(params, func(name string) (task.Group, error) {
		return c.srv.cfg.Supervisor.PauseGroup(context.Background(), name)
	})
}

func groupResume(c *conn, _, params json.RawMessage) (func() (any, error), error) {
	return onGroup(params, func(name string) (task.Group, error) {
		return c.srv.cfg.Supervisor.ResumeGroup(context.Background(), name)
	})
}

func groupRemove(c *conn, _, params json.RawMessage) (func() (any, error), error) {
	return onGroup(params, c.srv.cfg.Supervisor.RemoveGroup)
}

// onGroup does something to one group, before the next request begins.
func onGroup(params json.RawMessage, do func(name string) (task.Group, error)) (func() (any, error), error) {
	var p protocol.Group
	if err := protocol.Decode(params, &p); err != nil {
		return nil, err
	}
	return now(do(p.Name))
}
