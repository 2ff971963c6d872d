package server

import (
	"encoding/json"

	"tasks/internal/protocol"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

func pause(c *conn, _, params json.RawMessage) (func() (any, error), error) {
	return turn(c, params, supervisor.Pause, inState(task.Running), inState(task.Paused))
}

func resume(c *conn, _, params json.RawMessage) (func() (any, error), error) {
	return turn(c, params, supervisor.Resume, inState(task.Paused), inState(task.Running))
}

func enable(c *conn, _, params json.RawMessage) (func() (any, error), error) {
	return turn(c, params, supervisor.Enable, isDisabled, isEnabled)
}

func disable(c *conn, _, params json.RawMessage) (func() (any, error), error) {
	return turn(c, params, supervisor.Disable, isEnabled, isDisabled)
}

// inState is for tasks in that state that can be paused and resumed.
func inState(state task.State) func(*task.Info) bool {
	return func(t *task.Info) bool { return t.State == state && t.Engine != task.EngineFunc }
}

func isDisabled(t *task.Info) bool { return t.Disabled }
func isEnabled(t *task.Info) bool  { return t.Spec.Repeats() && !t.Disabled && !t.State.Ended() }

// turn submits the request from of for the tasks selected; with all or a group, for the
// tasks that can be turned, and tasks that were, but are not recorded as such yet.
func turn(c *conn, params json.RawMessage, of func(name string) supervisor.Request, can, was func(*task.Info) bool) (func() (any, error), error) {
	var p protocol.Turn
	names, errs, err := selected(c, params, &p, &p.Selector)
	if err != nil {
		return nil, err
	}
	sup := c.srv.cfg.Supervisor
	return forEach(c, names, errs, func(name string) (supervisor.Request, bool) {
		if p.All || len(p.InGroups()) > 0 {
			if t, err := sup.Info(name); err != nil || !can(&t) && !(was(&t) && sup.Unrecorded(name)) {
				return supervisor.Request{}, false
			}
		}
		return of(name), true
	})
}
