package supervisor_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"tasks/internal/enginetest"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

func hooked(s *task.Spec) { s.OnExit, s.OnFailure = "exit", "failure" }

// lines compares the lines that have been run since with what is wanted: each is
// LINE STATE EXIT, RUN.
func lines(t *testing.T, f *enginetest.Fake, want ...string) {
	t.Helper()
	synctest.Wait()
	var got []string
	for !f.NoExec() {
		e := f.NextExec(t)
		got = append(got, fmt.Sprintf("%s %s, %d", e.Line, strings.NewReplacer("TASKS_STATE=", "", "TASKS_EXIT=", "").Replace(strings.Join(e.Launch.Env, " ")), e.Launch.Run))
	}
	if strings.Join(got, "; ") != strings.Join(want, "; ") {
		t.Errorf("lines: %q; want %q", got, want)
	}
}

func TestHooks(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(*supervisor.Supervisor, *enginetest.FakeRun)
		want []string
	}{
		{"done", func(_ *supervisor.Supervisor, r *enginetest.FakeRun) { r.Exit(task.Exit{}, false) }, []string{"exit done 0, 1"}},
		{"failed", func(_ *supervisor.Supervisor, r *enginetest.FakeRun) { r.Exit(task.Exit{Code: 3}, false) }, []string{"exit failed 3, 1", "failure failed 3, 1"}},
		{"by a signal", func(_ *supervisor.Supervisor, r *enginetest.FakeRun) {
			r.Exit(task.Exit{Signal: syscall.SIGSEGV}, false)
		}, []string{"exit failed SIGSEGV, 1", "failure failed SIGSEGV, 1"}},
		{"lost", func(_ *supervisor.Supervisor, r *enginetest.FakeRun) { r.Exit(task.Exit{Lost: true}, false) }, []string{"exit lost , 1", "failure lost , 1"}},
		{"timed out", func(*supervisor.Supervisor, *enginetest.FakeRun) { time.Sleep(time.Hour) }, []string{"exit failed SIGTERM, 1", "failure failed SIGTERM, 1"}},
		{"stopped", func(s *supervisor.Supervisor, _ *enginetest.FakeRun) {
			s.Submit(supervisor.Stop("a", supervisor.End{}))
		}, []string{"exit stopped SIGTERM, 1"}},
		{"restarted", func(s *supervisor.Supervisor, _ *enginetest.FakeRun) {
			s.Submit(supervisor.Restart("a"))
		}, []string{"exit stopped SIGTERM, 1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
				r := start(t, s, f, job("a", hooked, timeout(time.Hour)))
				lines(t, f)
				tt.end(s, r)
				lines(t, f, tt.want...)
			})
		})
	}
}

func TestHooksOfAGroup(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		s.ChangeGroup("g", func(g *task.Group) { g.OnExit, g.OnFailure, g.Slots = "group", "group failure", new(2) })
		start(t, s, f, job("first", in("g")))
		start(t, s, f, job("a", in("g"), hooked)).Exit(task.Exit{Code: 1}, false)
		synctest.Wait()
		e := f.NextExec(t)
		if e.Launch.Spec.Name != "a" || e.Launch.Slot != 2 { // its own, though another may have that by now
			t.Errorf("launch: %+v", e.Launch)
		}
		lines(t, f, "failure failed 1, 1", "group failed 1, 1", "group failure failed 1, 1")
		s.ChangeGroup("g", func(g *task.Group) { g.Hooks = task.Hooks{} })
		s.Stop(t.Context(), "first")
		lines(t, f)
	})
}

// What could not run has failed as well.
func TestHooksWithoutARun(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		f.FailNext(syscall.ENOENT)
		s.Start(t.Context(), job("a", hooked))
		lines(t, f, "exit failed 127, 1", "failure failed 127, 1")

		b := start(t, s, f, job("b"))
		startTask(t, s, job("c", hooked, after("b")))
		startTask(t, s, job("stopped", hooked, after("b")))
		s.Stop(t.Context(), "stopped")
		lines(t, f)
		b.Exit(task.Exit{Code: 1}, false)
		lines(t, f, "exit failed , 0", "failure failed , 0")
		for range 2 {
			s.Start(t.Context(), job("c", hooked, after("b")))
			lines(t, f, "exit failed , 0", "failure failed , 0")
		}
		startTask(t, s, job("d", hooked, after("b"), every(time.Hour))) // each turn of a schedule
		lines(t, f, "exit failed , 0", "failure failed , 0")
		time.Sleep(time.Hour)
		lines(t, f, "exit failed , 0", "failure failed , 0")
	})
}

func TestHooksOfRetries(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		r := start(t, s, f, job("a", hooked, restarts(task.RestartOnFailure)))
		r.Exit(task.Exit{Code: 1}, false)
		r = f.Next(t)
		lines(t, f, "exit failed 1, 1", "failure failed 1, 1")
		r.Exit(task.Exit{}, false)
		lines(t, f, "exit done 0, 2")
		if err := s.GoSpec(task.Spec{Name: "f", Hooks: task.Hooks{OnExit: "x"}}, func(context.Context) error { return nil }); err != nil {
			t.Error(err)
		}
		lines(t, f, "x done 0, 1") // by the engine of commands
	})
}

func second[T any](_ T, err error) error { return err }

// Hooks that nothing can run are refused, and change nothing.
func TestHooksThatNothingCanRun(t *testing.T) {
	t.Parallel()
	s := supervisor.New(supervisor.Options{})
	defer s.Close(t.Context())
	s.Load(t.Context(), nil, task.Group{Name: "loaded", Hooks: task.Hooks{OnExit: "x"}})
	done := func(context.Context) error { return nil }
	hooks := task.Hooks{OnFailure: "x"}
	for what, err := range map[string]error{
		"a task":  s.GoSpec(task.Spec{Name: "a", Hooks: hooks}, done),
		"a group": second(s.ChangeGroup("g", func(g *task.Group) { g.Hooks, g.Slots = hooks, new(1) })),
		"a tasks file": second(s.Apply(task.Change{
			ID: "1", File: "/f", Groups: []task.Group{{Name: "g", Hooks: hooks}}, Tasks: []task.Spec{{Name: "a", Command: []string{"true"}, File: "/f"}},
		}, false).Wait(t.Context())),
	} {
		if !errors.Is(err, task.ErrUsage) || !strings.Contains(err.Error(), "runs no hooks") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if list, groups := s.List(), s.Groups(); len(list) != 0 || len(groups) != 1 {
		t.Errorf("%+v, %+v", list, groups)
	}
	if err := s.Go("f", done); err != nil {
		t.Fatal(err)
	}
	_, err := s.Submit(supervisor.Edit("f", func(s *task.Spec) error { s.Hooks = hooks; return nil })).Wait(t.Context())
	if !errors.Is(err, task.ErrUsage) || !strings.Contains(err.Error(), "runs no hooks") {
		t.Errorf("an edit: %v", err)
	}
	if _, err := s.PauseGroup(t.Context(), "loaded"); err != nil {
		t.Errorf("what had hooks before: %v", err)
	}
}

// recorder is a logger that keeps its lines.
type recorder struct {
	mu   sync.Mutex
	text strings.Builder
}

func (r *recorder) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(b)
}

func (r *recorder) count(text string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Count(r.text.String(), text)
}

// Neither another run nor another task waits for a hook; the end of the supervisor
// does, for a while.
func TestNothingWaitsForHooks(t *testing.T) {
	log := new(recorder)
	faked(t, supervisor.Options{Logger: slog.New(slog.NewTextHandler(log, nil))}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		f.HoldExec(true)
		for range 3 {
			start(t, s, f, job("a", hooked)).Exit(task.Exit{Code: 1}, false)
			expect(t, s, "a", task.Failed, "exit code 1")
			time.Sleep(time.Second)
		}
		start(t, s, f, job("b"))
		lines(t, f, "exit failed 1, 1", "exit failed 1, 2", "exit failed 1, 3")
		time.Sleep(supervisor.HookTimeout)
		synctest.Wait()
		if n := log.count("a hook failed"); n != 3 {
			t.Errorf("%d hooks were killed: %s", n, log.text.String())
		}
		lines(t, f, "failure failed 1, 1", "failure failed 1, 2", "failure failed 1, 3")
		expect(t, s, "a", task.Failed, "exit code 1") // the task is as it was
		begin := time.Now()
		if err := s.Close(t.Context()); err != nil {
			t.Errorf("Close: %v", err)
		}
		within(t, "Close", time.Since(begin), 10*time.Second, 10*time.Second)
	})
}

// A hook that the machine has no room for is not lost.
func TestHookThatCannotBegin(t *testing.T) {
	log := new(recorder)
	faked(t, supervisor.Options{Logger: slog.New(slog.NewTextHandler(log, nil))}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		f.FailExec(fmt.Errorf("cannot fork: %w", syscall.EMFILE))
		start(t, s, f, job("a", hooked)).Exit(task.Exit{}, false)
		time.Sleep(time.Minute)
		f.FailExec(nil)
		time.Sleep(10 * time.Second)
		lines(t, f, "exit done 0, 1")
		f.FailExec(syscall.EMFILE)
		start(t, s, f, job("b", hooked)).Exit(task.Exit{}, false)
		synctest.Wait()
		if err := s.Close(t.Context()); err != nil || log.count("given up as the supervisor ends") != 1 {
			t.Errorf("%v, log: %s", err, log.text.String())
		}
	})
}

func TestCloseWaitsForHooks(t *testing.T) {
	log := new(recorder)
	faked(t, supervisor.Options{Logger: slog.New(slog.NewTextHandler(log, nil))}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		f.HoldExec(true)
		start(t, s, f, job("a", hooked))
		go func() {
			e := f.NextExec(t)
			if env := strings.Join(e.Launch.Env, " "); e.Line != "exit" || env != "TASKS_STATE=stopped TASKS_EXIT=SIGTERM" {
				t.Errorf("%s with %s", e.Line, env)
			}
			time.Sleep(3 * time.Second)
			e.End("", task.Exit{})
		}()
		begin := time.Now()
		if err := s.Close(t.Context()); err != nil {
			t.Errorf("Close: %v", err)
		}
		within(t, "Close", time.Since(begin), 3*time.Second, 3*time.Second)
		if log.count("hook") != 0 {
			t.Errorf("log: %s", log.text.String())
		}
	})
}
