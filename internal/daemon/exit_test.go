package daemon

import (
	"errors"
	"strings"
	"testing"

	"tasks/internal/enginetest"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// An exit that comes once the supervisor has left its tasks has stopped none of them.
func TestExitOfWhatWasLeft(t *testing.T) {
	t.Parallel()
	fake := enginetest.NewFake()
	sup := supervisor.New(supervisor.Options{Commands: fake.Adopter()})
	for _, name := range []string{"db", "ended", "web"} {
		if _, err := sup.Start(t.Context(), task.Spec{Name: name, Command: []string{"true"}, Cwd: "/"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := sup.Stop(t.Context(), "ended"); err != nil {
		t.Fatal(err)
	}
	if _, err := sup.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, ends, err := stopAll(t.Context(), sup, supervisor.End{})
	if ends || !errors.Is(err, task.ErrUnavailable) || !strings.Contains(err.Error(), "db") {
		t.Errorf("%v, it ends the supervisor: %v", err, ends)
	}
}

func TestExitStopsAll(t *testing.T) {
	t.Parallel()
	fake := enginetest.NewFake()
	sup := supervisor.New(supervisor.Options{Commands: fake.Adopter()})
	if _, err := sup.Start(t.Context(), task.Spec{Name: "web", Command: []string{"true"}, Cwd: "/"}); err != nil {
		t.Fatal(err)
	}
	tasks, ends, err := stopAll(t.Context(), sup, supervisor.End{})
	if !ends || err != nil || len(tasks) != 1 || tasks[0].State != task.Stopped {
		t.Errorf("%v, %v, it ends the supervisor: %v", tasks, err, ends)
	}
	if err := sup.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
