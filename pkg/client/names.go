package client

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"tasks/internal/protocol"
	"tasks/pkg/task"
)

// roomForNames is how many bytes of names, as JSON, a request has room for beside its
// other params.
const roomForNames = protocol.MaxLine - 64<<10

// ofSelected sends a request about the tasks of sel, where params are its params for
// these, or several at the same time if the names are too many for one.
func (c *Client) ofSelected(ctx context.Context, method string, sel task.Selector, params func(task.Selector) any) ([]task.Info, error) {
	return inParts(ctx, sel, params, false, func(ctx context.Context, params any) ([]task.Info, error) {
		return c.tasks(ctx, method, params)
	})
}

// inParts calls ask with the params for each part of sel. With first, the first answer
// counts, and the other requests are given up.
func inParts(ctx context.Context, sel task.Selector, params func(task.Selector) any, first bool, ask func(ctx context.Context, params any) ([]task.Info, error)) ([]task.Info, error) {
	parts := split(sel)
	if len(parts) == 1 {
		return ask(ctx, params(sel))
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	tasks, errs := make([][]task.Info, len(parts)), make([]error, len(parts))
	answered := make(chan int, len(parts))
	for i, names := range parts {
		p := params(task.Selector{Names: names, Dir: sel.Dir})
		go func() {
			tasks[i], errs[i] = ask(ctx, p)
			answered <- i
		}()
	}
	for range parts {
		if i := <-answered; first {
			return tasks[i], errs[i]
		}
	}
	return slices.Concat(tasks...), errors.Join(errs...)
}

// split divides the names of sel into parts that a request has room for. Patterns, groups
// and all are not divided: two parts might select the same task.
func split(sel task.Selector) [][]string {
	if sel.All || len(sel.InGroups()) > 0 || slices.ContainsFunc(sel.Names, isGlob) {
		return [][]string{sel.Names}
	}
	parts, size, seen := [][]string{nil}, 0, make(map[string]bool)
	for _, name := range sel.Names {
		if seen[name] {
			continue
		}
		seen[name] = true
		raw, _ := json.Marshal(name)
		last := len(parts) - 1
		if size += len(raw) + 1; size > roomForNames && parts[last] != nil {
			parts, size, last = append(parts, nil), len(raw)+1, last+1
		}
		parts[last] = append(parts[last], name)
	}
	return parts
}
