package cli

import (
	"context"

	"github.com/spf13/cobra"

	"tasks/pkg/client"
	"tasks/pkg/task"
)

func newPause(e *env) *cobra.Command {
	var s selection
	cmd := &cobra.Command{
		Use:   "pause NAME... | --all | --group G",
		Short: "Pause tasks: their processes stop where they are",
		Long: `Pause tasks: all their processes stop where they are, and keep their memory, their
files and their slot, until 'tasks resume' or a stop. The time does not count
towards --timeout. --all and --group pause what runs; to have nothing new begin in
a group either, use 'tasks group pause'.`,
		Example:           "  tasks pause render\n  tasks resume render",
		ValidArgsFunction: completeNames(func(t task.Info) bool { return t.State == task.Running }),
		RunE: func(cmd *cobra.Command, args []string) error {
			sel, err := s.selector(cmd, args)
			if err != nil {
				return err
			}
			return e.ask(func(ctx context.Context, c *client.Client) ([]task.Info, error) { return c.Pause(ctx, sel) })
		},
	}
	s.flags(cmd)
	return cmd
}

func newResume(e *env) *cobra.Command {
	var s selection
	cmd := &cobra.Command{
		Use:               "resume NAME... | --all | --group G",
		Short:             "Let paused tasks go on",
		Example:           "  tasks resume render\n  tasks resume --all",
		ValidArgsFunction: completeNames(func(t task.Info) bool { return t.State == task.Paused }),
		RunE: func(cmd *cobra.Command, args []string) error {
			sel, err := s.selector(cmd, args)
			if err != nil {
				return err
			}
			return e.ask(func(ctx context.Context, c *client.Client) ([]task.Info, error) { return c.Resume(ctx, sel) })
		},
	}
	s.flags(cmd)
	return cmd
}
