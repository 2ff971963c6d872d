package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"tasks/pkg/task"
)

// paths are files by their paths: two that have one number are one; others are gone.
type paths map[string]int

func (p paths) Same(a, b string) bool { return a == b || p[a] != 0 && p[a] == p[b] }
func (p paths) Gone(path string) bool { return p[path] == 0 }

const file = "/p/tasks.yaml"

var disk = paths{file: 1, "/link/tasks.yaml": 1, "/other/tasks.yaml": 2, "/down/tasks.yaml": 3}

func spec(name string, after ...string) task.Spec {
	return task.Spec{Name: name, Command: []string{"x"}, Order: task.Order{After: after}}
}

// is is a task as a supervisor has it.
func is(from string, s task.Spec, state task.State, run int) *task.Info {
	s.File = from
	desired := task.DesiredRunning
	if state == task.Stopped {
		desired = task.DesiredStopped
	}
	return &task.Info{Name: s.Name, State: state, Desired: desired, Run: run, Spec: s.Shown()}
}

func noEnv(string) task.Env { return task.Env{} }

func told(p *Plan, err error) string {
	if err != nil {
		return err.Error()
	}
	var all []string
	for _, s := range p.Steps {
		all = append(all, fmt.Sprintf("%s %s: %s", s.Kind, s.Name, s.Why))
	}
	return strings.Join(all, "; ")
}

func TestOf(t *testing.T) {
	t.Parallel()
	changed := spec("b", "a")
	changed.Cwd = "/else"
	now := []*task.Info{
		is(file, spec("a"), task.Running, 1), is("/link/tasks.yaml", spec("b", "a"), task.Running, 2), is(file, spec("c", "b"), task.Failed, 3),
		is(file, spec("old", "a"), task.Running, 1), is(file, spec("older", "old"), task.Waiting, 0), is(file, spec("over"), task.Failed, 1),
		is("/other/tasks.yaml", spec("theirs"), task.Running, 1), is("/other/tasks.yaml", spec("stopped"), task.Stopped, 1), is("/down/tasks.yaml", spec("down"), task.Stopped, 1), is("/down/tasks.yaml", spec("job"), task.Done, 1), is("", spec("mine"), task.Done, 1),
		is("/gone/tasks.yaml", spec("moved"), task.Running, 1), is("/gone/tasks.yaml", spec("p.left"), task.Running, 1),
	}
	for _, tt := range []struct {
		name string
		c    task.Change
		want string
	}{
		{"the whole", task.Change{Prune: true, Tasks: []task.Spec{spec("a"), changed, spec("c", "b"), spec("new")}},
			"stop older: no longer in the file; stop old: no longer in the file; keep a: unchanged; restart b: cwd changed; start c: exit code unknown; start new: new"},
		{"a part", task.Change{Tasks: []task.Spec{spec("a")}}, "keep a: unchanged"},
		{"no tasks", task.Change{Prune: true}, "stop older: no longer in the file; stop b: no longer in the file; stop old: no longer in the file; stop a: no longer in the file"},
		{"what has run since", task.Change{Tasks: []task.Spec{spec("c", "b")}, Ran: map[string]int{"c": 2}}, "keep c: unchanged"},
		{"what has not run since", task.Change{Tasks: []task.Spec{spec("c", "b")}, Ran: map[string]int{"c": 3}}, "start c: exit code unknown"},
		{"what has run since, as something else", task.Change{Tasks: []task.Spec{spec("c")}, Ran: map[string]int{"c": 2}}, "start c: after changed"},
		{"what is new still", task.Change{Tasks: []task.Spec{spec("new")}, Ran: map[string]int{"new": 0}}, "start new: new"},
		{"names of others", task.Change{Tasks: []task.Spec{spec("theirs"), spec("mine"), spec("down")}},
			"theirs belongs to /other/tasks.yaml: take that down first, or give one of the two a project\nmine was started by hand: stop and remove it first: tasks rm --force mine"},
		{"what was stopped of another, or is done", task.Change{Tasks: []task.Spec{spec("stopped"), spec("job")}},
			"stopped belongs to /other/tasks.yaml: take that down first, or give one of the two a project\njob belongs to /down/tasks.yaml: remove it first: tasks rm job, or give one of the two a project"},
		{"what is down of another", task.Change{Tasks: []task.Spec{spec("down")}}, "start down: stopped"},
		{"what is missing", task.Change{Missing: true, Tasks: []task.Spec{spec("a"), changed, spec("c", "b"), spec("new"), spec("moved"), spec("down")}},
			"keep a: exists; keep b: exists; keep c: exists; start new: new; keep moved: exists; start down: stopped"},
		{"what is missing, with names of others", task.Change{Missing: true, Tasks: []task.Spec{spec("theirs"), spec("new")}},
			"theirs belongs to /other/tasks.yaml: take that down first, or give one of the two a project"},
		{"a file that moved", task.Change{Prune: true, Project: "p", Tasks: []task.Spec{spec("a"), spec("b", "a"), spec("moved")}},
			"stop older: no longer in the file; stop old: no longer in the file; stop p.left: no longer in the file; keep a: unchanged; keep b: unchanged; keep moved: unchanged"},
		{"down", task.Change{Down: true, Prune: true, Tasks: []task.Spec{spec("a"), spec("theirs")}},
			"stop c: down; stop older: down; stop b: down; stop old: down; stop a: down; stop over: down"},
		{"some down", task.Change{Down: true, Tasks: []task.Spec{spec("a"), spec("c"), spec("mine")}}, "stop c: down; stop a: down"},
	} {
		tt.c.File = file
		got := strings.ReplaceAll(told(Of(&tt.c, now, noEnv, disk)), "ended", "exit code unknown")
		if got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

// What is stopped is in levels; what begins has the specs of the change, in its order.
func TestPlanIsCarriedOut(t *testing.T) {
	t.Parallel()
	now := []*task.Info{is(file, spec("a"), task.Running, 1), is(file, spec("b", "a"), task.Running, 1), is(file, spec("c", "a"), task.Running, 1), is("/gone/tasks.yaml", spec("d"), task.Failed, 1)}
	p, err := Of(&task.Change{File: file, Prune: true}, now, noEnv, disk)
	if err != nil || fmt.Sprint(p.Stops) != "[[b c] [a]]" || p.TakenOver != nil {
		t.Errorf("%v, %+v", err, p)
	}
	c := task.Change{File: file, Tasks: []task.Spec{spec("d"), spec("a"), spec("e", "d")}}
	p, err = Of(&c, now, noEnv, disk)
	if err != nil || !slices.Equal(p.TakenOver, []string{"/gone/tasks.yaml"}) {
		t.Fatalf("%v, %+v", err, p)
	}
	var names []string
	specs, kept := p.Begin(&c)
	for _, s := range specs {
		names = append(names, s.Name)
	}
	if !slices.Equal(names, []string{"d", "e"}) || !slices.Equal(kept, []string{"a"}) {
		t.Errorf("%v begin, %v stay", names, kept)
	}
	// The next supervisor continues with the tasks that the change starts, and no others.
	next := task.Change{File: file, Prune: true, Tasks: specs, Kept: kept, Ran: map[string]int{"d": 1, "e": 0}}
	if got := told(Of(&next, now, noEnv, disk)); got != "stop b: no longer in the file; stop c: no longer in the file; start d: ended; start e: new" {
		t.Error(got)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	many := make([]task.Spec, task.MaxTasks+1)
	for i := range many {
		many[i] = spec(fmt.Sprint("t", i))
	}
	pairs := []task.Spec{spec("a"), spec("b", slices.Repeat([]string{"a"}, task.MaxAfter+1)...)}
	for _, tt := range []struct {
		c    task.Change
		want string
	}{
		{task.Change{ID: "1", File: file, Tasks: []task.Spec{spec("a"), spec("b", "a", "beyond")}}, ""},
		{task.Change{ID: "1", File: file, Down: true, Tasks: []task.Spec{{Name: "b"}, {Name: "a"}}}, ""},
		{task.Change{File: file}, "bad id of a change"},
		{task.Change{ID: strings.Repeat("1", 65), File: file}, "bad id of a change"},
		{task.Change{ID: "1", File: "tasks.yaml"}, "bad path of a tasks file"},
		{task.Change{ID: "1", File: file, Project: "a b"}, "bad project"},
		{task.Change{ID: "1", File: file, Groups: []task.Group{{Name: "g"}, {Name: "g"}}}, "two groups are named g"},
		{task.Change{ID: "1", File: file, Groups: []task.Group{{Name: "g", Slots: new(-1)}}}, "bad number of slots"},
		{task.Change{ID: "1", File: file, Tasks: []task.Spec{{Name: "a"}}}, "no command for the task a"},
		{task.Change{ID: "1", File: file, Tasks: []task.Spec{spec("../a")}}, "bad name"},
		{task.Change{ID: "1", File: file, Tasks: []task.Spec{spec("a"), spec("a")}}, "two tasks are named a"},
		{task.Change{ID: "1", File: file, Tasks: []task.Spec{spec("b", "a"), spec("a")}}, "b is before a, which it is after"},
		{task.Change{ID: "1", File: file, Tasks: many}, "more than 10000 tasks"},
		{task.Change{ID: "1", File: file, Tasks: pairs}, "more than 100000 dependencies"},
	} {
		err := Check(&tt.c)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || !errors.Is(err, task.ErrUsage)) {
			t.Errorf("%v; want %q", err, tt.want)
		}
	}
}
