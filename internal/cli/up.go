package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tasks/internal/deps"
	"tasks/internal/taskfile"
	"tasks/pkg/client"
	"tasks/pkg/task"
)

// fileFlag is the flag that names a tasks file.
type fileFlag struct{ path string }

func (f *fileFlag) flags(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.path, "file", "f", "", "the tasks `FILE` (default: tasks.yaml, else Procfile, here or in the nearest directory above)")
	cmd.MarkFlagFilename("file", "yaml", "yml")
}

// load reads the file that was named, or is found, for tasks with this environment.
func (f *fileFlag) load(environ []string) (*taskfile.File, error) {
	path := f.path
	if path == "" {
		wd, err := os.Getwd()
		if err != nil {
			return nil, fmt.Errorf("cannot find this directory: %w: name a file with -f", err)
		}
		if path, err = taskfile.Find(wd); err != nil {
			return nil, usageError{err}
		}
	}
	path, err := homePath("file", path)
	if err != nil {
		return nil, err
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	return taskfile.Load(path, environ)
}

func newUp(e *env) *cobra.Command {
	var f fileFlag
	var check bool
	cmd := &cobra.Command{
		Use:   "up [NAME...]",
		Short: "Start what the tasks file has, as far as it is not up already",
		Long: `Make what runs what the tasks file says: start what is new or has ended, restart
what has changed, stop what the file no longer has, and leave the rest alone; what
comes after others waits for them. It returns when all are ready, or wait for
their time or a slot. NAMEs are only those tasks, and what they come after.

The file is tasks.yaml, else Procfile, in this directory or the nearest above.`,
		Example:           "  tasks up --check     what it would do\n  tasks up\n  tasks up api -f deploy/tasks.yaml",
		ValidArgsFunction: f.complete,
		RunE: func(_ *cobra.Command, args []string) error {
			file, err := f.load(e.environ())
			if err != nil {
				return err
			}
			e.remarks(file.Remarks)
			if err := only(file, args); err != nil {
				return err
			}
			if check {
				if err := file.CheckDirs(); err != nil {
					return err
				}
			}
			return e.up(file, len(args) == 0, check)
		},
	}
	f.flags(cmd)
	cmd.Flags().BoolVar(&check, "check", false, "show what would be done, and do nothing")
	return cmd
}

func newDown(e *env) *cobra.Command {
	var f fileFlag
	cmd := &cobra.Command{
		Use:               "down [NAME...]",
		Short:             "Stop the tasks of the tasks file, those last that others come after",
		Long:              "Stop the tasks that are from the tasks file, and no others: each before those that\nit comes after. It returns when they are gone. NAMEs are only those tasks.",
		Example:           "  tasks down\n  tasks down -f deploy/tasks.yaml",
		ValidArgsFunction: f.complete,
		RunE: func(_ *cobra.Command, args []string) error {
			file, err := f.load(os.Environ())
			if err != nil {
				return err
			}
			return e.down(file, args)
		},
	}
	f.flags(cmd)
	return cmd
}

func newSchema(e *env) *cobra.Command {
	return &cobra.Command{
		Use:         "schema",
		Short:       "Print the JSON Schema of tasks.yaml, for editors",
		Example:     "  tasks schema > tasks.schema.json\n  # in tasks.yaml:\n  # yaml-language-server: $schema=tasks.schema.json",
		Annotations: map[string]string{"prints": "text"},
		Args:        noArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := e.out.Write(taskfile.Schema())
			return err
		},
	}
}

// complete offers the names that the file has.
func (f *fileFlag) complete(_ *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	file, err := f.load(os.Environ())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, s := range file.Tasks {
		if strings.HasPrefix(s.Name, toComplete) && !slices.Contains(args, s.Name) {
			names = append(names, s.Name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// inFile is the name that name has in the file, where its project may be left out.
func inFile(file *taskfile.File, name string) (string, bool) {
	for _, full := range []string{name, file.Project + "." + name} {
		if slices.ContainsFunc(file.Tasks, func(s task.Spec) bool { return s.Name == full }) {
			return full, true
		}
	}
	return "", false
}

// only narrows the file to the tasks named, if any are, what they come after, and the
// groups of all these.
func only(file *taskfile.File, names []string) error {
	if len(names) == 0 {
		return nil
	}
	wanted := make(map[string]bool)
	for _, name := range names {
		full, ok := inFile(file, name)
		if !ok {
			return task.Errorf(task.ErrNotFound, name, "No such task: %s: %s does not have it", name, file.Path)
		}
		wanted[full] = true
	}
	for i := len(file.Tasks) - 1; i >= 0; i-- { // they are in the order of their dependencies
		if s := &file.Tasks[i]; wanted[s.Name] {
			for _, dep := range deps.Of(s) {
				wanted[dep] = true
			}
		}
	}
	file.Tasks = slices.DeleteFunc(file.Tasks, func(s task.Spec) bool { return !wanted[s.Name] })
	groups := make(map[string]bool)
	for i := range file.Tasks {
		groups[file.Tasks[i].Group] = true
	}
	file.Groups = slices.DeleteFunc(file.Groups, func(g task.Group) bool { return !groups[g.Name] })
	return nil
}

// up makes what runs what the file says; whole tells that no task of it was left out.
func (e *env) up(file *taskfile.File, whole, check bool) error {
	c, err := e.dial()
	if err != nil {
		return err
	}
	ctx, done := untilInterrupt(unchanged)
	defer done()
	if check {
		return e.printPlan(ctx, c, file, whole)
	}
	started, err := e.enact(ctx, c, file, whole)
	if !started {
		return err
	}
	names := make([]string, len(file.Tasks))
	for i, s := range file.Tasks {
		names[i] = s.Name
	}
	if err == nil {
		err = e.waitUp(ctx, c, names) // what was kept may be on its way still, begun by another up
	}
	last, cancel := evenThen(ctx)
	defer cancel()
	var tasks []task.Info
	list := func(bool) (err error) {
		if len(names) == 0 { // which would select all
			return nil
		}
		tasks, err = c.List(last, client.ListOptions{Selector: task.Selector{Names: names}})
		return err
	}
	var listErr error
	if errors.Is(err, task.ErrUnavailable) { // then there is no next one to ask
		list(false)
	} else {
		listErr = e.withSuccessors(last, list)
	}
	if listErr != nil && err == nil {
		err = listErr
	}
	e.lastLines(slices.DeleteFunc(slices.Clone(tasks), func(t task.Info) bool {
		return t.State != task.Failed
	}))
	return joined(err, e.printTouched(tasks))
}

// plan is what an up would do now, and all tasks there are.
func (e *env) plan(ctx context.Context, c *client.Client, file *taskfile.File, whole bool) ([]taskfile.Step, []task.Info, error) {
	now, err := c.List(ctx, client.ListOptions{})
	if err != nil {
		return nil, nil, err
	}
	envs, lacking := envsOf(ctx, c, file, now)
	steps, err := taskfile.Plan(file, now, envs)
	if err == nil {
		err = lacking()
	}
	if !whole {
		steps = slices.DeleteFunc(steps, func(s taskfile.Step) bool { return s.Kind == taskfile.Stop })
	}
	return steps, now, err
}

// printPlan shows what an up would do, its groups first.
func (e *env) printPlan(ctx context.Context, c *client.Client, file *taskfile.File, whole bool) error {
	steps, now, err := e.plan(ctx, c, file, whole)
	e.takesOver(file, now)
	if err != nil {
		return err
	}
	groups, err := c.Groups(ctx)
	if err != nil {
		return err
	}
	if e.quiet {
		return nil
	}
	sets := taskfile.PlanGroups(file, groups)
	switch e.output {
	case "json":
		type step struct {
			Do    string `json:"do"`
			Name  string `json:"name,omitempty"`
			Group string `json:"group,omitempty"` // in place of a name
			Why   string `json:"why,omitempty"`
		}
		all := []step{}
		for _, s := range sets {
			all = append(all, step{Do: "set", Group: s.Name, Why: s.Why})
		}
		for _, s := range steps {
			all = append(all, step{Do: string(s.Kind), Name: s.Name, Why: s.Why})
		}
		return e.printJSON(all)
	case "name":
		for _, s := range steps {
			if s.Kind != taskfile.Keep {
				fmt.Fprintln(e.out, plain(s.Name))
			}
		}
		return nil
	}
	var rows [][]string
	for _, s := range sets {
		rows = append(rows, []string{"group " + s.Name, e.paint("33", "set"), plain(s.Why)})
	}
	paint := map[taskfile.Kind]string{taskfile.Start: "32", taskfile.Restart: "33", taskfile.Stop: "31", taskfile.Keep: "2"}
	for _, s := range steps {
		rows = append(rows, []string{s.Name, e.paint(paint[s.Kind], string(s.Kind)), plain(s.Why)})
	}
	return e.printTable([]string{"NAME", "DO", "WHY"}, rows)
}

// down stops the file's tasks, level by level.
func (e *env) down(file *taskfile.File, names []string) error {
	var full []string
	for _, name := range names {
		found, ok := inFile(file, name)
		if !ok {
			return task.Errorf(task.ErrNotFound, name, "No such task: %s: %s does not have it", name, file.Path)
		}
		full = append(full, found)
	}
	return e.ask(func(ctx context.Context, c *client.Client) ([]task.Info, error) {
		release, err := e.takeTurn(ctx, c, file.Path)
		if err != nil {
			return nil, err
		}
		defer release()
		now, err := c.List(ctx, client.ListOptions{})
		if err != nil {
			return nil, err
		}
		e.takesOver(file, now)
		levels := taskfile.Down(file, now)
		if len(names) > 0 {
			for i := range levels {
				levels[i] = slices.DeleteFunc(levels[i], func(name string) bool { return !slices.Contains(full, name) })
			}
		}
		var tasks []task.Info
		var errs []error
		for _, level := range levels {
			if len(level) == 0 {
				continue
			}
			some, err := c.Stop(ctx, client.StopOptions{Selector: task.Selector{Names: level}})
			tasks = append(tasks, some...)
			if err != nil {
				errs = append(errs, err)
			}
			if ctx.Err() != nil {
				break
			}
		}
		if len(tasks) == 0 && errs == nil {
			e.nothingDown(file, full, now)
		}
		slices.SortFunc(tasks, func(a, b task.Info) int { return task.CompareNames(a.Name, b.Name) })
		return tasks, errors.Join(errs...)
	})
}

// takesOver says that file is in the place of files that do not exist any more.
func (e *env) takesOver(file *taskfile.File, now []task.Info) {
	for _, path := range taskfile.TakenOver(file, now) {
		e.remark("tasks: %s does not exist any more: its tasks belong to %s now", path, file.Path)
	}
}

// nothingDown says why a down has stopped nothing: where a task of that name is,
// it has another file.
func (e *env) nothingDown(file *taskfile.File, names []string, now []task.Info) {
	for _, t := range now {
		wanted := slices.ContainsFunc(file.Tasks, func(s task.Spec) bool { return s.Name == t.Name })
		if t.Spec.File != "" && wanted && (len(names) == 0 || slices.Contains(names, t.Name)) {
			e.remark("tasks: nothing to stop: %s belongs to %s", t.Name, t.Spec.File)
			return
		}
	}
	e.remark("tasks: nothing to stop: no task was started from %s", file.Path)
}
