package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tasks/pkg/client"
	"tasks/pkg/task"
)

type removeOptions struct {
	selection
	stateList
	force bool
}

func newRemove(e *env) *cobra.Command {
	return e.verb(new(removeOptions), &cobra.Command{
		Use:               "rm NAME... | --all | --group G",
		Aliases:           []string{"remove", "delete"},
		Short:             "Forget ended tasks and their logs",
		Long:              "Forget ended tasks and their logs, and print their names. One that has not ended is\nleft alone, unless --force stops it first. One whose logs cannot be deleted stays,\nand can be removed once they can.",
		Example:           "  tasks rm build\n  tasks rm -g encode --state failed\n  tasks rm --force 'tmp-*'",
		ValidArgsFunction: completeNames(ended),
	})
}

func (o *removeOptions) flags(f *pflag.FlagSet) {
	o.selection.flags(f)
	o.stateList.flags(f, "only tasks in these `STATES`, such as failed,lost")
	f.BoolVar(&o.force, "force", false, "stop first what has not ended")
}

func (o *removeOptions) parse(l line) error {
	if err := o.something(l); err != nil {
		return err
	}
	if err := o.stateList.parse(); err != nil {
		return err
	}
	if o.force {
		return nil
	}
	return o.stateList.ended("rm --force")
}

func (o *removeOptions) run(e *env) error {
	_, err := e.forget(client.RemoveOptions{Selector: o.selector(), States: o.states, Force: o.force})
	return err
}

type cleanOptions struct {
	all    bool
	groups groupNames
	stateList
}

func newClean(e *env) *cobra.Command {
	return e.verb(new(cleanOptions), &cobra.Command{
		Use:   "clean [--state S,...] [--group G] [--all]",
		Short: "Forget finished tasks and their logs",
		Long: `Forget finished tasks and their logs, and print their names: done tasks, and
failed, stopped and lost tasks without a restart policy or a schedule. Services and
schedules that failed or were stopped are kept, unless --all is given; jobs of
'tasks each' are not services.`,
		Example: "  tasks clean\n  tasks clean --state done\n  tasks clean --all -g encode",
		Args:    noArgs,
	})
}

func (o *cleanOptions) flags(f *pflag.FlagSet) {
	f.BoolVarP(&o.all, "all", "a", false, "everything that has ended, stopped services and schedules too")
	f.VarP(&o.groups, "group", "g", "only tasks of `GROUP`; may be repeated")
	o.stateList.flags(f, "only these `STATES`: done, failed, stopped, lost")
}

func (o *cleanOptions) parse(line) error {
	if err := o.stateList.parse(); err != nil {
		return err
	}
	return o.stateList.ended("rm --force")
}

// ended refuses states of tasks that have not ended: the command instead takes these.
func (s *stateList) ended(instead string) error {
	for _, state := range s.states {
		if !state.Ended() {
			return usage("tasks that are %s have not ended: use 'tasks %s'", state, instead)
		}
	}
	return nil
}

// run forgets tasks, and says how many those were and what was kept.
func (o *cleanOptions) run(e *env) error {
	sel := o.groups.selector(nil, len(o.groups) == 0)
	gone, err := e.forget(client.RemoveOptions{Selector: sel, States: o.states, Ended: o.all, Finished: !o.all})
	if errors.Is(err, task.ErrUnavailable) || errors.Is(err, errInterrupted) || errors.Is(err, task.ErrUsage) {
		return err
	}
	kept := make(map[task.State]int)
	if !o.all {
		// A group whose last task is gone is not there any more, and has kept none.
		have, listErr := e.client.List(context.Background(), client.ListOptions{Selector: sel, States: o.states})
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

// forget removes tasks and prints what is gone: the names, or as JSON the tasks
// as they last were.
func (e *env) forget(o client.RemoveOptions) (gone []task.Info, err error) {
	if e.output != "json" {
		e.output = "name"
	}
	err = e.request(func(ctx context.Context, c *client.Client) ([]task.Info, error) {
		var err error
		gone, err = c.Remove(ctx, o)
		return gone, err
	})
	return gone, err
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
	ones, them := "ones", "them"
	if total == 1 {
		ones, them = "one", "it"
	}
	switch {
	case total > 0:
		return fmt.Sprintf("forgot %s (%s %s kept: --all takes %s)", counted(gone, "task"), strings.Join(parts, " and "), ones, them)
	case gone > 0:
		return "forgot " + counted(gone, "task")
	}
	return ""
}
