package hooks_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"tasks/internal/enginetest"
	"tasks/internal/hooks"
	"tasks/pkg/engine"
	"tasks/pkg/task"
)

func TestLines(t *testing.T) {
	t.Parallel()
	both, exit, failure := task.Hooks{OnExit: "e", OnFailure: "f"}, task.Hooks{OnExit: "E"}, task.Hooks{OnFailure: "F"}
	for _, tt := range []struct {
		state task.State
		all   []task.Hooks
		want  string
	}{
		{task.Done, []task.Hooks{both}, "e"},
		{task.Stopped, []task.Hooks{both}, "e"},
		{task.Failed, []task.Hooks{both}, "e f"},
		{task.Lost, []task.Hooks{both}, "e f"},
		{task.Failed, []task.Hooks{both, {OnExit: "E", OnFailure: "F"}}, "e f E F"},
		{task.Failed, []task.Hooks{failure, exit}, "F E"},
		{task.Failed, []task.Hooks{{}, both}, "e f"},
		{task.Done, []task.Hooks{failure, exit}, "E"},
		{task.Done, []task.Hooks{failure, {}}, ""},
		{task.Failed, []task.Hooks{{}, {}}, ""},
		{task.Failed, nil, ""},
	} {
		got := hooks.Lines(tt.state, tt.all...)
		if strings.Join(got, " ") != tt.want || tt.want == "" && got != nil {
			t.Errorf("%s, %+v: %q", tt.state, tt.all, got)
		}
	}
}

// A shell is a script for lines.
type shell func(ctx context.Context, l engine.Launch, line string) (string, task.Exit, error)

func (s shell) Exec(ctx context.Context, l engine.Launch, line string) (string, task.Exit, error) {
	return s(ctx, l, line)
}

// A recorder keeps what a logger writes.
type recorder struct {
	mu   sync.Mutex
	text strings.Builder
}

func (r *recorder) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(b)
}

func (r *recorder) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// A scene is a runner with a fake shell and a log.
type scene struct {
	*testing.T
	runner *hooks.Runner
	fake   *enginetest.Fake
	log    *recorder
	failed *recorder // the reports of hooks that failed
	live   []*enginetest.FakeExec
}

// play runs f in fake time. What it leaves running must end as the runner is closed.
func play(t *testing.T, f func(*scene)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, failed := new(recorder), new(recorder)
		tell := func(l engine.Launch, why string) { fmt.Fprintf(failed, "%s %d: %s", l.Spec.Name, l.Run, why) }
		s := &scene{T: t, runner: hooks.New(slog.New(slog.NewTextHandler(log, nil)), tell), fake: enginetest.NewFake(), log: log, failed: failed}
		defer s.runner.Close()
		f(s)
	})
}

// after runs the lines after a run of the task called name.
func (s *scene) after(name string, sh engine.Shell, lines ...string) {
	s.Helper()
	begin := time.Now()
	s.runner.Run(sh, engine.Launch{Spec: &task.Spec{Name: name}, Run: 7}, lines)
	if took := time.Since(begin); took != 0 {
		s.Errorf("Run took %v", took)
	}
}

// takeCalls takes what has begun, and compares the number of lines that are under way.
func (s *scene) takeCalls(want int) {
	s.Helper()
	for synctest.Wait(); !s.fake.NoExec(); synctest.Wait() {
		s.live = append(s.live, s.fake.NextExec(s.T))
	}
	if len(s.live) != want {
		s.Errorf("%d lines are under way; want %d", len(s.live), want)
	}
}

// end ends the oldest line.
func (s *scene) end(exit task.Exit) {
	s.live[0].End("", exit)
	s.live = s.live[1:]
}

// logged compares how often the log has text, once all is quiet.
func (s *scene) logged(text string, want int) {
	s.Helper()
	synctest.Wait()
	if n := strings.Count(s.log.String(), text); n != want {
		s.Errorf("%d times %q; want %d: %s", n, text, want, s.log)
	}
}

// closes closes the runner, which is to take that long.
func (s *scene) closes(want time.Duration) {
	s.Helper()
	begin := time.Now()
	s.runner.Close()
	if took := time.Since(begin); took != want {
		s.Errorf("Close took %v; want %v", took, want)
	}
}

func TestInOrder(t *testing.T) {
	play(t, func(s *scene) {
		s.fake.HoldExec(true)
		s.after("a", s.fake, "1", "2", "3")
		for i, exit := range []task.Exit{{}, {Code: 3}, {}} { // whatever the one before did
			s.takeCalls(1)
			if e := s.live[0]; e.Line != fmt.Sprint(i+1) || e.Launch.Spec.Name != "a" || e.Launch.Run != 7 {
				s.Errorf("%s of %+v", e.Line, e.Launch)
			}
			s.end(exit)
		}
		s.takeCalls(0)
		s.logged("a hook failed", 1)
	})
}

func TestFailures(t *testing.T) {
	for _, tt := range []struct {
		name   string
		output string
		exit   task.Exit
		err    error
		want   string // "": nothing
		report string
	}{
		{"well", "fine\n", task.Exit{}, nil, "", ""},
		{"code", " one\nno \n", task.Exit{Code: 9}, nil, `task=a hook=x code=9 output="one\nno"`, "a 7: the hook 'x' failed: exit code 9: no"},
		{"silent", "", task.Exit{Code: 9}, nil, `task=a hook=x code=9 output=""`, "a 7: the hook 'x' failed: exit code 9"},
		{"signal", "", task.Exit{Signal: syscall.SIGSEGV}, nil, `task=a hook=x signal=SIGSEGV output=""`, "a 7: the hook 'x' failed: SIGSEGV"},
		{"error", "so far", task.Exit{}, errors.New("boom"), `task=a hook=x err=boom output="so far"`, "a 7: the hook 'x' failed: boom: so far"},
		{"for good", "", task.Exit{}, syscall.ENOENT, `task=a hook=x err="no such file or directory" output=""`, "a 7: the hook 'x' failed: no such file or directory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			play(t, func(s *scene) {
				s.after("a", shell(func(context.Context, engine.Launch, string) (string, task.Exit, error) {
					return tt.output, tt.exit, tt.err
				}), "x")
				s.closes(0)
				_, got, _ := strings.Cut(strings.TrimSuffix(s.log.String(), "\n"), `level=WARN msg="a hook failed" `)
				if got != tt.want || (got == "") != (s.log.String() == "") {
					s.Errorf("log: %s; want %s", s.log, tt.want)
				}
				if got := s.failed.String(); got != tt.report {
					s.Errorf("reported: %s; want %s", got, tt.report)
				}
			})
		})
	}
}

func TestTakesTooLong(t *testing.T) {
	play(t, func(s *scene) {
		s.fake.HoldExec(true)
		s.after("a", s.fake, "1", "2")
		s.takeCalls(1)
		time.Sleep(hooks.Timeout - time.Nanosecond)
		s.takeCalls(1)
		time.Sleep(time.Nanosecond)
		s.takeCalls(2)
		s.logged("hook=1 err=\"context deadline exceeded\"", 1)
		time.Sleep(hooks.Timeout - time.Nanosecond) // the next has its own time
		s.logged("a hook failed", 1)
	})
}

// What the machine has no room for is tried again, more and more seldom, and not for
// ever.
func TestCannotBegin(t *testing.T) {
	for _, err := range []error{syscall.EMFILE, syscall.ENFILE, syscall.EAGAIN, syscall.ENOMEM, syscall.ENOSPC, syscall.EBADF} {
		t.Run(err.Error(), func(t *testing.T) {
			play(t, func(s *scene) {
				var at []time.Duration
				room, begin := time.Minute, time.Now()
				sh := shell(func(ctx context.Context, _ engine.Launch, line string) (string, task.Exit, error) {
					if end, ok := ctx.Deadline(); !ok || time.Until(end) != hooks.Timeout {
						s.Errorf("a try has until %v", end)
					}
					at = append(at, time.Since(begin))
					if time.Since(begin) < room {
						return "", task.Exit{}, fmt.Errorf("cannot fork: %w", err)
					}
					return "", task.Exit{}, nil
				})
				s.after("a", sh, "x")
				time.Sleep(time.Hour)
				s.logged("a hook cannot begin", 1)
				s.logged("a hook failed", 0)
				const ms = time.Millisecond
				if want := []time.Duration{0, 100 * ms, 300 * ms, 700 * ms, 1500 * ms, 3100 * ms, 6300 * ms, 11300 * ms, 16300 * ms}; len(at) != 18 || !slices.Equal(at[:len(want)], want) {
					s.Errorf("tries at %v", at)
				}

				at, room, begin = nil, 2*time.Hour, time.Now()
				s.after("b", sh, "x")
				time.Sleep(time.Hour)
				s.logged("a hook cannot begin", 2)
				s.logged("given up: cannot fork", 1)
				if last := at[len(at)-1]; last < 5*time.Minute || last > 5*time.Minute+5*time.Second {
					s.Errorf("the last try was after %v", last)
				}

				s.after("c", sh, "x", "next")
				synctest.Wait()
				s.closes(10 * time.Second)
				s.logged("given up as the supervisor ends: cannot fork", 1)
				s.logged("a hook was not run: the supervisor has ended\" task=c hook=next", 1)
			})
		})
	}
}

func TestAtOnce(t *testing.T) {
	play(t, func(s *scene) {
		s.fake.HoldExec(true)
		for i := range 30 {
			s.after(fmt.Sprint("t", i), s.fake, "x")
		}
		s.takeCalls(8)
		for range 22 {
			s.end(task.Exit{})
			s.takeCalls(8)
		}
		for i := range 8 {
			s.end(task.Exit{})
			s.takeCalls(7 - i)
		}
		s.closes(0)
		s.logged("hook", 0)
	})
}

// A shell that hangs holds up a bounded number of runs, the newest ones, and no goroutine waits.
func TestTooManyWait(t *testing.T) {
	play(t, func(s *scene) {
		s.fake.HoldExec(true)
		before := runtime.NumGoroutine()
		run := func(name string, run int) {
			s.runner.Run(s.fake, engine.Launch{Spec: &task.Spec{Name: name}, Run: run}, []string{"x"})
		}
		for i := range 100 {
			run("a", i)
		}
		run("b", 0)
		s.takeCalls(8)
		if n := runtime.NumGoroutine() - before; n > 20 {
			s.Errorf("%d goroutines", n)
		}
		var got []string
		for len(s.live) > 0 {
			got = append(got, fmt.Sprint(s.live[0].Launch.Spec.Name, s.live[0].Launch.Run))
			s.end(task.Exit{})
			s.takeCalls(min(8, 19-len(got)))
		}
		want := "a0 a1 a2 a3 a4 a5 a6 a7 a90 a91 a92 a93 a94 a95 a96 a97 a98 a99 b0"
		slices.Sort(got[:8]) // they began at the same time
		if strings.Join(got, " ") != want {
			s.Errorf("run: %s", got)
		}
		s.logged("hooks were not run", 1)
		s.logged("task=a before=90 runs=82", 1)
		if got, want := s.failed.String(), "a 90: hooks of 82 runs before this one were not run: too many waited for their turn"; got != want {
			s.Errorf("reported: %s", got)
		}
		for i := range 8 + 10_000 + 3 {
			run(fmt.Sprint("t", i), 0)
		}
		s.takeCalls(8)
		s.end(task.Exit{})
		s.takeCalls(8)
		if last := s.live[7].Launch.Spec.Name; last != "t11" {
			s.Errorf("after t7: %s", last)
		}
		s.logged("task=t11 before=0 runs=3", 1)
	})
}

func TestCloseWaits(t *testing.T) {
	play(t, func(s *scene) {
		s.fake.HoldExec(true)
		s.after("a", s.fake, "1", "2")
		s.takeCalls(1)
		go func() {
			time.Sleep(3 * time.Second)
			s.end(task.Exit{})
			s.takeCalls(1) // also what is still to follow
			time.Sleep(2 * time.Second)
			s.end(task.Exit{})
		}()
		s.closes(5 * time.Second)
		s.logged("hook", 0)
	})
}

// A caller waits until no line runs, then starts few new ones: the lines of the wait have
// had their time, the new ones have theirs.
func TestWaitThenClose(t *testing.T) {
	for _, tt := range []struct {
		name              string
		first, also, late time.Duration // what lines take: before Wait, from 3 s on, after it; 0: there is none
		wait, close       time.Duration
	}{
		{"nothing", 0, 0, 0, 0, 0},
		{"brief", 4 * time.Second, 0, 0, 4 * time.Second, 0},
		{"another meanwhile", 4 * time.Second, 5 * time.Second, 0, 8 * time.Second, 0},
		{"too long", time.Hour, 0, 0, 10 * time.Second, 0},
		{"a later one too long", 4 * time.Second, time.Hour, 0, 10 * time.Second, 3 * time.Second},
		{"one after it", 4 * time.Second, 0, 2 * time.Second, 4 * time.Second, 2 * time.Second},
		{"one after it too long", 4 * time.Second, 0, time.Hour, 4 * time.Second, 10 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			play(t, func(s *scene) {
				after := func(name string, takes time.Duration) {
					if takes == 0 {
						return
					}
					s.runner.Run(shell(func(ctx context.Context, _ engine.Launch, _ string) (string, task.Exit, error) {
						select {
						case <-time.After(takes):
						case <-ctx.Done():
						}
						return "", task.Exit{}, ctx.Err()
					}), engine.Launch{Spec: &task.Spec{Name: name}, Run: 7}, []string{"x"})
				}
				after("first", tt.first)
				if tt.also > 0 {
					time.AfterFunc(3*time.Second, func() { after("also", tt.also) })
				}
				begin := time.Now()
				s.runner.Wait()
				if took := time.Since(begin); took != tt.wait {
					s.Errorf("Wait took %v; want %v", took, tt.wait)
				}
				after("late", tt.late)
				s.closes(tt.close)
				killed := 0
				for _, takes := range []time.Duration{tt.first, tt.also, tt.late} {
					if takes == time.Hour {
						killed++
					}
				}
				s.logged("a hook failed", killed)
			})
		})
	}
}

func TestCloseKills(t *testing.T) {
	play(t, func(s *scene) {
		s.fake.HoldExec(true)
		for i := range 10 {
			s.after(fmt.Sprint("t", i), s.fake, "1", "2")
		}
		s.takeCalls(8)
		s.closes(10 * time.Second)
		s.takeCalls(8) // none has begun
		s.logged("a hook failed", 8)
		s.logged("err=\"context canceled\"", 8)
		s.logged("a hook was not run: the supervisor has ended", 12)
		s.after("late", s.fake, "1")
		s.logged("a hook was not run: the supervisor has ended\" task=late hook=1", 1)
		s.closes(0)
	})
}
