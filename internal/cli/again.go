package cli

import (
	"context"
	"errors"
	"slices"
	"strings"

	"tasks/internal/taskfile"
	"tasks/pkg/client"
	"tasks/pkg/task"
)

// again starts known tasks, or those of the tasks file, or a new one that has
// only a name.
func (o *startOptions) again(e *env) error {
	names := o.names
	alone := len(names) == 1 && !strings.ContainsAny(names[0], "*?[")
	tasksFile, none := nearestFile()
	if alone && none != nil {
		return o.started(e, func(ctx context.Context, c *client.Client) ([]task.Info, error) {
			tasks, err := c.Start(ctx, task.Spec{Name: names[0]}, client.StartOptions{Replace: o.replace})
			if err == nil && len(tasks) == 1 && tasks[0].Engine == task.EngineFunc && tasks[0].Run == 1 {
				e.remark("tasks: no command given: %s is the built-in heartbeat", names[0])
				if path := "./" + names[0]; isProgram(path) {
					e.remark("tasks: to run the program, give a name of its own: 'tasks start NAME -- %s'", path)
				}
				if passed := new(taskfile.IgnoredError); errors.As(none, &passed) {
					e.remark("tasks: %s is ignored, since it %s", passed.Path, passed.Why)
				}
			}
			return tasks, err
		})
	}
	c, err := e.dial()
	if err != nil {
		return err
	}
	all, err := c.List(context.Background(), client.ListOptions{})
	if err != nil {
		return err
	}
	known := make(map[string]bool, len(all))
	for _, t := range all {
		known[t.Name] = true
	}
	found, err := e.lookUp(names, known, tasksFile)
	switch {
	case err != nil:
		return err
	case len(found.nowhere) == len(names) && !alone && !o.all:
		return usage("no such tasks: %s: put -- before the command: tasks start %s -- %s", strings.Join(names, ", "), names[0], strings.Join(names[1:], " "))
	case len(names) > 1 && slices.Contains(found.nowhere, names[1]) && isProgram(names[1]):
		return usage("no such task: %s: put -- before the command: tasks start %s -- %s", names[1], names[0], quoted(names[1:]))
	}
	e.remarks(found.remarks)
	return o.started(e, func(ctx context.Context, c *client.Client) ([]task.Info, error) {
		var tasks []task.Info
		var errs []error
		again := found.again
		if found.wanted != nil {
			some, err := e.startMissing(ctx, c, found.change)
			tasks, errs = some, append(errs, err)
			for _, name := range found.wanted {
				if err == nil && !slices.ContainsFunc(some, func(t task.Info) bool { return t.Name == name }) {
					again = append(again, name) // another start was first
				}
			}
		}
		if again != nil || o.all {
			some, err := c.StartAgain(ctx, task.Selector{Names: again, All: o.all}, client.StartOptions{Replace: o.replace})
			tasks, errs = append(tasks, some...), append(errs, err)
		}
		return tasks, errors.Join(errs...)
	})
}

// startMissing starts the tasks of ch that are not there. What there is stays as it is, also
// if it has come since this client has looked.
func (e *env) startMissing(ctx context.Context, c *client.Client, ch task.Change) ([]task.Info, error) {
	ch.Missing = true
	if err := e.handOn(ctx, c, ch.Tasks); err != nil {
		return nil, err
	}
	done, err := e.enact(ctx, c, ch)
	return done.Tasks, err
}

// found is what names mean that come without a command.
type found struct {
	again   []string    // tasks that are known, globs, and names that are nowhere: the supervisor says so
	nowhere []string    // those of them that are nowhere
	wanted  []string    // tasks of the file that are not known yet
	change  task.Change // starts them, and their dependencies
	remarks []string    // on the file
}

// lookUp finds names among the known tasks, else in the tasks file, which is nil where
// there is none.
func (p *printer) lookUp(names []string, known map[string]bool, tasksFile *taskfile.Found) (found, error) {
	var r found
	var file *taskfile.File
	for _, name := range names {
		if known[name] || strings.ContainsAny(name, "*?[") {
			r.again = append(r.again, name)
			continue
		}
		if file == nil && tasksFile != nil {
			var err error
			if file, err = tasksFile.Load(p.environ()); err != nil {
				return r, err
			}
		}
		full, ok := "", false
		if file != nil {
			full, ok = inFile(file, name)
		}
		switch {
		case ok:
			r.wanted = append(r.wanted, full)
		default:
			r.again = append(r.again, name)
			r.nowhere = append(r.nowhere, name)
		}
	}
	if r.wanted == nil {
		return r, nil
	}
	if err := only(file, r.wanted); err != nil {
		return r, err
	}
	r.change, r.remarks = changeOf(file, false), file.Remarks
	if file.Foreign != "" {
		r.remarks = append([]string{strings.Join(r.wanted, ", ") + ": taken from " + tasksFile.Path + ", which " + file.Foreign}, r.remarks...)
	}
	return r, nil
}

// endedAgain starts the ended tasks that are selected again, those in certain states alone
// where these are given.
func (o *startOptions) endedAgain(e *env) error {
	return o.started(e, func(ctx context.Context, c *client.Client) ([]task.Info, error) {
		sel := o.groups.selector(o.names, o.all)
		tasks, err := c.List(ctx, client.ListOptions{Selector: sel, States: o.states})
		var names []string
		for _, t := range tasks {
			if t.State.Ended() {
				names = append(names, t.Name)
			}
		}
		if names == nil {
			if err == nil && o.states != nil {
				e.remark("tasks: nothing to start: %s", e.none(c, sel, &narrowing{stateList: o.stateList}))
			}
			return nil, err
		}
		started, failed := c.StartAgain(ctx, task.Selector{Names: names}, client.StartOptions{})
		return started, joined(err, failed)
	})
}
