package server

import (
	"encoding/json"
	"unsafe"

	"tasks/internal/each"
	"tasks/internal/protocol"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// startEach starts a task per input, in a turn: what is short on the wire may be large in
// memory.
func startEach(c *conn, _, params json.RawMessage) (func() (any, error), error) {
	give := func() {}
	if !c.long {
		give = c.acquire(c.srv.longLines)
	}
	finish, err := c.startInputs(params)
	if err != nil {
		give()
		return nil, err
	}
	return func() (any, error) {
		defer give()
		return finish()
	}, nil
}

func (c *conn) startInputs(params json.RawMessage) (func() (any, error), error) {
	var p protocol.Each
	if err := protocol.Decode(params, &p); err != nil {
		return nil, err
	}
	if len(p.Command) == 0 {
		return nil, &protocol.Error{Code: protocol.CodeParams, Message: "params: give a command"}
	}
	c.complete(&p.Spec)
	size := each.Size(&p.Spec, p.Inputs)
	if size > each.MaxSize {
		return nil, task.Errorf(task.ErrUsage, "", "the commands have %d MiB with their inputs, at most %d are allowed: give fewer inputs at once", size>>20, each.MaxSize>>20)
	}
	if err := task.CheckCount("first", &p.First); err != nil {
		return nil, task.Errorf(task.ErrUsage, "", "%v", err)
	}
	done, err := c.srv.stage(size + len(p.Inputs)*int(unsafe.Sizeof(supervisor.Request{})))
	if err != nil {
		return nil, err
	}
	specs, err := each.Specs(p.Spec, p.Inputs, max(p.First, 1))
	if err != nil {
		done()
		return nil, err
	}
	requests := make([]supervisor.Request, len(specs))
	for i, spec := range specs {
		requests[i] = supervisor.Start(spec)
	}
	group := p.Group
	finish, err := submit(c.srv.cfg.Supervisor, requests, nil)
	return func() (any, error) {
		defer done()
		defer c.unawait(group)
		return finish()
	}, err
}
