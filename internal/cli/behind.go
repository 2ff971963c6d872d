package cli

import (
	"context"
	"slices"

	"tasks/pkg/client"
	"tasks/pkg/task"
)

// sayBehind says which of the tasks, just started, wait for the end of a task that may be
// meant as a service, which has none.
func (e *env) sayBehind(ctx context.Context, c *client.Client, tasks []task.Info) {
	for _, t := range tasks {
		if t.State != task.Waiting {
			continue
		}
		for _, name := range t.WaitsFor {
			at := slices.IndexFunc(tasks, func(d task.Info) bool { return d.Name == name })
			var dep task.Info
			if at >= 0 {
				dep = tasks[at]
			} else if found, err := c.List(ctx, client.ListOptions{Selector: task.Selector{Names: []string{name}}}); err == nil && len(found) == 1 {
				dep = found[0]
			}
			if dep.Spec.PerhapsService() && slices.Contains(t.Spec.After, name) {
				e.remark("tasks: %s waits until %s has ended: if that is a service, give it a readiness check, or restart always", t.Name, name)
			}
		}
	}
}
