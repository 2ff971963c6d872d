package cli

import (
	"context"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tasks/pkg/client"
)

type listOptions struct {
	selection
	narrowing
	sort string
}

func newList(e *env) *cobra.Command {
	return e.verb(new(listOptions), &cobra.Command{
		Use:     "list [NAME...]",
		Aliases: []string{"ls", "ps", "status"},
		Short:   "List tasks",
		Long: `List tasks, sorted by name: state, process, how long it has been up, automatic
restarts, exit code or signal of the last run, and command. '-o wide' adds why it is
in that state, what it uses, when its last run ended and how long that lasted, its
priority and its place in the queue, and where it runs and logs. On a terminal UPTIME
says when an ended task ended, and a wide list is made to fit; in a pipe nothing is
cut.

--sort KEY sorts by name, state, started, ended, duration, next, restarts, priority,
place, cpu or memory. The newest, the longest, the next due, the first in the queue
or the largest comes first; tasks without such a value come last. -KEY reverses that.`,
		Example: `  tasks list
  tasks list 'web-*' --state running,backoff
  tasks list --failing -o wide
  tasks list --sort ended --state done,failed
  tasks list -o wide --sort memory
  tasks list --json | jq -r '.[] | select(.state == "failed") | .name'`,
		Annotations:       quietNames,
		ValidArgsFunction: completeNames(nil),
	})
}

func (o *listOptions) flags(f *pflag.FlagSet) {
	o.selection.flags(f)
	o.narrowing.flags(f, "only tasks in these `STATES`, such as running,failed")
	f.StringVar(&o.sort, "sort", "name", "sort by `KEY`, such as ended, duration or memory; -KEY: reversed")
}

func (o *listOptions) parse(l line) error {
	if err := o.selection.parse(l); err != nil {
		return err
	}
	if _, _, err := sortBy(o.sort); err != nil {
		return err
	}
	return o.stateList.parse()
}

func (o *listOptions) run(e *env) error {
	c, err := e.dial()
	if err != nil {
		return err
	}
	tasks, err := c.List(context.Background(), client.ListOptions{Selector: o.selector(), States: o.states, Stats: e.output == "wide" || usesStats(o.sort)})
	tasks = o.keep(tasks)
	sortTasks(tasks, o.sort)
	if e.quiet {
		e.output = "name"
	}
	if len(tasks) == 0 && (e.output == "table" || e.output == "wide") && e.tty && err == nil {
		e.remark("%s", e.none(c, o.selector(), &o.narrowing))
		return nil
	}
	return e.answered(tasks, err)
}
