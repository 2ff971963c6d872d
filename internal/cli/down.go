package cli

import (
	"context"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tasks/pkg/client"
	"tasks/pkg/task"
)

type downOptions struct {
	fileFlag
	names []string // of the file's tasks; none: all
}

func newDown(e *env) *cobra.Command {
	o := new(downOptions)
	return e.verb(o, &cobra.Command{
		Use:               "down [NAME...]",
		Short:             "Stop the tasks of the tasks file, dependents first",
		Long:              "Stop the tasks of the tasks file, and no others: dependents first. It returns when\nthey are gone. With NAMEs only those tasks are stopped; if the file does not have\none of them, none is.",
		Example:           "  tasks down\n  tasks down -f deploy/tasks.yaml",
		ValidArgsFunction: o.complete,
	})
}

func (o *downOptions) flags(f *pflag.FlagSet) { o.fileFlag.flags(f) }

func (o *downOptions) parse(l line) error {
	o.names = l.args
	return nil
}

func (o *downOptions) run(e *env) error {
	file, err := o.load(os.Environ())
	if err != nil {
		return err
	}
	ch := changeOf(file, len(o.names) == 0)
	ch.Down, ch.Groups = true, nil
	if len(o.names) > 0 {
		full, err := allInFile(file, o.names)
		if err != nil {
			return err
		}
		ch.Tasks = slices.DeleteFunc(ch.Tasks, func(s task.Spec) bool { return !slices.Contains(full, s.Name) })
	}
	return e.request(func(ctx context.Context, c *client.Client) ([]task.Info, error) {
		done, err := e.enact(ctx, c, ch)
		if len(done.Tasks) == 0 && err == nil {
			err = e.nothingDown(ctx, c, ch)
		}
		slices.SortFunc(done.Tasks, func(a, b task.Info) int { return task.CompareNames(a.Name, b.Name) })
		return done.Tasks, err
	})
}

// nothingDown says why a down has stopped nothing: where a task of that name is,
// it has another file.
func (e *env) nothingDown(ctx context.Context, c *client.Client, ch task.Change) error {
	now, err := c.List(ctx, client.ListOptions{})
	if err != nil {
		return err
	}
	names := namesOf(ch.Tasks)
	for _, t := range now {
		if t.Spec.File != "" && slices.Contains(names, t.Name) {
			e.remark("tasks: nothing to stop: %s belongs to %s", t.Name, t.Spec.File)
			return nil
		}
	}
	e.remark("tasks: nothing to stop: no task was started from %s", ch.File)
	return nil
}
