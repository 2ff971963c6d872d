package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tasks/pkg/client"
	"tasks/pkg/task"
)

type upOptions struct {
	fileFlag
	names []string // of the file's tasks; none: all
	check bool

	detach bool // up always does
}

func newUp(e *env) *cobra.Command {
	o := new(upOptions)
	return e.verb(o, &cobra.Command{
		Use:   "up [NAME...]",
		Short: "Start the tasks of the tasks file that are not up already",
		Long: `Make what runs what the tasks file says: start what is new or has ended, restart
what has changed, stop what the file no longer has, and leave the rest alone; what
comes after others waits for them. It returns when all are ready, or wait for
their time or a slot. NAMEs are only those tasks, and what they come after;
if the file does not have one of them, nothing is done.

The file is tasks.yaml, else Procfile, in this directory or the nearest above.`,
		Example:           "  tasks up --check     what it would do\n  tasks up\n  tasks up api -f deploy/tasks.yaml",
		ValidArgsFunction: o.complete,
	})
}

func (o *upOptions) flags(f *pflag.FlagSet) {
	o.fileFlag.flags(f)
	f.BoolVar(&o.check, "check", false, "show what would be done, and do nothing")
	f.BoolVarP(&o.detach, "detach", "d", true, "") // of docker compose
	f.MarkHidden("detach")
}

func (o *upOptions) parse(l line) error {
	o.names = l.args
	if !o.detach {
		return usage("up leaves its tasks in the background: use 'tasks up', then 'tasks logs -f NAME'")
	}
	return nil
}

func (o *upOptions) run(e *env) error {
	file, err := o.load(e.environ())
	if err != nil {
		return err
	}
	e.remarks(file.Remarks)
	if err := only(file, o.names); err != nil {
		return err
	}
	if o.check {
		if err := file.CheckDirs(); err != nil {
			return err
		}
	}
	c, err := e.dial()
	if err != nil {
		return err
	}
	then := asked
	if o.check {
		then = unchanged
	}
	ctx, end := untilInterrupt(then)
	defer end()
	ch := changeOf(file, len(o.names) == 0)
	if err := e.handOn(ctx, c, ch.Tasks); err != nil {
		return err
	}
	if o.check {
		return e.printPlan(ctx, c, ch)
	}
	done, err := e.enact(ctx, c, ch)
	tasks := done.Tasks
	switch {
	case errors.Is(err, task.ErrUnavailable):
		e.remark("tasks: up did not finish: 'tasks up --check' lists the remaining changes, once a supervisor serves")
	case err != nil && tasks == nil && !errors.Is(err, errInterrupted): // nothing was begun
		return err
	case len(tasks) > 0 && !errors.Is(err, errInterrupted): // also what was kept may be on its way still, begun by another up
		e.sayBehind(ctx, c, tasks)
		failed := err
		if tasks, err = e.waitUp(ctx, c, tasks, named(failed)); failed != nil {
			err = joined(failed, err)
		}
	}
	if tasks == nil && len(ch.Tasks) > 0 { // no answer says how they are
		last, cancel := evenThen(ctx)
		defer cancel()
		tasks, _ = c.List(last, client.ListOptions{Selector: task.Selector{Names: namesOf(ch.Tasks)}})
	}
	e.lastLines(slices.DeleteFunc(slices.Clone(tasks), func(t task.Info) bool {
		return t.State == task.Stopped || t.State == task.Done
	}))
	return joined(err, e.printTouched(tasks))
}

// printPlan shows what an up would do, its groups first.
func (e *env) printPlan(ctx context.Context, c *client.Client, ch task.Change) error {
	plan, err := c.Change(ctx, ch, client.ChangeOptions{Check: true})
	e.takesOver(&ch, plan)
	if err != nil {
		return err
	}
	if e.quiet {
		return nil
	}
	switch e.output {
	case "json":
		type step struct {
			Do    string `json:"do"`
			Name  string `json:"name,omitempty"`
			Group string `json:"group,omitempty"` // in place of a name
			Why   string `json:"why,omitempty"`
		}
		all := []step{}
		for _, s := range plan.Groups {
			all = append(all, step{Do: "set", Group: s.Name, Why: s.Why})
		}
		for _, s := range plan.Steps {
			all = append(all, step{Do: s.Do, Name: s.Name, Why: s.Why})
		}
		return e.printJSON(all)
	case "name":
		for _, s := range plan.Steps {
			if s.Do != "keep" {
				fmt.Fprintln(e.out, plain(s.Name))
			}
		}
		return nil
	}
	var rows [][]string
	for _, s := range plan.Groups {
		rows = append(rows, []string{"group " + s.Name, e.paint("33", "set"), plain(s.Why)})
	}
	paint := map[string]string{"start": "32", "restart": "33", "stop": "31", "keep": "2"}
	for _, s := range plan.Steps {
		rows = append(rows, []string{s.Name, e.paint(paint[s.Do], plain(s.Do)), plain(s.Why)})
	}
	return e.printTable([]string{"NAME", "DO", "WHY"}, rows)
}
