package cli

import (
	"context"

	"github.com/spf13/cobra"

	"tasks/pkg/client"
	"tasks/pkg/task"
)

func newRestart(e *env) *cobra.Command {
	var s selection
	cmd := &cobra.Command{
		Use:               "restart NAME... | --all | --group G",
		Short:             "Stop tasks and start them again",
		Long:              "Stop tasks, wait until they are gone, and start them again: a new run. A task\nthat has ended is started.",
		Example:           "  tasks restart web\n  tasks restart --group workers",
		ValidArgsFunction: completeNames(nil),
		RunE: func(cmd *cobra.Command, args []string) error {
			sel, err := s.selector(cmd, args)
			if err != nil {
				return err
			}
			return e.ask(func(ctx context.Context, c *client.Client) ([]task.Info, error) { return c.Restart(ctx, sel) })
		},
	}
	s.flags(cmd)
	return cmd
}
