package supervisor_test

import (
	"context"
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
			s.Submit(supervisor.Op{Kind: supervisor.OpStop, Name: "a"})
		}, []string{"exit stopped SIGTERM, 1"}},
		{"restarted", func(s *supervisor.Supervisor, _ *enginetest.FakeRun) {
			s.Submit(supervisor.Op{Kind: supervisor.OpRestart, Name: "a"})
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
		begin(t, s, job("c", hooked, after("b")))
		begin(t, s, job("stopped", hooked, after("b")))
		s.Stop(t.Context(), "stopped")
		lines(t, f)
		b.Exit(task.Exit{Code: 1}, false)
		lines(t, f, "exit failed , 0", "failure failed , 0")
		for range 2 {
			s.Start(t.Context(), job("c", hooked, after("b")))
			lines(t, f, "exit failed , 0", "failure failed , 0")
		}
		begin(t, s, job("d", hooked, after("b"), every(time.Hour))) // each turn of a schedule
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
		lines(t, f) // a function has no shell
	})
}

// recorder is a logger that keeps what it is told.
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

func TestHookThatTakesTooLong(t *testing.T) {
	log := new(recorder)
	faked(t, supervisor.Options{Logger: slog.New(slog.NewTextHandler(log, nil))}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		f.HoldExec(true)
		start(t, s, f, job("a", hooked)).Exit(task.Exit{Code: 1}, false)
		f.NextExec(t)
		begin := time.Now()
		second := f.NextExec(t) // one after the other
		within(t, "the first line", time.Since(begin), supervisor.HookTimeout, supervisor.HookTimeout)
		second.End(" no \n", task.Exit{Code: 9})
		synctest.Wait()
		if log.count("a hook failed") != 2 || log.count("deadline exceeded") != 1 || log.count("code=9 output=no") != 1 {
			t.Errorf("log: %s", log.text.String())
		}
		expect(t, s, "a", task.Failed, "exit code 1") // the task is as it was
	})
}

// A hook that the machine has no room for is not lost.
func TestHookThatCannotBegin(t *testing.T) {
	for _, lack := range []error{syscall.EMFILE, syscall.ENFILE, syscall.EAGAIN, syscall.ENOMEM} {
		t.Run(lack.Error(), func(t *testing.T) {
			log := new(recorder)
			faked(t, supervisor.Options{Logger: slog.New(slog.NewTextHandler(log, nil))}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
				f.FailExec(fmt.Errorf("cannot fork: %w", lack))
				start(t, s, f, job("a", hooked)).Exit(task.Exit{}, false)
				time.Sleep(time.Minute)
				f.FailExec(nil)
				time.Sleep(10 * time.Second)
				lines(t, f, "exit done 0, 1")
				f.FailExec(lack)
				start(t, s, f, job("b", hooked)).Exit(task.Exit{}, false)
				time.Sleep(time.Hour)
				f.FailExec(nil)
				time.Sleep(time.Hour)
				lines(t, f) // it was given up
				if log.count("a hook cannot begin") != 2 || log.count("a hook failed") != 1 || log.count("given up: ") != 1 {
					t.Errorf("%v: log: %s", lack, log.text.String())
				}
				f.FailExec(lack)
				start(t, s, f, job("c", hooked)).Exit(task.Exit{}, false)
				synctest.Wait()
				if err := s.Close(t.Context()); err != nil || log.count("given up as the supervisor ends") != 1 {
					t.Errorf("%v: %v, log: %s", lack, err, log.text.String())
				}
			})
		})
	}
}

func TestHooksAtOnce(t *testing.T) {
	log := new(recorder)
	faked(t, supervisor.Options{Logger: slog.New(slog.NewTextHandler(log, nil))}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		f.HoldExec(true)
		for i := range 30 {
			start(t, s, f, job(fmt.Sprint("t", i), func(s *task.Spec) { s.OnExit = "x" })).Exit(task.Exit{}, false)
		}
		var live []*enginetest.FakeExec
		take := func(want int) {
			t.Helper()
			for synctest.Wait(); !f.NoExec(); synctest.Wait() {
				live = append(live, f.NextExec(t))
			}
			if len(live) != want {
				t.Errorf("%d at once; want %d", len(live), want)
			}
		}
		take(8)
		for range 3 {
			live[0].End("", task.Exit{})
			live = live[1:]
			take(8)
		}
		start(t, s, f, job("more")) // nothing else waits for them

		// The end of the supervisor does, for a while.
		begin := time.Now()
		live[0].End("", task.Exit{})
		if err := s.Close(t.Context()); err != nil {
			t.Errorf("Close: %v", err)
		}
		within(t, "Close", time.Since(begin), 10*time.Second, 10*time.Second)
		if n := log.count("a hook failed"); n != 8 {
			t.Errorf("%d hooks were killed", n)
		}
		if n := log.count("a hook was not run"); n != 18 {
			t.Errorf("%d hooks were not run", n)
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
