package cli

import (
	"context"

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
	if err == nil {
		e.sayUnbegun(&e.client, &o.selection)
	}
	return err
}

func needsRetry(t task.Info) bool { return t.State == task.Failed || t.State == task.Lost }
