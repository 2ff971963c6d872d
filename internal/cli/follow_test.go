package cli

import (
	"bytes"
	"testing"

	"tasks/internal/logs"
	"tasks/pkg/task"
)

// A run is announced before its log is made: a follower that came between shows
// the log all the same.
func TestFollowBeforeTheLogIsMade(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := &source{
		name: "web", last: task.Info{Name: "web", Run: 1}, dir: logs.Dir(t.TempDir()),
		out: &out, end: func() error { return nil },
	}
	f := logs.NewFollower()
	defer f.Close()
	news, done := make(chan task.Info), make(chan error, 1)
	go func() { done <- s.followRuns(t.Context(), f, 10, news) }()
	tell := func(run int, state task.State) { news <- task.Info{Name: "web", Run: run, State: state} }
	tell(1, task.Starting)
	log := func(run int, text string) {
		w, err := s.dir.Create("web", run)
		if err == nil {
			_, err = w.WriteString(text)
			w.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	log(1, "one\n")
	tell(1, task.Running)
	tell(1, task.BackingOff)
	tell(2, task.Starting)
	log(2, "two\n")
	tell(2, task.Done) // the news between were missed
	if err := <-done; err != nil || out.String() != "one\ntwo\n" {
		t.Errorf("%v, %q", err, out.String())
	}
}
