package supervisor_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"tasks/internal/enginetest"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

func edit(t *testing.T, s *supervisor.Supervisor, name string, change func(*task.Spec)) task.Info {
	t.Helper()
	info, err := s.Submit(supervisor.Edit(name, func(spec *task.Spec) error { change(spec); return nil })).Wait(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// launched is the commands of the next runs, which end at once.
func launched(t *testing.T, f *enginetest.Fake, n int) (commands []string) {
	t.Helper()
	for range n {
		r := f.Next(t)
		commands = append(commands, fmt.Sprint(r.Launch.Spec.Name, " ", r.Launch.Spec.Command[0]))
		r.Exit(task.Exit{}, false)
	}
	return commands
}

// In the queue an edited task keeps its place, in another group as well, and goes
// by its new priority.
func TestEditInTheQueue(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*task.Spec)
		want   string
	}{
		{"command", func(s *task.Spec) { s.Command = []string{"new"} }, "[j1 c j2 new j3 c]"},
		{"first", func(s *task.Spec) { s.Priority = 1 }, "[j2 c j1 c j3 c]"},
		{"last", func(s *task.Spec) { s.Priority = -1 }, "[j1 c j3 c j2 c]"},
		{"after another", func(s *task.Spec) { s.After = []string{"j3"} }, "[j1 c j3 c j2 c]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
				setSlots(t, s, "g", 0)
				for _, name := range []string{"j1", "j2", "j3"} {
					startTask(t, s, job(name, in("g"), executes("c")))
				}
				edit(t, s, "j2", tt.change)
				setSlots(t, s, "g", 1)
				if got := fmt.Sprint(launched(t, f, 3)); got != tt.want {
					t.Errorf("%s, want %s", got, tt.want)
				}
			})
		})
	}
	t.Run("group", func(t *testing.T) {
		faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
			setSlots(t, s, "g", 0)
			setSlots(t, s, "h", 0)
			for _, name := range []string{"a", "b", "c", "d"} {
				group := "h"
				if name == "b" || name == "d" {
					group = "g"
				}
				startTask(t, s, job(name, in(group), executes("x")))
			}
			if info := edit(t, s, "b", in("h")); info.Group != "h" || info.Reason != "waits for a slot of h" {
				t.Errorf("%+v", info)
			}
			if edit(t, s, "d", in("")); fmt.Sprint(launched(t, f, 1)) != "[d x]" { // out of all queues
				t.Error("d did not begin")
			}
			setSlots(t, s, "h", 1)
			if got := fmt.Sprint(launched(t, f, 3)); got != "[a x b x c x]" {
				t.Error(got)
			}
		})
	})
}

func executes(command string) func(*task.Spec) {
	return func(s *task.Spec) { s.Command = []string{command} }
}

// A run ends as it has begun: the next one is as it was edited to. The slot of the old group
// is given back.
func TestEditOfARun(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		setSlots(t, s, "g", 1)
		start(t, s, f, job("a", in("g"), executes("old"))).AutoStop(true)
		startTask(t, s, job("b", in("g")))
		info := edit(t, s, "a", func(s *task.Spec) {
			s.Command, s.Group, s.Timeout = []string{"new"}, "", new(task.Duration(time.Second))
		})
		if info.Edited == nil || info.Edited.Command[0] != "new" || info.Command[0] != "old" || info.Group != "g" || info.State != task.Running {
			t.Errorf("%+v", info)
		}
		if info = edit(t, s, "a", func(s *task.Spec) { s.Priority = 3 }); info.Edited.Priority != 3 || info.Edited.Command[0] != "new" {
			t.Errorf("the second edit: %+v", info.Edited)
		}
		time.Sleep(time.Minute) // no timeout yet
		if info, err := s.Restart(t.Context(), "a"); err != nil || info.Edited != nil || info.Command[0] != "new" || info.Group != "" || info.Slot != 0 {
			t.Errorf("%+v, %v", info, err)
		}
		for range 2 {
			if r := f.Next(t); r.Launch.Spec.Name == "b" && r.Launch.Slot != 1 {
				t.Errorf("b has slot %d", r.Launch.Slot)
			}
		}
		// back to what it is: nothing is left to change
		edit(t, s, "b", func(s *task.Spec) { s.Priority = 9 })
		if info := edit(t, s, "b", func(s *task.Spec) { s.Priority = 0 }); info.Edited != nil {
			t.Errorf("%+v", info.Edited)
		}
	})
}

// What is edited outlives the supervisor, also where the run that it waited for does not.
func TestEditOverADeath(t *testing.T) {
	for _, alive := range []bool{true, false} {
		t.Run(fmt.Sprint(alive), func(t *testing.T) {
			reborn(t, func(t *testing.T, l *lives) {
				run := start(t, l.Supervisor, l.fake, job("run", executes("old"), restarts(task.RestartAlways)))
				startTask(t, l.Supervisor, job("late", executes("old"), func(s *task.Spec) { s.Delay = new(task.Duration(time.Hour)) }))
				for _, name := range []string{"run", "late"} {
					edit(t, l.Supervisor, name, executes("new"))
				}
				l.again(l.leave, 0)
				if info, err := l.Info("run"); err != nil || info.Edited == nil || info.Command[0] != "old" {
					t.Errorf("%+v, %v", info, err)
				}
				l.again(func() error {
					err := l.leave()
					if !alive {
						run.Exit(task.Exit{}, false)
						run.Vanish(0)
					}
					return err
				}, 0)
				info, err := l.Info("run")
				if err != nil || alive != (info.Edited != nil && info.Command[0] == "old") || !alive && (info.Command[0] != "new" || info.State != task.Running) {
					t.Errorf("%+v, %v", info, err)
				}
				if info, _ := l.Info("late"); info.Command[0] != "new" || info.State != task.Waiting {
					t.Errorf("%+v", info)
				}
			})
		})
	}
}

// The times of what waits are those of its new schedule, and a time that is taken away is
// not waited for.
func TestEditOfTimes(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		startTask(t, s, job("a", func(s *task.Spec) { s.Delay = new(task.Duration(time.Hour)) }))
		began := time.Now()
		info := edit(t, s, "a", func(s *task.Spec) { s.Delay = new(task.Duration(time.Minute)) })
		if got := info.NextAt.Sub(began); info.State != task.Waiting || got != time.Minute {
			t.Errorf("%s, in %v", info.State, got)
		}
		f.Next(t).Exit(task.Exit{}, false)
		start(t, s, f, job("b", func(s *task.Spec) { s.Every = new(task.Duration(time.Hour)) })).Exit(task.Exit{}, false)
		if _, err := s.WaitFor(t.Context(), []string{"b"}, supervisor.WaitOptions{Until: func(i *task.Info) bool { return i.State == task.Waiting }}); err != nil {
			t.Fatal(err)
		}
		began = time.Now()
		if info = edit(t, s, "b", func(s *task.Spec) { s.Every = new(task.Duration(2 * time.Hour)) }); info.NextAt.Sub(began) != 2*time.Hour {
			t.Errorf("%s in %v", info.State, info.NextAt.Sub(began))
		}
		if info = edit(t, s, "b", func(s *task.Spec) { s.Every = nil }); !info.NextAt.IsZero() {
			t.Errorf("%+v", info)
		}
		f.Next(t).Exit(task.Exit{}, false)
	})
}

// What cannot be edited, and leaves all as it was.
func TestEditRefused(t *testing.T) {
	t.Parallel()
	f := enginetest.NewFake()
	s := supervisor.New(supervisor.Options{Commands: f})
	defer s.Close(t.Context())
	startTask(t, s, job("a", func(s *task.Spec) { s.Delay = new(task.Duration(time.Hour)) }))
	startTask(t, s, job("b", after("a")))
	if err := s.Go("f", func(ctx context.Context) error { <-ctx.Done(); return nil }); err != nil {
		t.Fatal(err)
	}
	own := errors.New("own")
	for _, tt := range []struct {
		name   string
		change func(*task.Spec) error
		want   error
		text   string
	}{
		{"x", func(*task.Spec) error { return nil }, task.ErrNotFound, "No such task: x"},
		{"a", func(*task.Spec) error { return own }, own, "own"},
		{"a", nil, task.ErrUsage, "the change of an edit is nil"},
		{"a", func(s *task.Spec) error { panic("oh") }, nil, "cannot edit a: panic: oh"},
		{"a", func(s *task.Spec) error { s.Name = "x"; return nil }, task.ErrUsage, "cannot edit a: its name and its tasks file stay"},
		{"a", func(s *task.Spec) error { s.Command = nil; return nil }, task.ErrUsage, "cannot edit a: it needs a command"},
		{"a", func(s *task.Spec) error { s.Cwd = "x"; return nil }, task.ErrUsage, `bad directory "x": give an absolute path`},
		{"a", func(s *task.Spec) error { s.After = []string{"b"}; return nil }, task.ErrUsage, "dependency cycle: a -> b -> a"},
		{"a", func(s *task.Spec) error { s.After = []string{"y"}; return nil }, task.ErrNotFound, "cannot start a after y: No such task: y"},
		{"a", func(s *task.Spec) error { s.Delay, s.At = nil, "2001-01-01T00:00:00Z"; return nil }, task.ErrUsage, ""},
		{"a", func(s *task.Spec) error { s.ReadyPort = "80"; return nil }, task.ErrUsage, "cannot edit a: this supervisor has no readiness and health checks"},
		{"f", func(s *task.Spec) error { s.HealthCmd = "true"; return nil }, task.ErrUsage, "cannot edit f: this supervisor has no readiness and health checks"},
		{"f", func(s *task.Spec) error { s.Nice = new(5); return nil }, task.ErrUsage, "cannot edit f: it is a function: umask, nice, ulimit, stop_signal and leave_children are for commands"},
		{"f", func(s *task.Spec) error { s.StopSignal = "HUP"; return nil }, task.ErrUsage, "cannot edit f: it is a function: umask, nice, ulimit, stop_signal and leave_children are for commands"},
		{"f", func(s *task.Spec) error { s.Command = []string{"x"}; return nil }, task.ErrUsage, "cannot edit f: it is a function, without a command, directory or environment"},
	} {
		before, _ := s.Info(tt.name)
		_, err := s.Submit(supervisor.Edit(tt.name, tt.change)).Wait(t.Context())
		if tt.want != nil && !errors.Is(err, tt.want) || err == nil || tt.text != "" && err.Error() != tt.text {
			t.Errorf("%s: %v, want %v %q", tt.name, err, tt.want, tt.text)
		}
		if after, _ := s.Info(tt.name); after.State != before.State || after.Edited != nil || len(after.After) != len(before.After) || !after.NextAt.Equal(before.NextAt.Time) {
			t.Errorf("%s: %+v", tt.name, after)
		}
	}
	if info := edit(t, s, "f", func(s *task.Spec) { s.Restart = task.RestartAlways }); info.Edited == nil {
		t.Errorf("%+v", info)
	}
}

// An edit that could not be recorded is not done when it is asked for again: only once it is
// recorded.
func TestEditAgain(t *testing.T) {
	st := newMemory()
	faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		start(t, s, f, web()).AutoStop(true)
		startTask(t, s, job("late", func(s *task.Spec) { s.Delay = new(task.Duration(time.Hour)) }))
		for _, name := range []string{"web", "late"} {
			again := func() error {
				_, err := s.Submit(supervisor.Edit(name, func(s *task.Spec) error {
					s.Priority = 5
					return nil
				})).Wait(t.Context())
				return err
			}
			st.failing(func(*task.Record) error { return errDisk })
			for range 3 {
				if err := again(); !errors.Is(err, errDisk) {
					t.Errorf("%s: %v", name, err)
				}
			}
			st.failing(nil)
			if err := again(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if r := st.record(name); r.Spec.Priority != 5 && (r.Edited == nil || r.Edited.Priority != 5) {
				t.Errorf("record: %+v", r)
			}
		}
	})
}

// A schedule that waits for its next time begins nothing because it is edited to another
// interval, whether it has run since it was started or not.
func TestEditOfAnEnabledSchedule(t *testing.T) {
	hourly, hours := func(s *task.Spec) { s.Every = new(task.Duration(time.Hour)) }, func(s *task.Spec) { s.Every = new(task.Duration(2 * time.Hour)) }
	for name, wait := range map[string]func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake){
		"disabled": func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
			start(t, s, f, job("a", hourly)).Exit(task.Exit{}, false)
			s.Disable(t.Context(), "a")
		},
		"stopped": func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
			start(t, s, f, job("a", hourly)).Exit(task.Exit{}, false)
			s.Stop(t.Context(), "a")
		},
		"disabled before it ran": func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
			setSlots(t, s, "g", 0)
			startTask(t, s, job("a", hourly, in("g")))
			s.Disable(t.Context(), "a")
			setSlots(t, s, "g", 1)
		},
		"dependency failed": func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
			start(t, s, f, job("db")).Exit(task.Exit{Code: 1}, false)
			startTask(t, s, job("a", hourly, func(s *task.Spec) { s.After = []string{"db"} }))
		},
	} {
		t.Run(name, func(t *testing.T) {
			faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
				wait(t, s, f)
				synctest.Wait()
				if _, err := s.Enable(t.Context(), "a"); err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				info := edit(t, s, "a", hours)
				if in := info.NextAt.Sub(began); info.State != task.Waiting || len(info.WaitsFor) > 0 || in != 2*time.Hour {
					t.Errorf("%s in %v", info.State, in)
				}
			})
		})
	}
}
