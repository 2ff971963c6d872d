package client

import (
	"context"
	"errors"

	"tasks/internal/protocol"
	"tasks/pkg/task"
)

// Groups is every group, with what was set of it and how many of its tasks run
// and wait, sorted by name.
func (c *Client) Groups(ctx context.Context) ([]task.Group, error) {
	var groups []task.Group
	err := c.call(ctx, "group.list", struct{}{}, &groups)
	for i := range groups {
		if wrong := task.CheckName(groups[i].Name); err == nil && wrong != nil {
			return nil, badReply("%v", wrong)
		}
	}
	return groups, ofKind(err)
}

// SetGroup changes a group, which need not be there. A raised number of slots
// takes effect at once.
func (c *Client) SetGroup(ctx context.Context, o GroupOptions) (task.Group, error) {
	g, err := c.group(ctx, "group.set", o.Name, protocol.GroupSet(o))
	if o.Temporary && errors.Is(err, ErrUnknown) {
		o.Temporary = false
		g, err = c.group(ctx, "group.set", o.Name, protocol.GroupSet(o))
	}
	return g, err
}

// PauseGroup stops admitting tasks of a group, and pauses its runs.
func (c *Client) PauseGroup(ctx context.Context, name string) (task.Group, error) {
	return c.group(ctx, "group.pause", name, protocol.Group{Name: name})
}

// ResumeGroup undoes PauseGroup.
func (c *Client) ResumeGroup(ctx context.Context, name string) (task.Group, error) {
	return c.group(ctx, "group.resume", name, protocol.Group{Name: name})
}

// RemoveGroup forgets what was set of a group, all of whose tasks have ended.
func (c *Client) RemoveGroup(ctx context.Context, name string) (task.Group, error) {
	return c.group(ctx, "group.remove", name, protocol.Group{Name: name})
}

func (c *Client) group(ctx context.Context, method, name string, params any) (task.Group, error) {
	var g task.Group
	err := c.call(ctx, method, params, &g)
	if err == nil && g.Name != name {
		return task.Group{}, badReply("it has group %q, asked for was %s", g.Name, name)
	}
	return g, ofKind(err)
}
