package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

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
		Long:              "Forget ended tasks and their logs, and print their names. One that has not ended is\nleft alone, unless --force stops it first. One whose logs cannot be deleted stays,\nand can be removed once they can.",
		Example:           "  tasks rm build\n  tasks rm --force 'tmp-*'",
		ValidArgsFunction: completeNames(ended),
		RunE: func(cmd *cobra.Command, args []string) error {
			sel, err := s.selector(cmd, args)
			if err != nil {
				return err
			}
			_, err = e.forget(client.RemoveOptions{Selector: sel, Force: force})
			return err
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
		Use:   "clean [--state S,...] [--group G] [--all]",
		Short: "Forget finished tasks and their logs",
		Long: `Forget finished tasks and their logs, and print their names: those that are done,
and those that failed, were stopped or are lost and that nothing starts again by
itself. A service (a task with a restart policy) or a schedule that failed or was
stopped is kept, unless --all is given; jobs of 'tasks each' are no services.`,
		Example: "  tasks clean\n  tasks clean --state done\n  tasks clean --all -g encode",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o := client.RemoveOptions{Selector: s.groups.selector(nil, len(s.groups) == 0), Ended: s.all, Finished: !s.all}
			var err error
			if o.States, err = parseStates(cmd, states); err != nil {
				return err
			}
			for _, st := range o.States {
				if !st.Ended() {
					return usage("tasks that are %s have not ended: use 'tasks rm --force'", st)
				}
			}
			return e.clean(o)
		},
	}
	cmd.Flags().BoolVarP(&s.all, "all", "a", false, "everything that has ended, stopped services and schedules too")
	cmd.Flags().VarP(&s.groups, "group", "g", "only tasks of `GROUP`; may be repeated")
	cmd.Flags().StringSliceVar(&states, "state", nil, "only these `STATES`: done, failed, stopped, lost")
	cmd.RegisterFlagCompletionFunc("group", completeGroups)
	cmd.RegisterFlagCompletionFunc("state", listed("done", "failed", "stopped", "lost"))
	return cmd
}

// forget removes tasks and prints what is gone: the names, or as JSON the tasks
// as they last were.
func (e *env) forget(o client.RemoveOptions) (gone []task.Info, err error) {
	if e.output != "json" {
		e.output = "name"
	}
	err = e.ask(func(ctx context.Context, c *client.Client) ([]task.Info, error) {
		var err error
		gone, err = c.Remove(ctx, o)
		return gone, err
	})
	return gone, err
}

// clean forgets what o selects, and says how much that was and what was kept.
func (e *env) clean(o client.RemoveOptions) error {
	gone, err := e.forget(o)
	if errors.Is(err, task.ErrUnavailable) || errors.Is(err, errInterrupted) || errors.Is(err, task.ErrUsage) {
		return err
	}
	kept := make(map[task.State]int)
	if o.Finished {
		// A group whose last task is gone is not there any more, and has kept none.
		have, listErr := e.client.List(context.Background(), client.ListOptions{Selector: o.Selector, States: o.States})
		if listErr != nil && !errors.Is(listErr, task.ErrNotFound) {
			return cmp.Or(err, listErr) // mostly one error twice
		}
		for _, t := range have {
			if t.State.Ended() && !t.Finished() {
				kept[t.State]++
			}
		}
	}
	if text := forgot(len(gone), kept); text != "" {
		e.remark("%s", text)
	}
	return err
}

// forgot says how many tasks a clean forgot, and how many it kept; nothing where
// there were none.
func forgot(gone int, kept map[task.State]int) string {
	var parts []string
	total := 0
	for _, s := range task.States() {
		if n := kept[s]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
			total += n
		}
	}
	tasks, ones, them := "tasks", "ones", "them"
	if gone == 1 {
		tasks = "task"
	}
	if total == 1 {
		ones, them = "one", "it"
	}
	switch {
	case total > 0:
		return fmt.Sprintf("forgot %d %s (%s %s kept: --all takes %s)", gone, tasks, strings.Join(parts, " and "), ones, them)
	case gone > 0:
		return fmt.Sprintf("forgot %d %s", gone, tasks)
	}
	return ""
}
