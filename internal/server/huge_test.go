package server

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"tasks/internal/enginetest"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// Readers of one task of 1 MB that do not read take up little, in whatever part of
// it the text is and whatever sends it, and nothing once they have gone.
func TestReadersOfHugeTasks(t *testing.T) {
	h := &host{fake: enginetest.NewFake()}
	h.sup = supervisor.New(supervisor.Options{Commands: h.fake})
	answered := make(chan struct{}, 1)
	h.serve(t, Config{Answered: func() {
		select {
		case answered <- struct{}{}:
		default:
		}
	}}, os.Getuid())
	long := strings.Repeat("<é", 300<<10)
	env, err := task.NewEnv(map[string]string{"A": long, "B": "b"})
	if err != nil {
		t.Fatal(err)
	}
	for i, spec := range []task.Spec{
		{Command: []string{"x", long}},
		{Command: append([]string{"x"}, strings.Split(strings.Repeat("a ", 200<<10), " ")...)},
		{Command: []string{"x"}, Env: env},
		{Command: []string{"x"}, Hooks: task.Hooks{OnExit: long}, File: "/" + long},
	} {
		spec.Name = fmt.Sprintf("huge%d", i)
		if _, err := h.sup.Start(t.Context(), spec); err != nil {
			t.Fatal(err)
		}
	}
	before := inUse()
	var stuck []*peer
	for i := range 160 {
		p := h.dial(t)
		name := fmt.Sprintf("huge%d", i%4)
		p.ask(i, []string{"list", "watch", "get", "signal"}[i/4%4], []string{
			fmt.Sprintf(`{"names":[%q],"env":true}`, name),
			fmt.Sprintf(`{"names":[%q]}`, name),
			fmt.Sprintf(`{"names":[%q,"huge2"],"env":true}`, name),
			fmt.Sprintf(`{"names":[%q,"none"],"signal":"CONT"}`, name), // fails for one of them
		}[i/4%4])
		if _, err := p.r.Peek(1); err != nil { // its reply has begun
			t.Fatal(err)
		}
		stuck = append(stuck, p)
	}
	grown := inUse() - before
	t.Logf("160 readers take up %d KiB", grown>>10)
	if grown > 24<<20 {
		t.Errorf("160 readers take up %d MiB", grown>>20)
	}
	if got := stuck[8].recv().tasks(t); len(got) != 2 || got[0].Command[1] != long || got[1].Spec.Env != env {
		t.Errorf("%d tasks, or others", len(got))
	}
	for _, p := range stuck {
		p.nc.Close()
	}
	for open := 1; open > 0; {
		<-answered
		h.srv.mu.Lock()
		open = len(h.srv.conns)
		h.srv.mu.Unlock()
	}
	if left := inUse() - before; left > 8<<20 {
		t.Errorf("%d MiB are kept when they have gone", left>>20)
	}
}
