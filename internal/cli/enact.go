package cli

import (
	"context"
	"crypto/rand"

	"tasks/internal/taskfile"
	"tasks/pkg/client"
	"tasks/pkg/task"
)

// changeOf is the desired state of a file's tasks; whole: no task of the file was left out.
func changeOf(file *taskfile.File, whole bool) task.Change {
	return task.Change{ID: rand.Text(), File: file.Path, Project: file.Project, Prune: whole, Groups: file.Groups, Tasks: file.Tasks}
}

// enact has the supervisor carry out ch, and the next one if the supervisor is killed,
// replaced or left.
func (e *env) enact(ctx context.Context, c *client.Client, ch task.Change) (client.Changed, error) {
	var done client.Changed
	said := false
	err := e.withSuccessors(ctx, func(bool) (err error) {
		done, err = c.Change(ctx, ch, client.ChangeOptions{NoWait: true})
		if !done.Busy {
			return err
		}
		if !said {
			e.remark("tasks: another up, down or start of %s is under way: waiting for it", ch.File)
			said = true
		}
		done, err = c.Change(ctx, ch, client.ChangeOptions{})
		return err
	})
	e.takesOver(&ch, done)
	return done, err
}

// takesOver says that the file is in the place of files that do not exist any more.
func (e *env) takesOver(ch *task.Change, done client.Changed) {
	for _, path := range done.TakenOver {
		e.remark("tasks: %s does not exist any more: its tasks belong to %s now", path, ch.File)
	}
}

// handOn gives tasks what they are handed on of this process.
func (e *env) handOn(ctx context.Context, c *client.Client, specs []task.Spec) error {
	caller, err := e.caller(ctx, c)
	for i := range specs {
		specs[i].Caller = caller
	}
	return err
}
