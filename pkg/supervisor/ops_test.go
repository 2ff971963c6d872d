package supervisor_test

import (
	"cmp"
	"context"
	"fmt"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"tasks/internal/enginetest"
	"tasks/internal/logs"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

func TestRunsAreNumberedAndFewRemembered(t *testing.T) {
	bubble(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor) {
		for range 13 {
			s.Go("job", func(context.Context) error { return nil })
			synctest.Wait()
		}
		runs := info(t, s, "job").Runs
		if len(runs) != 10 || runs[0].Run != 4 || runs[9].Run != 13 {
			t.Errorf("runs: %+v", runs)
		}
		runs[0].Run = 99 // the caller's own
		if info(t, s, "job").Runs[0].Run != 4 {
			t.Error("the history is shared with callers")
		}
	})
}

func TestRemove(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		start(t, s, f, web())
		_, err := s.Remove(t.Context(), "web")
		expectError(t, err, task.ErrConflict, "Task web is running: stop it first, or use --force.")
		if got, err := s.Submit(supervisor.ForceRemove("web", supervisor.End{})).Wait(t.Context()); err != nil || got.State != task.Stopped {
			t.Errorf("Remove by force: %+v, %v", got, err)
		}
		if len(s.List()) != 0 || f.Live() != 0 {
			t.Errorf("left: %s, %d runs", names(s.List()), f.Live())
		}
		start(t, s, f, web()).Exit(task.Exit{}, false)
		if got := expect(t, s, "web", task.Done, ""); got.Run != 1 {
			t.Errorf("a new task begins with run %d", got.Run)
		}
		if _, err := s.Remove(t.Context(), "web"); err != nil {
			t.Error(err)
		}
		_, err = s.Info("web")
		expectError(t, err, task.ErrNotFound, "No such task: web")
	})
}

func TestRemovedJobIsNoted(t *testing.T) {
	store := newMemory()
	faked(t, supervisor.Options{Store: store}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		for _, spec := range []task.Spec{{Name: "a", Command: []string{"a"}}, {Name: "b", Command: []string{"b"}, Job: true}} {
			start(t, s, f, spec).Exit(task.Exit{}, false)
			if _, err := s.Submit(supervisor.ForceRemove(spec.Name, supervisor.End{})).Wait(t.Context()); err != nil {
				t.Error(err)
			}
			if got := store.removed[spec.Name]; got.At.IsZero() || got.Job != spec.Job {
				t.Errorf("%s: %+v", spec.Name, got)
			}
		}
	})
}

func TestRemoveInBackoff(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		start(t, s, f, web(restarts(task.RestartAlways))).Exit(task.Exit{}, false)
		expect(t, s, "web", task.BackingOff, "")
		expectError(t, errOf(s.Start(t.Context(), web())), task.ErrConflict, "Task web is in backoff: 'tasks restart web' starts it now.")
		if _, err := s.Submit(supervisor.ForceRemove("web", supervisor.End{})).Wait(t.Context()); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Hour)
		if f.Starts() != 1 {
			t.Error("a removed task was started again")
		}
	})
}

func errOf(_ task.Info, err error) error { return err }

func TestStopAndRestartInBackoff(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		r := start(t, s, f, web(restarts(task.RestartAlways)))
		r.Exit(task.Exit{Code: 4}, false)
		synctest.Wait()
		begin := time.Now()
		if got, err := s.Restart(t.Context(), "web"); err != nil || got.Restarts != 0 || time.Since(begin) != 0 {
			t.Errorf("Restart: %+v, %v after %s", got, err, time.Since(begin))
		}
		f.Next(t).Exit(task.Exit{Code: 4}, false)
		synctest.Wait()
		got, err := s.Stop(t.Context(), "web")
		if err != nil || got.State != task.Stopped || got.Reason != "stopped" || *got.ExitCode != 4 || !got.NextAt.IsZero() {
			t.Errorf("Stop: %+v, %v", got, err)
		}
		time.Sleep(time.Hour)
		if f.Starts() != 2 {
			t.Error("a stopped task was started again")
		}
	})
}

func TestReplace(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		start(t, s, f, web(restarts(task.RestartAlways)))
		var calls []*supervisor.Call
		for i := range 5 { // each has its turn
			spec := task.Spec{Name: "web", Command: []string{fmt.Sprint("web", i)}}
			calls = append(calls, s.Submit(supervisor.Replace(spec, supervisor.End{})))
		}
		for i, c := range calls {
			if got, err := c.Wait(t.Context()); err != nil || got.Command[0] != fmt.Sprint("web", i) {
				t.Errorf("replace: %+v, %v", got.Command, err)
			}
		}
		if got := expect(t, s, "web", task.Running, ""); got.Spec.Restart != task.RestartNo || f.Live() != 1 {
			t.Errorf("%d live runs, nothing of the old spec stays: %+v", f.Live(), got.Spec)
		}
	})
}

func TestStartAgainKeepsTheSpec(t *testing.T) {
	env, err := task.NewEnv(map[string]string{"A": "1"})
	if err != nil {
		t.Fatal(err)
	}
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		start(t, s, f, web(func(s *task.Spec) { s.Env, s.Group = env, "g" }))
		s.Stop(t.Context(), "web")
		r := start(t, s, f, task.Spec{Name: "web"})
		if r.Launch.Run != 2 || r.Launch.Spec.Group != "g" || r.Launch.Spec.Env != env {
			t.Errorf("launch: %+v", r.Launch)
		}
		if got, err := s.Env("web"); err != nil || got != env {
			t.Errorf("Env: %v, %v", got, err)
		}
		if got := info(t, s, "web"); got.Spec.Env.Given() {
			t.Error("Info shows the environment")
		}
		s.Stop(t.Context(), "web")
		start(t, s, f, web()) // a new spec, whole
		if got := info(t, s, "web"); got.Group != "" {
			t.Errorf("group %q stayed", got.Group)
		}
	})
}

// stubborn are logs that cannot be deleted.
type stubborn struct {
	logs.Dir
	err error
}

func (l *stubborn) Remove(name string) error { return cmp.Or(l.err, l.Dir.Remove(name)) }

// A task whose logs cannot be deleted stays, until they can.
func TestRemoveWithItsLogs(t *testing.T) {
	l := &stubborn{logs.Dir(t.TempDir()), syscall.EACCES}
	st := newMemory()
	faked(t, supervisor.Options{Logs: l, Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		start(t, s, f, web())
		_, err := s.Submit(supervisor.ForceRemove("web", supervisor.End{})).Wait(t.Context())
		expectError(t, err, syscall.EACCES, "cannot remove web: permission denied")
		expect(t, s, "web", task.Stopped, "stopped")
		if r := st.record("web"); r.State != task.Stopped {
			t.Errorf("recorded as %+v", r)
		}
		l.err = nil
		if _, err := s.Remove(t.Context(), "web"); err != nil {
			t.Errorf("Remove: %v", err)
		}
		if runs, err := l.Runs("web"); len(runs) != 0 || err != nil || len(s.List()) != 0 {
			t.Errorf("runs %v, %v, tasks %v", runs, err, s.List())
		}
	})
}

// Several requests for one task take effect in their order, also among those for others.
func TestSubmitInOrder(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, _ *enginetest.Fake) {
		startTask(t, s, job("a", delayed(time.Hour)))
		startTask(t, s, job("b", after("a")))
		then := func(name string, digit int) supervisor.Request {
			return supervisor.Edit(name, func(s *task.Spec) error { s.Priority = 10*s.Priority + digit; return nil })
		}
		calls := s.SubmitInOrder([]supervisor.Request{then("b", 1), then("a", 1), supervisor.Restart("x"), then("a", 2), then("b", 2), then("a", 3)})
		for i, want := range []string{"b 1", "a 1", " 0", "a 12", "b 12", "a 123"} {
			info, err := calls[i].Wait(t.Context())
			if got := fmt.Sprint(info.Name, " ", info.Spec.Priority); got != want || (err != nil) != (info.Name == "") {
				t.Errorf("%d: %s, %v; want %s", i, got, err, want)
			}
		}
	})
}

// A request that nobody has made is refused, as any other that cannot be carried out.
func TestEmptyRequest(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, _ *enginetest.Fake) {
		c := s.Submit(supervisor.Request{})
		c.WaitEffect()
		_, err := c.Wait(t.Context())
		expectError(t, err, task.ErrUsage, "the request is empty")
		_, err = s.Submit(supervisor.Start(task.Spec{})).Wait(t.Context())
		expectError(t, err, task.ErrUsage, "name")
	})
}
