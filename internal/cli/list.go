package cli

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"tasks/pkg/client"
	"tasks/pkg/task"
)

func newList(e *env) *cobra.Command {
	var s selection
	var states []string
	var failing bool
	cmd := &cobra.Command{
		Use:     "list [NAME...]",
		Aliases: []string{"ls", "ps", "status"},
		Short:   "List tasks",
		Long: `List tasks, sorted by name: state, process, how long it has been up, automatic
restarts, exit code or signal of the last run, and command. '-o wide' adds what
each uses and where it runs and logs.`,
		Example: `  tasks list
  tasks list 'web-*' --state running,backoff
  tasks list --failing
  tasks list --json | jq -r '.[] | select(.state == "failed") | .name'`,
		Annotations:       quietNames,
		ValidArgsFunction: completeNames(nil),
		RunE: func(cmd *cobra.Command, args []string) error {
			sel, err := s.given(args)
			if err != nil {
				return err
			}
			o := client.ListOptions{Selector: sel, Stats: e.output == "wide"}
			if o.States, err = parseStates(cmd, states); err != nil {
				return err
			}
			c, err := e.dial()
			if err != nil {
				return err
			}
			tasks, err := c.List(context.Background(), o)
			if failing {
				tasks = slices.DeleteFunc(tasks, func(t task.Info) bool { return !t.Failing() })
			}
			slices.SortFunc(tasks, func(a, b task.Info) int { return task.CompareNames(a.Name, b.Name) })
			if e.quiet {
				e.output = "name"
			}
			if len(tasks) == 0 && e.output == "table" && e.tty && err == nil && !failing {
				e.remark("no tasks: start one with 'tasks start NAME -- COMMAND'")
				return nil
			}
			return e.answered(tasks, err)
		},
	}
	s.flags(cmd)
	cmd.Flags().StringSliceVar(&states, "state", nil, "only tasks in these `STATES`, such as running,failed")
	cmd.Flags().BoolVar(&failing, "failing", false, "only tasks that failed or are lost, or will run again after a run\nthat failed")
	cmd.RegisterFlagCompletionFunc("state", listed(stateWords()...))
	return cmd
}
