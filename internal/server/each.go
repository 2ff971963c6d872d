package server

import (
	"encoding/json"

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
