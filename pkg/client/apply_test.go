package client_test

import (
	"fmt"
	"strings"
	"testing"

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
