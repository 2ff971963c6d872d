package cli

import (
	"cmp"
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tasks/internal/plan"
	"tasks/internal/taskfile"
	"tasks/pkg/client"
	"tasks/pkg/task"
)

// taskNames are the lists of names of tasks on a command line that may leave out the project.
func (s *selection) taskNames() [][]string { return [][]string{s.names} }

func (o *taskOptions) taskNames() [][]string { return [][]string{o.spec.After, o.spec.AfterEnded} }

func (o *editOptions) taskNames() [][]string { return append(o.taskOptions.taskNames(), o.names) }

// taskNames are the names but for the one of a new task.
func (o *startOptions) taskNames() [][]string {
	all := o.taskOptions.taskNames()
	if o.command != nil {
		return all
	}
	return append(all, o.names)
}

// timeoutOf is how long a supervisor that hangs is waited for before the request, which says so
// of one.
func timeoutOf(v verb) time.Duration {
	const most = 5 * time.Second
	if w, ok := v.(*waitOptions); ok && w.timeout != nil {
		return min(most, time.Duration(*w.timeout))
	}
	return most
}

// fullNames gives names that were typed in a project's directory, without the project, their
// full form: of tasks that are from the nearest tasks file, else the one that this file has. The
// request that follows says what is wrong with them. Where the supervisor does not answer in
// time, they stay as they are: they might be another project's.
func (e *env) fullNames(timeout time.Duration, lists ...[]string) {
	plain := slices.DeleteFunc(slices.Concat(lists...), task.IsGlob)
	if len(plain) == 0 {
		return
	}
	found, none := nearestFile()
	if none != nil {
		return
	}
	c, err := e.dial()
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	tasks, _ := c.List(ctx, client.ListOptions{Selector: task.Selector{Names: plain, Dir: filepath.Dir(found.RealPath())}})
	short := slices.DeleteFunc(plain, func(name string) bool {
		return slices.ContainsFunc(tasks, func(t task.Info) bool { return t.Name == name })
	})
	full := make(map[string]string)
	if len(short) > 0 {
		addShort(ctx, c, found, tasks, full, short)
	}
	if ctx.Err() != nil { // nobody has said whose the tasks are
		return
	}
	for _, names := range lists {
		for i, name := range names {
			names[i] = cmp.Or(full[name], name)
		}
	}
}

// addShort adds to full what the short names mean: tasks of the project of the tasks file. Tasks
// that belong to another file, as in a second checkout, or were started by hand are not
// meant. These tasks are what the supervisor knows by the names.
func addShort(ctx context.Context, c *client.Client, found *taskfile.Found, tasks []task.Info, full map[string]string, names []string) {
	path := found.RealPath()
	file, err := found.Load(os.Environ())
	var unsure []string
	for _, name := range names {
		in, there := nameIn(tasks, name, path), false
		if err == nil { // else the file does not say what its project is
			if in, there = inFile(file, name); !there {
				in = file.Project + "." + name
			}
		}
		switch {
		case slices.ContainsFunc(tasks, func(t task.Info) bool { return t.Name == in && t.Spec.File == path }):
			full[name] = in
		case there:
			full[name], unsure = in, append(unsure, in)
		}
	}
	if unsure == nil {
		return
	}
	tasks, _ = c.List(ctx, client.ListOptions{Selector: task.Selector{Names: unsure}})
	known := make([]*task.Info, len(tasks))
	for i := range tasks {
		known[i] = &tasks[i]
	}
	change := changeOf(file, false)
	others := plan.Others(&change, known, plan.NewDisk(os.Stat).Look(plan.Paths(&change, known)))
	maps.DeleteFunc(full, func(_, in string) bool { return slices.Contains(others, in) })
}

// nameIn is the shortest full name of the tasks from the tasks file at path that are called
// name after some project, or "".
func nameIn(tasks []task.Info, name, path string) (full string) {
	for i := range tasks {
		t := &tasks[i]
		if t.Spec.File == path && strings.HasSuffix(t.Name, "."+name) && (full == "" || len(t.Name) < len(full)) { // shop.web rather than shop.v2.web
			full = t.Name
		}
	}
	return full
}
