package supervisor_test

import (
	"testing"
	"testing/synctest"
	"time"

	"tasks/internal/enginetest"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// Times that come while there is no supervisor: one run, which says so.
func TestLoadOfTimes(t *testing.T) {
	hourly := task.When{Every: new(task.Duration(time.Hour))}
	once := task.When{Delay: new(task.Duration(time.Hour))}
	daily := task.When{Cron: "CRON_TZ=UTC 0 1 * * *"}
	for _, tt := range []struct {
		name   string
		when   task.When
		next   time.Duration // as recorded, from now
		begins time.Duration // from now
		reason string
		then   time.Duration // to the run after that; 0: none
	}{
		{"to come", hourly, 20 * time.Minute, 20 * time.Minute, "", time.Hour},
		{"just now", hourly, -time.Second, 0, "", time.Hour - time.Second},
		{"missed", hourly, -10 * time.Minute, 0, "once for 1 missed time", 50 * time.Minute},
		{"missed many", hourly, -250 * time.Minute, 0, "once for 5 missed times", 50 * time.Minute},
		{"delay to come", once, time.Minute, time.Minute, "", 0},
		{"delay missed", once, -time.Minute, 0, "once for 1 missed time", 0},
		{"cron to come", daily, time.Hour, time.Hour, "", 24 * time.Hour},
		{"cron missed", daily, -47 * time.Hour, 0, "once for 2 missed times", time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			reborn(t, func(t *testing.T, l *lives) {
				l.Load(t.Context(), []task.Record{{
					Spec: task.Spec{Name: "a", Command: []string{"a"}, When: tt.when}, Engine: task.EngineProcess,
					State: task.Waiting, Desired: task.DesiredRunning, NextAt: task.Time{Time: task.Now().Add(tt.next)},
				}})
				if tt.begins > 0 {
					expect(t, l.Supervisor, "a", task.Waiting, "")
					due(t, l.Supervisor, "a", tt.begins)
				}
				r := runs(t, l.fake, tt.begins)
				expect(t, l.Supervisor, "a", task.Running, tt.reason)
				r.Exit(task.Exit{}, false)
				if tt.then == 0 {
					expect(t, l.Supervisor, "a", task.Done, "")
					return
				}
				expect(t, l.Supervisor, "a", task.Waiting, "")
				due(t, l.Supervisor, "a", tt.then)
				runs(t, l.fake, tt.then)
				expect(t, l.Supervisor, "a", task.Running, "")
			})
		})
	}
}

// A schedule continues however the supervisor ends, and whatever its run did then.
func TestScheduleOverAnEnd(t *testing.T) {
	for _, tt := range []struct {
		name  string
		end   func(*lives) error
		state task.State // an hour after
		runs  int
	}{
		{"shut down", (*lives).close, task.Waiting, 0},
		{"left", (*lives).leave, task.Running, 0},
		{"restarting", func(l *lives) error { // as a death in the middle of one leaves it
			l.st.failing(func(r *task.Record) error {
				if r != nil && r.State != task.Stopping {
					return errDisk
				}
				return nil
			})
			l.Restart(l.t.Context(), "a")
			l.Close(l.t.Context())
			l.st.failing(nil)
			l.fake.Next(l.t)
			return nil
		}, task.Running, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, restart := range []task.Restart{task.RestartNo, task.RestartOnFailure} {
				t.Run(string(restart), func(t *testing.T) {
					reborn(t, func(t *testing.T, l *lives) {
						r := start(t, l.Supervisor, l.fake, job("a", every(6*time.Hour), restarts(restart)))
						l.again(func() error { return tt.end(l) }, time.Hour)
						state, n := tt.state, tt.runs
						if restart == task.RestartOnFailure && state == task.Waiting {
							state, n = task.Running, 1 // its turn is not over
						}
						reason := ""
						if state == task.Waiting {
							reason = "supervisor was shut down"
						}
						expect(t, l.Supervisor, "a", state, reason)
						due(t, l.Supervisor, "a", 5*time.Hour)
						for range n {
							r = next(t, l.fake)
						}
						quiet(t, l.fake)
						r.Exit(task.Exit{}, false)
						synctest.Wait()
						due(t, l.Supervisor, "a", 5*time.Hour)
						runs(t, l.fake, 5*time.Hour)
					})
				})
			}
		})
	}
}

// A turn that waited for a slot, or for others, is not lost.
func TestTurnsThatWaitOverAnEnd(t *testing.T) {
	reborn(t, func(t *testing.T, l *lives) {
		setSlots(t, l.Supervisor, "g", 0)
		dep := start(t, l.Supervisor, l.fake, job("dep"))
		startTask(t, l.Supervisor, job("slot", every(6*time.Hour), in("g")))
		startTask(t, l.Supervisor, job("order", every(6*time.Hour), after("dep")))
		startTask(t, l.Supervisor, job("both", delayed(time.Minute), every(6*time.Hour), after("dep"), in("g")))
		startTask(t, l.Supervisor, job("time", delayed(6*time.Hour), every(6*time.Hour), after("dep"), in("g")))
		time.Sleep(10 * time.Minute)
		for range 2 {
			l.again(l.leave, time.Hour)
			expect(t, l.Supervisor, "slot", task.Queued, "waits for a slot of g")
			expect(t, l.Supervisor, "order", task.Waiting, "waits for dep")
			expect(t, l.Supervisor, "both", task.Waiting, "waits for dep")
			expect(t, l.Supervisor, "time", task.Waiting, "")
		}
		due(t, l.Supervisor, "slot", 230*time.Minute)
		due(t, l.Supervisor, "order", 230*time.Minute)
		due(t, l.Supervisor, "both", 231*time.Minute)
		due(t, l.Supervisor, "time", 230*time.Minute)
		dep.Exit(task.Exit{}, false)
		if r := next(t, l.fake); r.Launch.Spec.Name != "order" {
			t.Errorf("%s began", r.Launch.Spec.Name)
		}
		expect(t, l.Supervisor, "both", task.Queued, "waits for a slot of g")
		setSlots(t, l.Supervisor, "g", 1)
		if r := next(t, l.fake); r.Launch.Spec.Name != "slot" {
			t.Errorf("%s began", r.Launch.Spec.Name)
		}
	})
}

// A time that comes for a run that outlived its supervisor is one of overlap.
func TestTimesOfARunThatIsTakenBack(t *testing.T) {
	for overlap, reason := range map[task.Overlap]string{task.OverlapSkip: "", task.OverlapQueue: "", task.OverlapReplace: "its next time has come"} {
		t.Run(string(overlap), func(t *testing.T) {
			reborn(t, func(t *testing.T, l *lives) {
				r := start(t, l.Supervisor, l.fake, job("a", every(time.Hour), overlaps(overlap)))
				r.AutoStop(false)
				l.again(l.leave, 150*time.Minute)
				state := task.Running
				if reason != "" {
					state = task.Stopping
				}
				expect(t, l.Supervisor, "a", state, reason)
				due(t, l.Supervisor, "a", 30*time.Minute)
				quiet(t, l.fake)
				r.Exit(task.Exit{}, false)
				if overlap == task.OverlapSkip {
					expect(t, l.Supervisor, "a", task.Waiting, "")
					runs(t, l.fake, 30*time.Minute)
					return
				}
				next(t, l.fake)
				expect(t, l.Supervisor, "a", task.Running, "")
				quiet(t, l.fake)
			})
		})
	}
}

// A function of an earlier program cannot continue: it waits for nothing.
func TestLoadOfAFunctionThatWaited(t *testing.T) {
	reborn(t, func(t *testing.T, l *lives) {
		if err := l.GoSpec(job("f", delayed(time.Hour)), untilStop); err != nil {
			t.Fatal(err)
		}
		l.again(l.close, time.Minute)
		expect(t, l.Supervisor, "f", task.Lost, "")
		time.Sleep(2 * time.Hour)
		expect(t, l.Supervisor, "f", task.Lost, "")
		if err := l.GoSpec(job("f"), untilStop); err != nil {
			t.Error(err)
		}
	})
}

// Load lets waiting tasks continue while their supervisor is closing already.
func TestCloseBesideLoad(t *testing.T) {
	reborn(t, func(t *testing.T, l *lives) {
		setSlots(t, l.Supervisor, "g", 0)
		for _, name := range []string{"a", "b", "c", "d"} {
			startTask(t, l.Supervisor, job(name, in("g")))
		}
		if err := l.leave(); err != nil {
			t.Fatal(err)
		}
		for range 50 {
			s := supervisor.New(l.o)
			done := make(chan error, 1)
			go func() { done <- s.Close(t.Context()) }()
			s.Load(t.Context(), l.st.all(), l.st.allGroups()...)
			if err := <-done; err != nil {
				t.Errorf("Close: %v", err)
			}
			setSlots(t, s, "g", -1)
			quiet(t, l.fake)
			setSlots(t, s, "g", 0)
			if err := s.Close(t.Context()); err != nil { // closes the tasks that Load brought later
				t.Errorf("Close: %v", err)
			}
		}
	})
}

// slowDisk takes its time to save the task slow.
type slowDisk struct{ *memory }

func (d slowDisk) Save(r task.Record) error {
	if r.Spec.Name == "slow" {
		time.Sleep(3 * time.Second)
	}
	return d.memory.Save(r)
}

// A time that comes while a supervisor still takes up what was before is not lost.
func TestTimesDuringLoad(t *testing.T) {
	for name, when := range map[string]task.When{
		"at":    {At: "2000-01-01T00:00:01Z"},
		"delay": {Delay: new(task.Duration(time.Second))},
		"every": {Every: new(task.Duration(time.Hour))},
	} {
		t.Run(name, func(t *testing.T) {
			faked(t, supervisor.Options{Store: slowDisk{newMemory()}}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
				waits := job("a")
				waits.When = when
				s.Load(t.Context(), []task.Record{
					{Spec: job("slow"), Engine: task.EngineProcess, State: task.Running, Desired: task.DesiredRunning}, // lost
					{Spec: waits, Engine: task.EngineProcess, State: task.Waiting, Desired: task.DesiredRunning, Fresh: true, NextAt: task.Time{Time: time.Now().Add(time.Second).UTC()}},
				})
				if r := next(t, f); r.Launch.Spec.Name != "a" || r.Launch.Run != 1 {
					t.Errorf("%+v", r.Launch)
				}
				expect(t, s, "a", task.Running, "")
			})
		})
	}
}
