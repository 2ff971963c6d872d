package supervisor

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tasks/internal/enginetest"
	"tasks/pkg/task"
)

// wallClock is a wall clock that can be set, beside the steady one of the bubble.
type wallClock struct{ ahead atomic.Int64 }

func (w *wallClock) now() time.Time { return time.Now().Round(0).Add(time.Duration(w.ahead.Load())) }

// set sets the clock forward, or back, and says so.
func (w *wallClock) set(s *Supervisor, by time.Duration) {
	w.ahead.Add(int64(by))
	s.ClockSet(by)
	synctest.Wait()
}

// sleep is what a machine does that sleeps: the steady clock stands still.
func (w *wallClock) sleep(s *Supervisor, for_ time.Duration) {
	w.ahead.Add(int64(for_))
	s.ClockSet(0)
	synctest.Wait()
}

type lastSaved struct{ atomic.Pointer[task.Record] }

func (l *lastSaved) Save(r task.Record) error        { l.Store(&r); return nil }
func (*lastSaved) Delete(string, task.Removed) error { return nil }
func (*lastSaved) Removed(string) task.Time          { return task.Time{} }
func (*lastSaved) SaveGroup(task.Group) error        { return nil }
func (*lastSaved) DeleteGroup(string) error          { return nil }

func clocked(t *testing.T, f func(*testing.T, *Supervisor, *enginetest.Fake, *wallClock, *lastSaved)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake, w, saved := enginetest.NewFake(), new(wallClock), new(lastSaved)
		s := New(Options{Commands: fake, Store: saved})
		s.now = w.now
		defer synctest.Wait()
		defer s.Close(t.Context())
		f(t, s, fake, w, saved)
	})
}

// TestClockSet sets the clock, and looks when the next run begins, and what is
// shown and recorded of that meanwhile.
func TestClockSet(t *testing.T) {
	const day = 24 * time.Hour
	// At midnight of the steady clock, in UTC.
	for _, tt := range []struct {
		name string
		when task.When
		by   []time.Duration // each after ten minutes
		from time.Duration   // from now to the next run, by the steady clock
		late string
	}{
		{"delay, forward", task.When{Delay: new(task.Duration(time.Hour))}, []time.Duration{3 * time.Hour}, 50 * time.Minute, ""},
		{"delay, back", task.When{Delay: new(task.Duration(time.Hour))}, []time.Duration{-3 * day}, 50 * time.Minute, ""},
		{"delay, twice", task.When{Delay: new(task.Duration(time.Hour))}, []time.Duration{-day, 50 * day}, 40 * time.Minute, ""},
		{"at, forward", task.When{At: "2000-01-01T02:00:00Z"}, []time.Duration{time.Hour}, 50 * time.Minute, ""},
		{"at, back", task.When{At: "2000-01-01T02:00:00Z"}, []time.Duration{-time.Hour}, 170 * time.Minute, ""},
		{"at, past it", task.When{At: "2000-01-01T02:00:00Z"}, []time.Duration{day}, 0, "once for 1 missed time"},
		{"at and every, forward", task.When{At: "2000-01-01T02:00:00Z", Every: new(task.Duration(time.Hour))}, []time.Duration{time.Hour}, 50 * time.Minute, ""},
		{"cron, forward", task.When{Cron: "CRON_TZ=UTC 0 2 * * *"}, []time.Duration{time.Hour}, 50 * time.Minute, ""},
		{"cron, back", task.When{Cron: "CRON_TZ=UTC 0 2 * * *"}, []time.Duration{-time.Hour}, 170 * time.Minute, ""},
		{"cron, past it", task.When{Cron: "CRON_TZ=UTC 0 2 * * *"}, []time.Duration{3 * time.Hour}, 0, "once for 1 missed time"},
		{"cron, past many", task.When{Cron: "CRON_TZ=UTC 0 2 * * *"}, []time.Duration{5 * day}, 0, "once for 5 missed times"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			clocked(t, func(t *testing.T, s *Supervisor, f *enginetest.Fake, w *wallClock, saved *lastSaved) {
				if _, err := s.Start(t.Context(), task.Spec{Name: "a", Command: []string{"a"}, When: tt.when}); err != nil {
					t.Fatal(err)
				}
				for _, by := range tt.by {
					time.Sleep(10 * time.Minute)
					w.set(s, by)
				}
				if tt.from > 0 {
					shown, _ := s.Info("a")
					if from := shown.NextAt.Sub(w.now()); from != tt.from || saved.Load().NextAt != shown.NextAt {
						t.Errorf("due %s from now, recorded for %s", from, saved.Load().NextAt.Sub(w.now()))
					}
				}
				begin := time.Now()
				f.Next(t)
				synctest.Wait()
				if from := time.Since(begin); from != tt.from {
					t.Errorf("it began after %s; want %s", from, tt.from)
				}
				if now, _ := s.Info("a"); now.Reason != tt.late || now.State != task.Running {
					t.Errorf("%s, %q", now.State, now.Reason)
				}
			})
		})
	}
}

// An interval keeps its rhythm by the steady clock, whatever the other shows.
func TestClockSetOfAnInterval(t *testing.T) {
	clocked(t, func(t *testing.T, s *Supervisor, f *enginetest.Fake, w *wallClock, saved *lastSaved) {
		spec := task.Spec{Name: "a", Command: []string{"a"}, When: task.When{Every: new(task.Duration(time.Hour))}}
		if _, err := s.Start(t.Context(), spec); err != nil {
			t.Fatal(err)
		}
		f.Next(t).Exit(task.Exit{}, false)
		for _, by := range []time.Duration{20 * time.Minute, -time.Hour, 70 * time.Minute, -1000 * time.Hour, 1e6 * time.Hour, 1} {
			time.Sleep(35 * time.Minute)
			w.set(s, by)
			begin := time.Now()
			r := f.Next(t)
			synctest.Wait()
			if took := time.Since(begin); took != 25*time.Minute {
				t.Errorf("set by %s: it began after %s", by, took)
			}
			now, _ := s.Info("a")
			if from := now.NextAt.Sub(w.now()); now.Reason != "" || from != time.Hour {
				t.Errorf("set by %s: due %s from now, %q", by, from, now.Reason)
			}
			r.Exit(task.Exit{}, false)
			synctest.Wait()
		}
		// While a run lasts.
		f.AutoStop(true)
		time.Sleep(time.Hour)
		f.Next(t)
		w.set(s, -5*time.Hour)
		if now, _ := s.Info("a"); now.NextAt.Sub(w.now()) != time.Hour || saved.Load().NextAt != now.NextAt {
			t.Errorf("due %s from now, recorded for %s", now.NextAt.Sub(w.now()), saved.Load().NextAt)
		}
		// One that has ended is due no more.
		s.Stop(t.Context(), "a")
		w.set(s, 10*time.Hour)
		if now, _ := s.Info("a"); !now.NextAt.IsZero() || now.State != task.Stopped {
			t.Errorf("ended: %+v", now)
		}
		time.Sleep(1000 * time.Hour)
		if synctest.Wait(); !f.Idle() {
			t.Error("an ended one began")
		}
	})
}

// The clock is set back, and nobody has said so yet when the timer ends.
func TestClockSetBackUnsaid(t *testing.T) {
	clocked(t, func(t *testing.T, s *Supervisor, f *enginetest.Fake, w *wallClock, _ *lastSaved) {
		spec := task.Spec{Name: "a", Command: []string{"a"}, When: task.When{Cron: "CRON_TZ=UTC 0 2 * * *"}}
		if _, err := s.Start(t.Context(), spec); err != nil {
			t.Fatal(err)
		}
		w.ahead.Add(int64(-time.Hour))
		begin := time.Now()
		f.Next(t)
		if took := time.Since(begin); took != 3*time.Hour {
			t.Errorf("it began after %s", took)
		}
		// Set back past a time that was acted on: not again, by cron(8).
		w.set(s, -90*time.Minute)
		if now, _ := s.Info("a"); now.NextAt.Sub(w.now()) != 25*time.Hour+30*time.Minute {
			t.Errorf("due %s from now", now.NextAt.Sub(w.now()))
		}
	})
}

func TestSleepOfTheMachine(t *testing.T) {
	for _, tt := range []struct {
		name  string
		when  task.When
		slept time.Duration
		now   string // why it runs at once
		after time.Duration
	}{
		{"every", task.When{Every: new(task.Duration(time.Hour))}, 30 * time.Minute, "", 20 * time.Minute},
		{"every, missed", task.When{Every: new(task.Duration(time.Hour))}, 3 * time.Hour, "once for 3 missed times", 50 * time.Minute},
		{"delay", task.When{Delay: new(task.Duration(time.Hour))}, 3 * time.Hour, "once for 1 missed time", 0},
		{"cron", task.When{Cron: "CRON_TZ=UTC 0 * * * *"}, 30 * time.Minute, "", 20 * time.Minute},
		{"cron, missed", task.When{Cron: "CRON_TZ=UTC 0 * * * *"}, 3 * time.Hour, "once for 3 missed times", 50 * time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			clocked(t, func(t *testing.T, s *Supervisor, f *enginetest.Fake, w *wallClock, _ *lastSaved) {
				if _, err := s.Start(t.Context(), task.Spec{Name: "a", Command: []string{"a"}, When: tt.when}); err != nil {
					t.Fatal(err)
				}
				if tt.when.Every != nil {
					f.Next(t).Exit(task.Exit{}, false)
				}
				time.Sleep(10 * time.Minute)
				w.sleep(s, tt.slept)
				if tt.now != "" {
					if f.Idle() {
						t.Fatal("it did not begin at once")
					}
					r := f.Next(t)
					if now, _ := s.Info("a"); now.Reason != tt.now {
						t.Errorf("it runs because %q; want %q", now.Reason, tt.now)
					}
					r.Exit(task.Exit{}, false)
				}
				if tt.after == 0 {
					return
				}
				begin := time.Now()
				f.Next(t)
				if took := time.Since(begin); took != tt.after {
					t.Errorf("it began after %s; want %s", took, tt.after)
				}
			})
		})
	}
}
