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

// fullNames gives names that were typed in a project's directory, without the project, their
// full form: of tasks that are from the nearest tasks file, else the one that this file has. The
// request that follows says what is wrong with them.
func (e *env) fullNames(lists ...[]string) {
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
	ctx, cancel := context.WithTimeout(context.Background(), time.Second) // the request itself waits for one that hangs
	defer cancel()
	path := found.RealPath()
	tasks, _ := c.List(ctx, client.ListOptions{Selector: task.Selector{Names: plain, Dir: filepath.Dir(path)}})
	full := make(map[string]string)
	var missing []string
	for _, name := range plain {
		if full[name] = nameIn(tasks, name, path); full[name] == "" {
			missing = append(missing, name)
		}
	}
	if missing != nil {
		addFromFile(ctx, c, found, full, missing)
	}
	for _, names := range lists {
		for i, name := range names {
			names[i] = cmp.Or(full[name], name)
		}
	}
}

// nameIn is the full name of the one of tasks that is called name, or else is from the tasks
// file at path and called so without its project.
func nameIn(tasks []task.Info, name, path string) (full string) {
	for i := range tasks {
		switch t := &tasks[i]; {
		case t.Name == name:
			return name
		case t.Spec.File != path || !strings.HasSuffix(t.Name, "."+name):
		case full == "" || len(t.Name) < len(full): // shop.web rather than shop.v2.web
			full = t.Name
		}
	}
	return full
}

// addFromFile adds to full the names that the tasks file has: not those of tasks that belong
// to another file, as in a second checkout, or were started by hand. Without
// an answer of the supervisor, there are none.
func addFromFile(ctx context.Context, c *client.Client, found *taskfile.Found, full map[string]string, names []string) {
	file, err := found.Load(os.Environ())
	if err != nil {
		return
	}
	var wanted []string
	for _, name := range names {
		if in, ok := inFile(file, name); ok {
			full[name] = in
			wanted = append(wanted, in)
		}
	}
	if wanted == nil {
		return
	}
	tasks, _ := c.List(ctx, client.ListOptions{Selector: task.Selector{Names: wanted}})
	known := make([]*task.Info, len(tasks))
	for i := range tasks {
		known[i] = &tasks[i]
	}
	change := changeOf(file, false)
	others := plan.Others(&change, known, plan.NewDisk(os.Stat).Look(plan.Paths(&change, known)))
	maps.DeleteFunc(full, func(_, in string) bool { return slices.Contains(others, in) })
}
