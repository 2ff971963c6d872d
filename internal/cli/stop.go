package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"tasks/pkg/client"
	"tasks/pkg/task"
)

func newStop(e *env) *cobra.Command {
	var s selection
	var now bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "stop NAME... | --all | --group G",
		Short: "Stop tasks, and return when they are gone",
		Long: `Stop tasks: send each its stop signal (TERM), after its stop timeout (10s) KILL,
and return when all that it started is gone. Several stop at the same time. A
task that has ended stays as it is, which is no error.`,
		Example: `  tasks stop web
  tasks stop 'worker-*' -t 30s
  tasks stop --all --now`,
		ValidArgsFunction: completeNames(notEnded),
		RunE: func(cmd *cobra.Command, args []string) error {
			sel, err := s.selector(cmd, args)
			if err != nil {
				return err
			}
			o := client.StopOptions{Selector: sel, Now: now}
			if cmd.Flags().Changed("timeout") {
				if now {
					return usage("--now kills at once: it goes without --timeout")
				}
				if o.Timeout, err = duration("timeout", timeout); err != nil {
					return err
				}
			}
			var grace func(time.Duration) time.Duration
			if now || o.Timeout != nil {
				grace = func(time.Duration) time.Duration { return timeout }
			}
			return e.askFor(grace, func(ctx context.Context, c *client.Client) ([]task.Info, error) { return c.Stop(ctx, o) })
		},
	}
	s.flags(cmd)
	cmd.Flags().BoolVar(&now, "now", false, "kill at once")
	durationVar(cmd.Flags(), &timeout, "timeout", "t", 0, "`TIME` from the stop signal to KILL, in place of the task's own")
	return cmd
}
