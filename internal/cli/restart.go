package cli

import (
	"context"

	"github.com/spf13/cobra"

	"tasks/pkg/client"
	"tasks/pkg/task"
)

type restartOptions struct{ selection }

func newRestart(e *env) *cobra.Command {
	return e.verb(new(restartOptions), &cobra.Command{
		Use:               "restart NAME... | --all | --group G",
		Short:             "Stop tasks and start them again",
		Long:              "Stop tasks, wait until they are gone, and start them again: a new run. A task\nthat has ended is started.",
		Example:           "  tasks restart web\n  tasks restart --group workers",
		ValidArgsFunction: completeNames(nil),
	})
}

func (o *restartOptions) parse(l line) error { return o.something(l) }

func (o *restartOptions) run(e *env) error {
	return e.request(func(ctx context.Context, c *client.Client) ([]task.Info, error) { return c.Restart(ctx, o.selector()) })
}
