package cli

import (
	"context"

	"github.com/spf13/cobra"

	"tasks/pkg/client"
	"tasks/pkg/task"
)

func newRemove(e *env) *cobra.Command {
	var s selection
	var force bool
	cmd := &cobra.Command{
		Use:               "rm NAME... | --all | --group G",
		Aliases:           []string{"remove", "delete"},
		Short:             "Forget ended tasks and their logs",
		Long:              "Forget ended tasks and their logs. One that has not ended is left alone, unless\n--force stops it first.",
		Example:           "  tasks rm build\n  tasks rm --force 'tmp-*'",
		ValidArgsFunction: completeNames(ended),
		RunE: func(cmd *cobra.Command, args []string) error {
			sel, err := s.selector(cmd, args)
			if err != nil {
				return err
			}
			return e.ask(func(ctx context.Context, c *client.Client) ([]task.Info, error) {
				return c.Remove(ctx, client.RemoveOptions{Selector: sel, Force: force})
			})
		},
	}
	s.flags(cmd)
	cmd.Flags().BoolVar(&force, "force", false, "stop first what has not ended")
	return cmd
}

func newClean(e *env) *cobra.Command {
	var s selection
	var states []string
	cmd := &cobra.Command{
		Use:     "clean [--state S,...] [--group G]",
		Short:   "Forget all tasks that have ended",
		Example: "  tasks clean\n  tasks clean --state done",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o := client.RemoveOptions{Selector: task.Selector{All: s.group == "", Group: s.group}, Ended: true}
			var err error
			if o.States, err = parseStates(cmd, states); err != nil {
				return err
			}
			for _, st := range o.States {
				if !st.Ended() {
					return usage("tasks that are %s have not ended: use 'tasks rm --force'", st)
				}
			}
			return e.ask(func(ctx context.Context, c *client.Client) ([]task.Info, error) { return c.Remove(ctx, o) })
		},
	}
	cmd.Flags().StringVarP(&s.group, "group", "g", "", "only tasks of `GROUP`")
	cmd.Flags().StringSliceVar(&states, "state", nil, "only these `STATES`: done, failed, stopped, lost")
	cmd.RegisterFlagCompletionFunc("group", completeGroups)
	cmd.RegisterFlagCompletionFunc("state", listed("done", "failed", "stopped", "lost"))
	return cmd
}
