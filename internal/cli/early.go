package cli

import (
	"context"
	"time"

	"tasks/pkg/client"
	"tasks/pkg/task"
)

// earlyEnd is for how long a start at a terminal looks whether its task ends at once, as one
// with a slip in its command line does.
const earlyEnd = 100 * time.Millisecond

// lookAgain is a single task that was just started as it is a moment later, for who looks
// at a terminal; if it has failed by then, its last lines are shown.
func (e *env) lookAgain(ctx context.Context, c *client.Client, tasks []task.Info) []task.Info {
	if len(tasks) != 1 || !e.tty || e.quiet || e.output == "json" || e.output == "name" || tasks[0].PID == 0 {
		return tasks
	}
	sel := task.Selector{Names: []string{tasks[0].Name}}
	// Also one that its policy starts again is looked at.
	c.Wait(ctx, client.WaitOptions{Selector: sel, Timeout: new(task.Duration(earlyEnd))})
	now, err := c.List(ctx, client.ListOptions{Selector: sel})
	if err != nil || len(now) != 1 {
		return tasks
	}
	e.whyFailed(now)
	return now
}
