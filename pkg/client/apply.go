package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"tasks/internal/protocol"
	"tasks/pkg/task"
)

// Apply sets groups and starts tasks in the place of what has their names, each
// after those of its dependencies that are among them. It returns when all have
// begun, or wait for others, for their time or for a slot. More than a request
// holds are several, each after the one before.
func (c *Client) Apply(ctx context.Context, groups []task.Group, tasks []task.Spec) ([]task.Info, error) {
	all, errs := []task.Info(nil), []error(nil)
	for first := true; first || len(tasks) > 0; first = false {
		n, err := fitting(groups, tasks)
		if err != nil {
			return all, err
		}
		some, err := c.tasks(ctx, "apply", protocol.Apply{Groups: groups, Tasks: plainTasks(tasks[:n])})
		all, groups, tasks = append(all, some...), nil, tasks[n:]
		if err != nil {
			errs = append(errs, err)
		}
		if ctx.Err() != nil || errors.Is(err, task.ErrUnavailable) {
			break
		}
	}
	return all, errors.Join(errs...)
}

// fitting is how many of the tasks, at least one of them, go into one request
// beside the groups.
func fitting(groups []task.Group, tasks []task.Spec) (int, error) {
	const frame = 256 // what a request is besides
	b, err := json.Marshal(groups)
	size := frame + len(b)
	for i := range tasks {
		if err == nil {
			b, err = json.Marshal(&tasks[i])
		}
		if err != nil {
			return 0, fmt.Errorf("cannot encode request: %w", err)
		}
		if size += len(b) + 1; size > protocol.MaxLine && i > 0 {
			return i, nil
		}
	}
	return len(tasks), nil
}

func plainTasks(specs []task.Spec) []protocol.ApplyTask {
	tasks := make([]protocol.ApplyTask, len(specs))
	for i := range specs {
		tasks[i].Spec = specs[i]
	}
	return tasks
}

// ChangeOptions say how far to go with a change. The zero ChangeOptions carry it out.
type ChangeOptions struct {
	// Check reports what would be done, and does nothing.
	Check bool
	// NoWait does nothing if another change of the file is under way.
	NoWait bool
}

// Changed is what has come of a change.
type Changed struct {
	Busy      bool        // with NoWait: another change of the file is under way
	Steps     []Step      // with Check
	Groups    []GroupStep // with Check
	TakenOver []string    // files that do not exist any more, and in whose place this one is
	Tasks     []task.Info // of the change, in its order; with Down the stopped ones, with Missing the started ones
}

// Step is what is done about a task: Do is "start", "restart", "keep" or "stop".
type Step struct{ Do, Name, Why string }

// GroupStep is what is set of a group.
type GroupStep struct{ Name, Why string }

// Change makes the tasks of a file what ch says, as one change: all of it is checked and
// recorded before anything is done. It returns when the tasks have begun, or wait; wait
// for "up" to wait for the rest. Changes of one file follow one another. After an
// ErrLost the same change, with the same id, can be asked of the next supervisor, which
// continues it. It uses a connection of its own.
func (c *Client) Change(ctx context.Context, ch task.Change, o ChangeOptions) (Changed, error) {
	var done Changed
	parts, err := partsOf(&ch)
	if err != nil {
		return done, err
	}
	own := Client{Socket: c.Socket, Dial: c.Dial, Silent: c.Silent}
	defer own.Close()
	l, err := own.connect(ctx)
	if err != nil {
		return done, err
	}
	for i := range parts {
		parts[i].Change, parts[i].Part = ch.ID, i
		if err := own.callOn(ctx, l, "apply", parts[i], &struct{}{}); err != nil {
			return done, ofKind(err)
		}
	}
	last := protocol.Apply{Change: ch.ID, Part: len(parts), Commit: &protocol.Commit{
		File: ch.File, Project: ch.Project, Prune: ch.Prune, Down: ch.Down, Missing: ch.Missing, Check: o.Check, NoWait: o.NoWait,
	}}
	var reply struct {
		Busy      bool        `json:"behind"`
		Steps     []Step      `json:"steps"`
		Groups    []GroupStep `json:"groups"`
		TakenOver []string    `json:"taken_over"`
		Tasks     taskList    `json:"tasks"`
	}
	err = own.callOn(ctx, l, "apply", last, &reply)
	done = Changed{reply.Busy, reply.Steps, reply.Groups, reply.TakenOver, reply.Tasks}
	var failed *protocol.Error
	if errors.As(err, &failed) && failed.Data != nil {
		done.Tasks = failed.Data.Tasks
	}
	if wrong := checkChanged(&ch, &done); wrong != nil {
		return Changed{}, wrong
	}
	if !ch.Down {
		at := make(map[string]int, len(ch.Tasks))
		for i := range ch.Tasks {
			at[ch.Tasks[i].Name] = i
		}
		slices.SortFunc(done.Tasks, func(a, b task.Info) int { return at[a.Name] - at[b.Name] })
	}
	return done, ofKind(err)
}

// taskList reads tasks as other replies with tasks are read.
type taskList []task.Info

func (l *taskList) UnmarshalJSON(b []byte) error { return readTasks(b, (*[]task.Info)(l)) }

// checkChanged refuses names that no task has, and tasks that are not of the change.
func checkChanged(ch *task.Change, done *Changed) error {
	var names []string
	if !ch.Down || !ch.Prune { // else there may be any
		for i := range ch.Tasks {
			names = append(names, ch.Tasks[i].Name)
		}
	}
	if err := checkReply(done.Tasks); err != nil {
		return err
	}
	for _, s := range done.Steps {
		if err := task.CheckName(s.Name); err != nil {
			return badReply("%v", err)
		}
	}
	for _, g := range done.Groups {
		if err := task.CheckName(g.Name); err != nil {
			return badReply("%v", err)
		}
	}
	return newNameSet(names, false).only(done.Tasks)
}

// partsOf is the groups, environments and tasks of ch in parts that a request holds:
// each environment once, before the first task that has it.
func partsOf(ch *task.Change) ([]protocol.Apply, error) {
	const frame = 1 << 10 // what a request is besides
	var parts []protocol.Apply
	size := protocol.MaxLine
	room := func(v any, beside int) (*protocol.Apply, error) {
		b, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("cannot encode request: %w", err)
		}
		n := len(b) + beside
		if size += n; size > protocol.MaxLine-frame {
			parts, size = append(parts, protocol.Apply{}), n
		}
		return &parts[len(parts)-1], nil
	}
	for _, g := range ch.Groups {
		p, err := room(&g, 1)
		if err != nil {
			return nil, err
		}
		p.Groups = append(p.Groups, g)
	}
	sent := make(map[task.Env]string) // and its hash
	for i := range ch.Tasks {
		t := protocol.ApplyTask{Spec: ch.Tasks[i]}
		if env := t.Env; env.Given() && !ch.Down {
			hash, known := sent[env]
			if !known {
				sum := sha256.Sum256([]byte(env.Block()))
				hash = hex.EncodeToString(sum[:])
				sent[env] = hash
				p, err := room(env, len(hash)+8)
				if err != nil {
					return nil, err
				}
				if p.Envs == nil {
					p.Envs = make(map[string]task.Env)
				}
				p.Envs[hash] = env
			}
			t.EnvHash = hash
		}
		if t.Spec.Env = (task.Env{}); ch.Down {
			t = protocol.ApplyTask{Spec: task.Spec{Name: t.Name}}
		}
		t.File = "" // of the change
		p, err := room(&t, 1)
		if err != nil {
			return nil, err
		}
		p.Tasks = append(p.Tasks, t)
	}
	return parts, nil
}
