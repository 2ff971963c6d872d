package client_test

import (
	"fmt"
	"strings"
	"testing"

	"tasks/pkg/client"
	"tasks/pkg/task"
)

// A tasks file is not bound to what one request holds.
func TestApplySplits(t *testing.T) {
	h := newHost(t)
	c, _ := h.client(t)
	var specs []task.Spec
	for i := range 20 {
		s := task.Spec{Name: fmt.Sprintf("t%d", i), Command: []string{"x", strings.Repeat("<", 30000)}} // six bytes each, in JSON
		if i > 0 {
			s.AfterEnded = []string{fmt.Sprintf("t%d", i-1)}
		}
		specs = append(specs, s)
	}
	tasks, err := c.Apply(background, []task.Group{{Name: "g", Slots: new(3)}}, specs)
	if err != nil || len(tasks) != 20 || tasks[0].State != task.Running || tasks[19].State != task.Waiting {
		t.Fatalf("%d tasks, %v", len(tasks), err)
	}
	groups, err := c.Groups(background)
	if err != nil || len(groups) != 1 || *groups[0].Slots != 3 {
		t.Fatalf("%+v, %v", groups, err)
	}
	specs[0].Command = []string{strings.Repeat("x", 1<<20)}
	if _, err := c.Apply(background, nil, specs[:1]); err == nil || !strings.Contains(err.Error(), "shorten the command") {
		t.Fatal(err)
	}
}

// A change of any size goes in parts that a request holds, each environment once.
func TestChangeSplits(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	c, _ := h.client(t)
	env, err := task.NewEnv(map[string]string{"BIG": strings.Repeat("x", 300_000)})
	if err != nil {
		t.Fatal(err)
	}
	ch := task.Change{ID: "1", File: "/src/tasks.yaml", Prune: true, Groups: []task.Group{{Name: "g", Slots: new(3)}}}
	for i := range 7 {
		s := task.Spec{Name: fmt.Sprintf("t%d", i), Command: []string{"x", strings.Repeat("<", 25000)}, Env: env} // six bytes each, in JSON
		if i > 0 {
			s.AfterEnded = []string{fmt.Sprintf("t%d", i-1)}
		}
		ch.Tasks = append(ch.Tasks, s)
	}
	check, err := c.Change(background, ch, client.ChangeOptions{Check: true})
	if err != nil || len(check.Steps) != 7 || check.Steps[6] != (client.Step{Do: "start", Name: "t6", Why: "new"}) || len(check.Groups) != 1 || check.Groups[0].Why != "slots 3" {
		t.Fatalf("%+v, %v", check, err)
	}
	done, err := c.Change(background, ch, client.ChangeOptions{NoWait: true})
	if err != nil || len(done.Tasks) != 7 || done.Tasks[0].State != task.Running || done.Tasks[6].Name != "t6" || done.Tasks[6].State != task.Waiting {
		t.Fatalf("%d tasks, %v", len(done.Tasks), err)
	}
	tasks, err := c.List(background, client.ListOptions{Selector: task.Selector{Names: []string{"t5"}}, Env: true})
	if err != nil || len(tasks) != 1 || tasks[0].Spec.Env != env || tasks[0].Spec.File != ch.File {
		t.Fatal("a task has another environment or file", err)
	}
	down := task.Change{ID: "2", File: ch.File, Down: true, Prune: true}
	if done, err = c.Change(background, down, client.ChangeOptions{}); err != nil || len(done.Tasks) != 7 || done.Tasks[0].Name != "t6" {
		t.Fatalf("%d tasks, %v", len(done.Tasks), err)
	}
	ch.ID, ch.File = "3", "/else.yaml"
	ch.Tasks = append(ch.Tasks, task.Spec{Name: "big", Command: []string{strings.Repeat("x", 1<<20)}})
	if _, err := c.Change(background, ch, client.ChangeOptions{}); err == nil || !strings.Contains(err.Error(), "shorten the command") {
		t.Fatal(err)
	}
}
