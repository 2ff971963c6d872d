package cli

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

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

// fullNames gives names that were typed in a project's directory, without the project,
// their full form, as the supervisor knows it; without one, as the tasks file has it. The
// request that follows says what is wrong with them.
func (e *env) fullNames(lists ...[]string) {
	dir := projectDir()
	plain := slices.DeleteFunc(slices.Concat(lists...), task.IsGlob)
	if dir == "" || len(plain) == 0 {
		return
	}
	c, err := e.dial()
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second) // the request itself waits for one that hangs
	defer cancel()
	tasks, _ := c.List(ctx, client.ListOptions{Selector: task.Selector{Names: plain, Dir: dir}})
	full, missing := make(map[string]string), false
	for _, name := range plain {
		at := slices.IndexFunc(tasks, func(t task.Info) bool { return t.Name == name })
		if at < 0 {
			at = slices.IndexFunc(tasks, func(t task.Info) bool { return t.Spec.File != "" && strings.HasSuffix(t.Name, "."+name) })
		}
		if missing = missing || at < 0; at >= 0 {
			full[name] = tasks[at].Name
		}
	}
	if missing { // of no supervisor, or of a file that is a link to elsewhere
		addFromFile(full, plain)
	}
	for _, names := range lists {
		for i, name := range names {
			names[i] = cmp.Or(full[name], name)
		}
	}
}

// projectDir is this directory if a tasks file is in it or above; else "". Links are
// resolved, as they are in the path of a tasks file.
func projectDir() string {
	wd, err := os.Getwd()
	if err == nil {
		wd, err = filepath.EvalSymlinks(wd)
	}
	if err != nil {
		return ""
	}
	for at := wd; ; at = filepath.Dir(at) {
		for _, name := range taskfile.Names() {
			if _, err := os.Lstat(filepath.Join(at, name)); err == nil {
				return wd
			}
		}
		if at == filepath.Dir(at) {
			return ""
		}
	}
}

// addFromFile adds to full the names that the nearest tasks file has.
func addFromFile(full map[string]string, names []string) {
	found, err := nearestFile()
	if err != nil {
		return
	}
	file, err := found.Load(os.Environ())
	if err != nil {
		return
	}
	for _, name := range names {
		if in, ok := inFile(file, name); ok && full[name] == "" {
			full[name] = in
		}
	}
}
