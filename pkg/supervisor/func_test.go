package supervisor_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"tasks/internal/lifecycle"
	"tasks/internal/logs"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

func TestStopSetsTheEventAndJoins(t *testing.T) {
	bubble(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor) {
		var cause error
		ended := false
		err := s.Go("capture", func(ctx context.Context) error {
			<-ctx.Done()
			cause = context.Cause(ctx)
			time.Sleep(3 * time.Second)
			ended = true
			return ctx.Err()
		})
		if err != nil {
			t.Fatal(err)
		}
		got := expect(t, s, "capture", task.Running, "")
		if got.Engine != task.EngineFunc || got.Desired != task.DesiredRunning || got.Run != 1 || got.ExitCode != nil || got.PID != 0 {
			t.Errorf("running: %+v", got)
		}
		begin := time.Now()
		got, err = s.Stop(t.Context(), "capture")
		if err != nil || !ended || time.Since(begin) != 3*time.Second {
			t.Errorf("Stop: %v, ended %v after %s", err, ended, time.Since(begin))
		}
		if cause != supervisor.ErrStop {
			t.Errorf("cause = %v", cause)
		}
		if got.State != task.Stopped || got.Reason != "stopped" || got.Desired != task.DesiredStopped || got.ExitCode == nil || *got.ExitCode != 0 {
			t.Errorf("stopped: %+v", got)
		}
		if _, err := s.Stop(t.Context(), "capture"); err != nil {
			t.Errorf("Stop of an ended task: %v", err)
		}
	})
}

func TestEndsOfFunctions(t *testing.T) {
	code := func(n int) *int { return &n }
	for _, tt := range []struct {
		name   string
		f      supervisor.Func
		state  task.State
		code   *int
		reason string
		stack  string
	}{
		{"nil", func(context.Context) error { return nil }, task.Done, code(0), "", ""},
		{"error", func(context.Context) error { return errors.New("disk full") }, task.Failed, code(1), "disk full", ""},
		{"panic", func(context.Context) error { panic("lens cap on") }, task.Failed, code(2), "panic: lens cap on", "TestEndsOfFunctions"},
		{"nilpanic", func(context.Context) error { panic(nil) }, task.Failed, code(2), "panic: panic called with nil argument", "goroutine"},
		{"goexit", func(context.Context) error { runtime.Goexit(); return nil }, task.Failed, code(2), "the function ended its goroutine", ""},
		{"canceled", func(context.Context) error { return context.Canceled }, task.Failed, code(1), "context canceled", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor) {
				if err := s.Go("capture", tt.f); err != nil {
					t.Fatal(err)
				}
				got := expect(t, s, "capture", tt.state, tt.reason)
				if got.ExitCode == nil || *got.ExitCode != *tt.code || got.EndedAt.IsZero() {
					t.Errorf("info: %+v", got)
				}
				if len(got.Runs) != 1 {
					t.Fatalf("%d runs", len(got.Runs))
				}
				r := got.Runs[0]
				if r.Run != 1 || r.State != tt.state || r.Reason != tt.reason || (r.Stack == "") != (tt.stack == "") || !strings.Contains(r.Stack, tt.stack) {
					t.Errorf("run: %+v", r)
				}
			})
		})
	}
}

func TestLogOfARun(t *testing.T) {
	dir := logs.Dir(t.TempDir())
	bubble(t, supervisor.Options{Logs: dir}, func(t *testing.T, s *supervisor.Supervisor) {
		for i := range 2 {
			err := s.Go("ticker", func(ctx context.Context) error {
				fmt.Fprintln(supervisor.Log(ctx), "tick", i)
				if i == 1 {
					panic("spring broke")
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		first, _ := os.ReadFile(dir.Path("ticker", 1))
		if string(first) != "tick 0\n" {
			t.Errorf("log of run 1: %q", first)
		}
		got := info(t, s, "ticker")
		if got.Log != dir.Path("ticker", 2) || got.Run != 2 {
			t.Errorf("info: %+v", got)
		}
		second, _ := os.ReadFile(got.Log)
		if !strings.HasPrefix(string(second), "tick 1\npanic: spring broke\n\ngoroutine ") {
			t.Errorf("log of run 2: %q", second)
		}
		if _, err := s.Remove(t.Context(), "ticker"); err != nil {
			t.Error(err)
		}
		if runs, err := dir.Runs("ticker"); err != nil || len(runs) > 0 {
			t.Errorf("logs after Remove: %v, %v", runs, err)
		}
	})
}

func TestLogThatCannotBeMade(t *testing.T) {
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	bubble(t, supervisor.Options{Logs: logs.Dir(file)}, func(t *testing.T, s *supervisor.Supervisor) {
		err := s.Go("ticker", untilStop)
		if err == nil || !strings.Contains(err.Error(), "cannot start ticker: cannot create the log of run 1") {
			t.Errorf("Go: %v", err)
		}
		if got := info(t, s, "ticker"); got.State != task.Failed || *got.ExitCode != 126 {
			t.Errorf("info: %+v", got)
		}
	})
}

func TestNoLog(t *testing.T) {
	bubble(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor) {
		s.Go("ticker", func(ctx context.Context) error {
			_, err := fmt.Fprintln(supervisor.Log(ctx), "tick")
			return err
		})
		expect(t, s, "ticker", task.Done, "")
	})
}

// A goroutine cannot be killed: a caller that waits for it gets an error.
func TestFunctionThatIgnoresItsStopEvent(t *testing.T) {
	bubble(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor) {
		release := make(chan struct{})
		s.Go("capture", func(context.Context) error { <-release; return nil })
		begin := time.Now()
		_, err := s.Stop(t.Context(), "capture")
		expectError(t, err, task.ErrTimeout, "Task capture did not end: its function does not return")
		if took := time.Since(begin); took != task.DefaultStopTimeout+lifecycle.KillWait {
			t.Errorf("Stop took %s", took)
		}
		expect(t, s, "capture", task.Stopping, "was asked to stop; still there after KILL")
		expectError(t, s.Go("capture", untilStop), task.ErrConflict, "Task capture is stopping.")
		_, err = s.Stop(t.Context(), "capture")
		expectError(t, err, task.ErrTimeout, "capture")
		_, err = s.Submit(supervisor.ForceRemove("capture", supervisor.End{})).Wait(t.Context())
		expectError(t, err, task.ErrTimeout, "capture")
		close(release)
		expect(t, s, "capture", task.Stopped, "stopped")
	})
}

func TestCloseNamesWhatRefusesToEnd(t *testing.T) {
	bubble(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor) {
		release := make(chan struct{})
		s.Go("good", untilStop)
		for _, name := range []string{"stubborn", "endless"} {
			s.Go(name, func(context.Context) error { <-release; return nil })
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("enough"))
		defer cancel()
		begin := time.Now()
		expectError(t, s.Close(ctx), task.ErrTimeout, "did not end: endless, stubborn")
		if time.Since(begin) != time.Second {
			t.Errorf("Close took %s", time.Since(begin))
		}
		expect(t, s, "good", task.Stopped, "supervisor was shut down")
		_, err := s.Stop(t.Context(), "endless")
		expectError(t, err, task.ErrUnavailable, "")
		close(release)
	})
}

func TestNamesOfFunctions(t *testing.T) {
	bubble(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor) {
		s.Go("capture", untilStop)
		expectError(t, s.Go("capture", untilStop), task.ErrConflict, "Task capture is already running.")
		expectError(t, s.Go("../x", untilStop), task.ErrUsage, "bad name")
		expectError(t, s.Go("nothing", nil), task.ErrUsage, "no function for the task nothing")
		_, err := s.Start(t.Context(), web())
		expectError(t, err, task.ErrUsage, "no commands")
		_, err = s.Start(t.Context(), task.Spec{Name: "captrue"})
		expectError(t, err, task.ErrNotFound, "No such task: captrue (did you mean capture?)")
		_, err = s.Submit(supervisor.Signal("capture", syscall.SIGHUP)).Wait(t.Context())
		expectError(t, err, task.ErrConflict, "only its stop event")
		for name, op := range map[string]func() error{
			"Stop":    func() error { _, err := s.Stop(t.Context(), "x"); return err },
			"Restart": func() error { _, err := s.Restart(t.Context(), "x"); return err },
			"Remove": func() error {
				_, err := s.Submit(supervisor.ForceRemove("x", supervisor.End{})).Wait(t.Context())
				return err
			},
			"Info": func() error { _, err := s.Info("x"); return err },
			"Env":  func() error { _, err := s.Env("x"); return err },
			"Wait": func() error { _, err := s.Wait(t.Context(), "capture", "x"); return err },
		} {
			if err := op(); !errors.Is(err, task.ErrNotFound) || err.Error() != "No such task: x" {
				t.Errorf("%s: %v", name, err)
			}
		}
		if got := names(s.List()); got != "capture:running" {
			t.Errorf("List: %s", got)
		}
	})
}

func TestBuiltin(t *testing.T) {
	bubble(t, supervisor.Options{Builtin: untilStop}, func(t *testing.T, s *supervisor.Supervisor) {
		for range 2 { // the second time it is an ended task of that name
			if got, err := s.Start(t.Context(), task.Spec{Name: "heart"}); err != nil || got.Engine != task.EngineFunc || got.State != task.Running {
				t.Errorf("Start: %+v, %v", got, err)
			}
			s.Stop(t.Context(), "heart")
		}
	})
}

// A start that is refused leaves the ended task as it was.
func TestRefusedStartChangesNothing(t *testing.T) {
	bubble(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor) {
		s.Go("web", func(context.Context) error { return nil })
		expect(t, s, "web", task.Done, "")
		_, err := s.Start(t.Context(), web())
		expectError(t, err, task.ErrUsage, "no commands")
		if _, err := s.Restart(t.Context(), "web"); err != nil {
			t.Error(err)
		}
		if got := expect(t, s, "web", task.Done, ""); got.Engine != task.EngineFunc || got.Run != 2 {
			t.Errorf("%+v", got)
		}
	})
}
