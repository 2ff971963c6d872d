package supervisor_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"tasks/internal/enginetest"
	"tasks/pkg/engine"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

func TestAcknowledgedIsDurable(t *testing.T) {
	st := newMemory()
	faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		r := start(t, s, f, web(restarts(task.RestartOnFailure)))
		if got := st.record("web"); got.State != task.Running || got.Desired != task.DesiredRunning || got.Ref != r.Ref() || len(got.Runs) != 1 {
			t.Errorf("after Start: %+v", got)
		}
		s.Restart(t.Context(), "web")
		if got := st.record("web"); got.State != task.Running || got.Ref != f.Next(t).Ref() || len(got.Runs) != 2 {
			t.Errorf("after Restart: %+v", got)
		}
		s.Stop(t.Context(), "web")
		if got := st.record("web"); got.State != task.Stopped || got.Desired != task.DesiredStopped || got.Ref != (task.Ref{}) || got.Shutdown {
			t.Errorf("after Stop: %+v", got)
		}
		s.Remove(t.Context(), "web")
		if len(st.all()) != 0 {
			t.Error("after Remove it is still recorded")
		}
	})
}

// What is shown to run is recorded: but for a job that has waited for its slot, which
// may be over soon.
func TestShownIsDurable(t *testing.T) {
	t.Run("a run by its policy", func(t *testing.T) {
		st := newMemory()
		faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
			start(t, s, f, web(restarts(task.RestartAlways), in("g"))).Exit(task.Exit{Code: 3}, false)
			r := f.Next(t)
			synctest.Wait()
			if got := st.record("web"); got.State != task.Running || got.Ref != r.Ref() {
				t.Errorf("recorded as %+v", got)
			}
		})
	})
	t.Run("a job from the queue", func(t *testing.T) {
		st := newMemory()
		faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
			setSlots(t, s, "g", 1)
			first := start(t, s, f, job("first", in("g")))
			startTask(t, s, job("brief", in("g")))
			startTask(t, s, job("long", in("g")))
			first.Exit(task.Exit{}, false)
			brief := f.Next(t)
			time.Sleep(19 * time.Millisecond)
			saves := st.count()
			brief.Exit(task.Exit{}, false)
			long := f.Next(t)
			time.Sleep(19 * time.Millisecond)
			if n, got := st.count()-saves, st.record("brief"); n != 1 || got.State != task.Done {
				t.Errorf("%d saves for what was over soon, recorded as %+v", n, got)
			}
			time.Sleep(2 * time.Millisecond)
			if got := st.record("long"); got.State != task.Running || got.Ref != long.Ref() {
				t.Errorf("recorded as %+v", got)
			}
		})
	})
}

// record is what a supervisor left behind that had one run of web.
func record(state task.State, desired task.Desired, change ...func(*task.Record)) task.Record {
	r := task.Record{
		Spec: web(), Engine: task.EngineProcess, State: state, Desired: desired,
		Runs: []task.Run{{Run: 7, StartedAt: task.Now()}},
	}
	if state.Ended() || state == task.BackingOff {
		r.Reason = "exit code 5"
		r.Runs[0].State, r.Runs[0].EndedAt, r.Runs[0].ExitCode, r.Runs[0].Reason = task.Failed, task.Now(), new(5), r.Reason
	} else {
		r.Ref, r.Runs[0].PID = task.Ref{PID: 4711, Start: 1, Boot: "other"}, 4711
	}
	for _, c := range change {
		c(&r)
	}
	return r
}

func TestLoad(t *testing.T) {
	again := func(r *task.Record) { r.Spec.Restart = task.RestartOnFailure }
	shutdown := func(r *task.Record) { r.Shutdown = true }
	const lost = "the supervisor ended without it"
	for _, tt := range []struct {
		name   string
		record task.Record
		want   task.State
		reason string
		run    int

		restarts int
	}{
		{"ended", record(task.Failed, task.DesiredRunning), task.Failed, "exit code 5", 7, 0},
		{"ended, policy", record(task.Failed, task.DesiredRunning, again), task.Failed, "exit code 5", 7, 0},
		{"stopped", record(task.Stopped, task.DesiredStopped, again), task.Stopped, "exit code 5", 7, 0},
		{"shut down", record(task.Stopped, task.DesiredRunning, again, shutdown), task.Running, "", 8, 0},
		{"shut down, no policy", record(task.Stopped, task.DesiredRunning, shutdown), task.Stopped, "exit code 5", 7, 0},
		{"shut down, desired stopped", record(task.Stopped, task.DesiredStopped, again, shutdown), task.Stopped, "exit code 5", 7, 0},
		{"backoff", record(task.BackingOff, task.DesiredRunning, again), task.Running, "", 8, 1},
		{"live", record(task.Running, task.DesiredRunning), task.Lost, lost, 7, 0},
		{"live, policy", record(task.Running, task.DesiredRunning, again), task.Running, "", 8, 0},
		{"live, desired stopped", record(task.Stopping, task.DesiredStopped, again), task.Lost, lost, 7, 0},
		{"second half of a restart", record(task.Starting, task.DesiredRunning, func(r *task.Record) { r.Ref = task.Ref{} }), task.Running, "", 8, 0},
		{"live, no run", record(task.Running, task.DesiredStopped, func(r *task.Record) { r.Runs = nil }), task.Lost, "", 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			st := newMemory()
			faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
				s.Load(t.Context(), []task.Record{tt.record})
				got := expect(t, s, "web", tt.want, tt.reason)
				if got.Run != tt.run {
					t.Errorf("run %d; want %d", got.Run, tt.run)
				}
				if tt.want == task.Lost && tt.run > 0 && (got.ExitCode != nil || got.Runs[0].State != task.Lost || got.Runs[0].Reason != tt.reason || st.record("web").State != task.Lost) {
					t.Errorf("lost: %+v, recorded %+v", got, st.record("web"))
				}
				if tt.want == task.Running && (st.record("web").State != task.Running || got.Restarts != tt.restarts) {
					t.Errorf("started again: %+v, recorded %+v", got, st.record("web"))
				}
				if tt.want.Ended() { // it is a task like any other
					if got, err := s.Start(t.Context(), task.Spec{Name: "web"}); err != nil || got.Run != tt.run+1 {
						t.Errorf("Start again: %+v, %v", got, err)
					}
				}
			})
		})
	}
}

// A supervisor that dies before what it starts again is recorded leaves the record
// from which the next one does the same.
func TestADeathBeforeItIsUpAgain(t *testing.T) {
	always := func(r *task.Record) { r.Spec.Restart = task.RestartAlways }
	every := func(r *task.Record) { r.Spec.Every = new(task.Duration(time.Hour)) }
	due := task.Time{Time: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)} // as the bubble begins
	for name, r := range map[string]task.Record{
		"live":                     record(task.Running, task.DesiredRunning, always),
		"backoff":                  record(task.BackingOff, task.DesiredRunning, always),
		"shut down":                record(task.Stopped, task.DesiredRunning, always, func(r *task.Record) { r.Shutdown = true }),
		"second half of a restart": record(task.Starting, task.DesiredRunning, func(r *task.Record) { r.Ref = task.Ref{} }),
		"half of a restart":        record(task.Stopping, task.DesiredRunning),
		"a schedule":               record(task.Running, task.DesiredRunning, every, func(r *task.Record) { r.NextAt = due }),
	} {
		t.Run(name, func(t *testing.T) {
			st := newMemory()
			st.Save(r)
			faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
				f.Hold(true)
				started := s.Load(t.Context(), st.all()) // waits for no start, however long one takes
				run := f.Next(t)
				synctest.Wait()
				if got := st.record("web"); !reflect.DeepEqual(got, r) {
					t.Errorf("recorded as %s before it is up: %+v", got.State, got)
				}
				select {
				case <-started:
					t.Error("started before it is up")
				default:
				}
				run.Begin()
				<-started
				synctest.Wait()
				time.Sleep(time.Second)
				if got := st.record("web"); got.State != task.Running || got.Runs[len(got.Runs)-1].Run != 8 {
					t.Errorf("recorded as %+v once it is up", got)
				}
			})
		})
	}
}

func TestLoadTakesRunsBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := enginetest.NewFake()
		live := func(name string, desired task.Desired) (*enginetest.FakeRun, task.Record) {
			spec := task.Spec{Name: name, Command: []string{"x"}, Timeout: new(task.Duration(time.Hour))}
			if _, err := f.Start(t.Context(), engine.Launch{Spec: &spec, Run: 7}); err != nil {
				t.Fatal(err)
			}
			r := f.Next(t)
			return r, record(task.Running, desired, func(rec *task.Record) { rec.Spec, rec.Ref = spec, r.Ref() })
		}
		up, upRecord := live("up", task.DesiredRunning)
		down, downRecord := live("down", task.DesiredStopped)
		time.Sleep(40 * time.Minute) // while nobody supervised

		st := newMemory()
		st.failing(func(r *task.Record) error {
			if r.State == task.Running {
				return errDisk // must not cost a run its life
			}
			return nil
		})
		s := supervisor.New(supervisor.Options{Commands: f.Adopter(), Store: st})
		s.Load(t.Context(), []task.Record{downRecord, upRecord})
		expect(t, s, "down", task.Stopped, "stopped")
		if sig := <-down.Stops(); sig != syscall.SIGTERM {
			t.Errorf("down got %v", sig)
		}
		if got := expect(t, s, "up", task.Running, ""); got.Run != 7 || got.PID != up.Ref().PID || f.Starts() != 2 {
			t.Errorf("taken back: %+v", got)
		}
		begin := time.Now()
		<-up.Stops() // its timeout counts from its beginning
		if time.Since(begin) != 20*time.Minute {
			t.Errorf("timed out %s after it was taken back", time.Since(begin))
		}
		expect(t, s, "up", task.Failed, "timed out after 1h0m0s")
		s.Close(t.Context())
	})
}

func TestLoadOfAFunction(t *testing.T) {
	fn := func(state task.State) task.Record {
		return record(state, task.DesiredRunning, func(r *task.Record) {
			r.Spec, r.Engine, r.Ref = task.Spec{Name: "heart", Restart: task.RestartAlways}, task.EngineFunc, task.Ref{}
		})
	}
	t.Run("builtin", func(t *testing.T) {
		bubble(t, supervisor.Options{Builtin: untilStop}, func(t *testing.T, s *supervisor.Supervisor) {
			s.Load(t.Context(), []task.Record{fn(task.Running)})
			if got := expect(t, s, "heart", task.Running, ""); got.Engine != task.EngineFunc || got.Run != 8 {
				t.Errorf("%+v", got)
			}
		})
	})
	t.Run("unknown", func(t *testing.T) {
		faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, _ *enginetest.Fake) {
			s.Load(t.Context(), []task.Record{fn(task.Running)})
			if got := expect(t, s, "heart", task.Lost, "the supervisor ended without it"); got.Engine != task.EngineFunc {
				t.Errorf("%+v", got)
			}
			_, err := s.Restart(t.Context(), "heart")
			expectError(t, err, task.ErrUsage, "no command for the task heart")
			if err := s.Go("heart", untilStop); err != nil {
				t.Error(err)
			}
		})
	})
}

func TestCloseKeepsWishesAndStopAllTakesThemBack(t *testing.T) {
	for _, stopAll := range []bool{false, true} {
		t.Run(fmt.Sprint(stopAll), func(t *testing.T) {
			st := newMemory()
			faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
				policy := restarts(task.RestartAlways)
				start(t, s, f, web(policy))
				start(t, s, f, web(policy, func(s *task.Spec) { s.Name = "pausing" })).Exit(task.Exit{Code: 1}, false)
				start(t, s, f, web(func(s *task.Spec) { s.Name = "over" })).Exit(task.Exit{}, false)
				synctest.Wait()
				reason, desired := "supervisor was shut down", task.DesiredRunning
				if stopAll {
					reason, desired = "stopped", task.DesiredStopped
					got, err := s.StopAll(t.Context(), supervisor.End{})
					if err != nil || names(got) != "over:done pausing:stopped web:stopped" {
						t.Errorf("StopAll: %s, %v", names(got), err)
					}
				} else if err := s.Close(t.Context()); err != nil {
					t.Errorf("Close: %v", err)
				}
				for _, name := range []string{"web", "pausing"} {
					expect(t, s, name, task.Stopped, reason)
					if got := st.record(name); got.Desired != desired || got.Shutdown == stopAll {
						t.Errorf("record: %+v", got)
					}
				}
				expect(t, s, "over", task.Done, "")
				_, err := s.Start(t.Context(), task.Spec{Name: "new", Command: []string{"x"}})
				expectError(t, err, task.ErrUnavailable, "the supervisor is shutting down")
				_, err = s.Restart(t.Context(), "web")
				expectError(t, err, task.ErrUnavailable, "the supervisor is shutting down")
				if err := s.Close(t.Context()); err != nil {
					t.Errorf("Close again: %v", err)
				}
			})
		})
	}
}

func TestStopAllCapsTheGrace(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		f.AutoStop(false)
		long := start(t, s, f, web())
		short := start(t, s, f, web(func(s *task.Spec) { s.Name, s.StopTimeout = "short", new(task.Duration(time.Second)) }))
		begin := time.Now()
		done := make(chan error, 1)
		go func() {
			_, err := s.StopAll(t.Context(), supervisor.End{Grace: new(3 * time.Second)})
			done <- err
		}()
		for _, r := range []*enginetest.FakeRun{short, long} {
			<-r.Stops()
			if sig := <-r.Stops(); sig != syscall.SIGKILL {
				t.Errorf("got %v", sig)
			}
			r.Exit(task.Exit{Signal: syscall.SIGKILL}, false)
			want := time.Second
			if r == long {
				want = 3 * time.Second
			}
			if time.Since(begin) != want {
				t.Errorf("%s killed after %s", r.Launch.Spec.Name, time.Since(begin))
			}
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// A store that hangs holds up its own task, and nobody who reads.
func TestSlowStore(t *testing.T) {
	st := newMemory()
	faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		st.failing(func(r *task.Record) error {
			if r != nil && r.Spec.Name == "web" {
				time.Sleep(time.Minute)
			}
			return nil
		})
		spec := web()
		call := s.Submit(supervisor.Start(spec))
		synctest.Wait()
		if answered(call) {
			t.Error("answered before it was saved")
		}
		expect(t, s, "web", task.Starting, "")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		expectError(t, s.Close(ctx), task.ErrTimeout, "did not end: web")
		_, err := call.Wait(t.Context())
		if err != nil {
			t.Errorf("Start: %v", err)
		}
	})
}

// frozen is an engine whose runs have processes that nothing ends.
type frozen struct{ engine.Engine }

type frozenRun struct{ engine.Process }

func (e frozen) Start(ctx context.Context, l engine.Launch) (engine.Process, error) {
	p, err := e.Engine.Start(ctx, l)
	return frozenRun{p}, err
}

func (frozenRun) Tree() ([]task.Proc, error) { return nil, errors.New("no") }

func (frozenRun) Remaining() (left []task.Proc) {
	for pid := 1; pid <= 7; pid++ {
		left = append(left, task.Proc{PID: pid, Command: []string{"a b"}, Blocked: pid == 2})
	}
	return left
}

func TestWhatIsLeftIsNamed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := enginetest.NewFake()
		s := supervisor.New(supervisor.Options{Commands: frozen{f}})
		r := start(t, s, f, web())
		r.AutoStop(false)
		begin := time.Now()
		_, err := s.Stop(t.Context(), "web")
		expectError(t, err, task.ErrTimeout, "Task web did not end: still there after KILL: "+
			"1 a b, 2 a b (in uninterruptible sleep), 3 a b, 4 a b, 5 a b, 2 more")
		within(t, "the stop", time.Since(begin), 12*time.Second, 12*time.Second)
		r.Exit(task.Exit{Signal: syscall.SIGKILL}, false)
		expect(t, s, "web", task.Stopped, "stopped; killed")
		s.Close(t.Context())
	})
}
