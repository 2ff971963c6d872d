package cli

import (
	"context"
	"errors"

	"tasks/internal/taskfile"
	"tasks/pkg/client"
	"tasks/pkg/task"
)

// envBatch is of how many tasks the environments are held at a time: each may have a MiB.
const envBatch = 32

// envsOf has the environments of the tasks of a file, as far as they are in now, by
// their names: it asks for those of a few at a time, as they are wanted in the order
// of the file. There may be thousands of other tasks, and as many copies of one
// environment. err is why that of a task was not to be had.
func envsOf(ctx context.Context, c *client.Client, file *taskfile.File, now []task.Info) (of func(name string) task.Env, err func() error) {
	known := make(map[string]bool, len(now))
	for i := range now {
		known[now[i].Name] = true
	}
	var names []string // that were not asked for yet
	for i := range file.Tasks {
		if name := file.Tasks[i].Name; known[name] {
			names = append(names, name)
		}
	}
	var held map[string]task.Env
	var failed error
	return func(name string) task.Env {
		for failed == nil && len(names) > 0 {
			if env, ok := held[name]; ok {
				return env
			}
			some := names[:min(envBatch, len(names))]
			names, held = names[len(some):], make(map[string]task.Env, len(some))
			for _, name := range some { // one that was removed since has none
				held[name] = task.Env{}
			}
			tasks, err := c.List(ctx, client.ListOptions{Selector: task.Selector{Names: some}, Env: true})
			if err != nil && !errors.Is(err, task.ErrNotFound) {
				failed = err
			}
			for i := range tasks {
				held[tasks[i].Name] = tasks[i].Spec.Env
			}
		}
		return held[name]
	}, func() error { return failed }
}
