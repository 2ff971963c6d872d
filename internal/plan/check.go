package plan

import (
	"tasks/internal/deps"
	"tasks/pkg/task"
)

// Check reports the first thing that is wrong with c in itself, as an [task.ErrUsage].
func Check(c *task.Change) error {
	if err := c.Check(); err != nil || c.Down {
		return err
	}
	return InOrder(c.Tasks)
}

// InOrder refuses a name that is there twice, and a task before one that it is
// after: a cycle has one, wherever it begins.
func InOrder(tasks []task.Spec) error {
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
