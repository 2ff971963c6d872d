package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"tasks/pkg/client"
	"tasks/pkg/task"
)

type retryOptions struct{ selection }

func newRetry(e *env) *cobra.Command {
	return e.verb(new(retryOptions), &cobra.Command{
		Use:   "retry NAME... | --all | --group G",
		Short: "Start tasks that failed or are lost again",
		Long: `Start tasks that failed or are lost again, as they were, dependencies first. All
other tasks stay as they are, also stopped ones and tasks that wait for their next
try. If there is nothing to retry, retry says so and succeeds. What was stopped before
it began, as by --fail-fast of each, is started by 'tasks start --state stopped'.`,
		Example:           "  tasks retry -g encode && tasks wait -g encode\n  tasks retry build 'test-*'",
		ValidArgsFunction: completeNames(needsRetry),
	})
}

func (o *retryOptions) parse(l line) error { return o.something(l) }

func (o *retryOptions) run(e *env) error {
	retried := 0
	err := e.request(func(ctx context.Context, c *client.Client) ([]task.Info, error) {
		tasks, err := c.Retry(ctx, o.selector())
		retried = len(tasks)
		return tasks, err
	})
	if err == nil && retried == 0 {
		e.remark("tasks: nothing to retry: no task failed or is lost")
	}
	if err == nil && !e.quiet {
		e.sayLeft(&o.selection)
	}
	return err
}

// sayLeft says which tasks that did not go well a retry leaves as they are, and what to do:
// those that were stopped before they began, and those that run again by themselves.
func (e *env) sayLeft(s *selection) {
	left, _ := e.client.List(context.Background(), client.ListOptions{Selector: s.selector(), States: []task.State{task.Stopped, task.Waiting, task.BackingOff}}) // only a hint
	var stopped, again []task.Info
	for _, t := range left {
		switch {
		case t.State == task.Stopped:
			stopped = append(stopped, t)
		case t.Failing() && !t.NextAt.IsZero():
			again = append(again, t)
		}
	}
	e.sayUnbegun(stopped, s)
	if n := len(again); n > 3 {
		e.remark("tasks: the last runs of %d tasks failed, and they run again by themselves: 'tasks restart NAME' runs one now", n)
		return
	}
	for _, t := range again {
		e.remark("tasks: %s runs again in %s: 'tasks restart %[1]s' runs it now", t.Name, span(time.Until(t.NextAt.Time).Round(time.Second)))
	}
}

func needsRetry(t task.Info) bool { return t.State == task.Failed || t.State == task.Lost }
