package cli

import (
	"errors"
	"time"

	"github.com/spf13/cobra"

	"tasks/internal/socket"
	"tasks/pkg/task"
)

func newExit(e *env) *cobra.Command {
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:     "exit",
		Aliases: []string{"shutdown", "quit"},
		Short:   "Stop every task and end the supervisor",
		Long: `Stop every task, wait until all are gone, and end the supervisor. Returns when its
process is gone and its socket removed. Tasks and logs stay on disk: the next
'tasks serve' lists them as stopped.`,
		Example: "  tasks exit\n  tasks exit --timeout 2s",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var most *task.Duration
			if cmd.Flags().Changed("timeout") {
				var err error
				if most, err = duration("timeout", timeout); err != nil {
					return err
				}
			}
			return e.exit(most)
		},
	}
	cmd.Flags().DurationVar(&timeout, "timeout", 0, "KILL what has not ended after this time")
	cmd.Flags().Lookup("timeout").DefValue = ""
	return cmd
}

func (e *env) exit(timeout *task.Duration) error {
	c, err := e.dial()
	if err != nil {
		return err
	}
	ctx, done := untilInterrupt()
	defer done()
	info, err := c.Info(ctx)
	if err != nil {
		return err
	}
	tasks, err := c.Exit(ctx, timeout)
	if err != nil && !errors.Is(err, task.ErrTimeout) {
		return err
	}
	// The supervisor holds its lock as long as there is a process of it.
	gone := socket.AwaitRelease(ctx, info.StateDir)
	e.client.Close()
	return errors.Join(e.printTouched(tasks), err, gone)
}
