package supervisor_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tasks/internal/enginetest"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// A tasks file on a file system that does not answer holds up no change of another one for
// more than a second, and neither the beginning nor the end of a supervisor.
func TestFileWithoutAnAnswer(t *testing.T) {
	st := newMemory()
	dead := task.Change{ID: "dead", File: "/dead/tasks.yaml", Tasks: []task.Spec{service("w", "1")}}
	dead.Tasks[0].File = dead.File
	st.SaveChange(dead) // begun by the supervisor before
	faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		answer := make(chan struct{})
		defer close(answer)
		s.LookBy(func(path string) (fs.FileInfo, error) {
			if strings.HasPrefix(path, "/dead/") {
				<-answer
			}
			return nil, fs.ErrNotExist
		})
		took := func(what string, most time.Duration, do func()) {
			t.Helper()
			began := time.Now()
			if do(); time.Since(began) > most {
				t.Errorf("%s took %s", what, time.Since(began))
			}
		}
		f.Hold(true)
		took("the beginning", 0, func() { s.ResumeChanges(st.allChanges()) })
		synctest.Wait()
		took("up beside a change", 2*time.Second, func() {
			a := s.Apply(change("1", service("v", "1")), true)
			if a == nil {
				t.Fatal("it waits for a change of another file")
			}
			f.Hold(false)
			f.Next(t).Begin()
			if got, err := carried(t, a); err != nil || got != "v running" {
				t.Errorf("%s, %v", got, err)
			}
		})
		took("a check", time.Second, func() {
			if _, err := s.Plan(change("2", service("v", "2"))); err != nil {
				t.Error(err)
			}
		})
		down := change("3")
		down.Down = true
		took("down", time.Second, func() {
			if got, err := carried(t, s.Apply(down, false)); err != nil || got != "v stopped" {
				t.Errorf("%s, %v", got, err)
			}
		})
		if got := states(s); got != "v stopped, w running" {
			t.Error(got)
		}
		s.Apply(change("4", service("v", "4")), false)
		took("the end", time.Second, func() {
			if err := s.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	})
}
