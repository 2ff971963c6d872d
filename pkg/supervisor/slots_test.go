package supervisor_test

import (
	"fmt"
	"maps"
	"slices"
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

func TestSlotsFirstComeFirstServed(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		setSlots(t, s, "g", 2)
		a, b := start(t, s, f, job("a", in("g"))), start(t, s, f, job("b", in("g")))
		if a.Launch.Slot != 1 || b.Launch.Slot != 2 || info(t, s, "b").Slot != 2 {
			t.Errorf("slots %d and %d", a.Launch.Slot, b.Launch.Slot)
		}
		startTask(t, s, job("d", in("g")))
		startTask(t, s, job("c", in("g")))
		startTask(t, s, job("e", in("g")))
		if got := expect(t, s, "c", task.Queued, "waits for a slot of g"); got.Slot != 0 || got.Desired != task.DesiredRunning || got.Run != 0 {
			t.Errorf("queued: %+v", got)
		}
		start(t, s, f, job("other", in("h"))) // no limit
		quiet(t, f)
		a.Exit(task.Exit{}, false)
		d := next(t, f)
		b.Exit(task.Exit{Code: 1}, false)
		c := next(t, f)
		if d.Launch.Spec.Name != "d" || d.Launch.Slot != 1 || c.Launch.Spec.Name != "c" || c.Launch.Slot != 2 {
			t.Errorf("%s in %d, %s in %d", d.Launch.Spec.Name, d.Launch.Slot, c.Launch.Spec.Name, c.Launch.Slot)
		}
		quiet(t, f)
		g, err := s.Group("g")
		if err != nil || g.Running != 2 || g.Queued != 1 || g.Waiting != 0 || *g.Slots != 2 {
			t.Errorf("group: %+v, %v", g, err)
		}
		if got := info(t, s, "a"); got.Slot != 0 {
			t.Errorf("an ended task has slot %d", got.Slot)
		}
	})
}

func TestSlotsPriority(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		setSlots(t, s, "g", 0)
		for i, p := range []int{0, -1, 5, 0, 5, 7} {
			got := startTask(t, s, job(fmt.Sprint("t", i), in("g"), func(s *task.Spec) { s.Priority = p }))
			if got.Priority != p {
				t.Errorf("shown with priority %d", got.Priority)
			}
		}
		setSlots(t, s, "g", 1)
		for _, want := range []string{"t5", "t2", "t4", "t0", "t3", "t1"} {
			r := next(t, f)
			if r.Launch.Spec.Name != want {
				t.Errorf("%s began before %s", r.Launch.Spec.Name, want)
			}
			quiet(t, f)
			r.Exit(task.Exit{}, false)
		}
	})
}

// A run that follows another at once, by a restart or at its next time, begins only in a slot
// that the group still has.
func TestSlotsOfRunsThatFollow(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		setSlots(t, s, "g", 3)
		start(t, s, f, job("a", in("g")))
		start(t, s, f, job("b", in("g")))
		start(t, s, f, job("c", in("g"), every(time.Hour), overlaps(task.OverlapReplace)))
		setSlots(t, s, "g", 1)
		begins := func(name string) *enginetest.FakeRun {
			t.Helper()
			r := next(t, f)
			if r.Launch.Spec.Name != name || r.Launch.Slot != 1 {
				t.Errorf("%s begins in slot %d", r.Launch.Spec.Name, r.Launch.Slot)
			}
			quiet(t, f)
			return r
		}
		if _, err := s.Restart(t.Context(), "a"); err != nil { // in slot 1
			t.Fatal(err)
		}
		a := begins("a")
		if _, err := s.Restart(t.Context(), "b"); err != nil {
			t.Fatal(err)
		}
		expect(t, s, "b", task.Queued, "waits for a slot of g")
		time.Sleep(90 * time.Minute) // no other run could begin
		expect(t, s, "c", task.Running, "")
		quiet(t, f)
		a.Exit(task.Exit{}, false)
		quiet(t, f)
		time.Sleep(time.Hour)
		b := begins("b")
		expect(t, s, "c", task.Queued, "waits for a slot of g")
		b.Exit(task.Exit{}, false)
		begins("c")
		setSlots(t, s, "g", 0)
		if _, err := s.Restart(t.Context(), "c"); err != nil {
			t.Fatal(err)
		}
		expect(t, s, "c", task.Queued, "waits for a slot of g")
		setSlots(t, s, "g", -1)
		if r := next(t, f); r.Launch.Slot != 0 {
			t.Errorf("slot %d of a group without any", r.Launch.Slot)
		}
		setSlots(t, s, "g", 1)
		if _, err := s.Restart(t.Context(), "c"); err != nil {
			t.Fatal(err)
		}
		begins("c")
	})
}

func TestSlotsChange(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		setSlots(t, s, "g", 1)
		runs := []*enginetest.FakeRun{start(t, s, f, job("t0", in("g")))}
		for i := 1; i < 9; i++ {
			startTask(t, s, job(fmt.Sprint("t", i), in("g")))
		}
		more := func(n int) {
			t.Helper()
			for range n {
				runs = append(runs, next(t, f))
			}
			quiet(t, f)
		}
		setSlots(t, s, "g", 4)
		more(3)
		setSlots(t, s, "g", 2) // running tasks keep running
		more(0)
		runs[0].Exit(task.Exit{}, false)
		runs[1].Exit(task.Exit{}, false)
		more(0)
		runs[2].Exit(task.Exit{}, false)
		more(1)
		setSlots(t, s, "g", 0) // drains
		runs[3].Exit(task.Exit{}, false)
		runs[4].Exit(task.Exit{}, false)
		more(0)
		if g, err := s.Group("g"); err != nil || g.Running != 0 || g.Queued != 4 {
			t.Errorf("drained: %+v, %v", g, err)
		}
		setSlots(t, s, "g", -1)
		more(4)
		for _, r := range runs[5:] {
			if r.Launch.Slot != 0 {
				t.Errorf("%s has slot %d of no number", r.Launch.Spec.Name, r.Launch.Slot)
			}
		}
	})
}

// The slots of running tasks are distinct, and none is above the number.
func TestSlotsAreDistinct(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		const slots, jobs = 7, 100
		setSlots(t, s, "g", slots)
		for i := range jobs {
			if _, err := s.Start(t.Context(), job(fmt.Sprint("t", i), in("g"))); err != nil {
				t.Fatal(err)
			}
		}
		live := make(map[int]*enginetest.FakeRun)
		for i := range jobs {
			r := next(t, f)
			if slot := r.Launch.Slot; slot < 1 || slot > slots || live[slot] != nil {
				t.Fatalf("%s has slot %d", r.Launch.Spec.Name, slot)
			}
			live[r.Launch.Slot] = r
			if len(live) == slots || i%3 == 0 && len(live) > 1 {
				slot := slices.Collect(maps.Keys(live))[0]
				live[slot].Exit(task.Exit{}, false)
				delete(live, slot)
			}
		}
	})
}

func TestSlotOverARestart(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		setSlots(t, s, "g", 2)
		start(t, s, f, job("a", in("g")))
		start(t, s, f, job("b", in("g"), restarts(task.RestartOnFailure)))
		startTask(t, s, job("c", in("g")))
		if got, err := s.Restart(t.Context(), "b"); err != nil || got.State != task.Running || got.Slot != 2 {
			t.Errorf("Restart: %+v, %v", got, err)
		}
		b := next(t, f)
		if b.Launch.Spec.Name != "b" || b.Launch.Slot != 2 {
			t.Errorf("%s in slot %d", b.Launch.Spec.Name, b.Launch.Slot)
		}
		quiet(t, f)
		// A pause before an automatic one needs none.
		b.Exit(task.Exit{Code: 1}, false)
		c := next(t, f)
		if got := expect(t, s, "b", task.BackingOff, "exit code 1"); c.Launch.Spec.Name != "c" || got.Slot != 0 {
			t.Errorf("%s began; %+v", c.Launch.Spec.Name, got)
		}
		time.Sleep(2 * time.Second)
		expect(t, s, "b", task.Queued, "waits for a slot of g")
		if got, err := s.Restart(t.Context(), "b"); err != nil || got.State != task.Queued {
			t.Errorf("Restart of a queued one: %+v, %v", got, err)
		}
		c.Exit(task.Exit{}, false)
		if got := next(t, f); got.Launch.Spec.Name != "b" || got.Launch.Run != 3 {
			t.Errorf("%+v", got.Launch)
		}
	})
}

func TestStopOfAQueuedOne(t *testing.T) {
	st := newMemory()
	faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		setSlots(t, s, "g", 1)
		a := start(t, s, f, job("a", in("g")))
		for _, name := range []string{"b", "c", "d"} {
			startTask(t, s, job(name, in("g")))
		}
		_, err := s.Start(t.Context(), job("b", in("g")))
		expectError(t, err, task.ErrConflict, "Task b is queued.")
		_, err = s.Remove(t.Context(), "b")
		expectError(t, err, task.ErrConflict, "Task b is queued: stop it first")
		time.Sleep(time.Minute)
		got, err := s.Stop(t.Context(), "b")
		if err != nil || got.State != task.Stopped || got.Reason != "stopped before it began" || got.Desired != task.DesiredStopped || got.EndedAt != task.Now() || got.ExitCode != nil {
			t.Errorf("Stop: %+v, %v", got, err)
		}
		if r := st.record("b"); r.State != task.Stopped || r.Desired != task.DesiredStopped || len(r.Runs) != 0 || r.EndedWithoutRun != task.Now() {
			t.Errorf("record: %+v", r)
		}
		if _, err := s.Submit(supervisor.ForceRemove("c", supervisor.End{})).Wait(t.Context()); err != nil {
			t.Errorf("Remove: %v", err)
		}
		if _, err := s.Stop(t.Context(), "a"); err != nil { // one that runs makes room
			t.Error(err)
		}
		if r := next(t, f); r.Launch.Spec.Name != "d" || r.Launch.Slot != 1 {
			t.Errorf("%s in %d", r.Launch.Spec.Name, r.Launch.Slot)
		}
		select {
		case <-a.Gone():
		default:
			t.Error("the next began before the one before was gone")
		}
		// Again, at the end of the queue.
		if got := startTask(t, s, task.Spec{Name: "b"}); !got.EndedAt.IsZero() {
			t.Errorf("queued again, and ended at %s", got.EndedAt)
		}
	})
}

// A slot is free only once nothing of its run is left.
func TestSlotUntilNothingIsLeft(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		setSlots(t, s, "g", 1)
		a := start(t, s, f, job("a", in("g")))
		startTask(t, s, job("b", in("g")))
		a.AutoStop(false)
		a.Exit(task.Exit{}, true)
		time.Sleep(time.Minute) // it is stuck by now
		quiet(t, f)
		a.Vanish(1)
		if r := next(t, f); r.Launch.Spec.Name != "b" {
			t.Errorf("%s began", r.Launch.Spec.Name)
		}
	})
}

func TestSlotOfARunThatCannotBegin(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		setSlots(t, s, "g", 1)
		f.FailNext(syscall.EACCES)
		_, err := s.Start(t.Context(), job("a", in("g")))
		expectError(t, err, err, "cannot start a: permission denied")
		start(t, s, f, job("b", in("g")))
	})
}

func TestManyQueued(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		const slots, jobs = 50, 2000
		setSlots(t, s, "g", slots)
		var calls []*supervisor.Call
		for i := range jobs {
			calls = append(calls, s.Submit(supervisor.Start(job(fmt.Sprintf("t%04d", i), in("g")))))
		}
		for _, c := range calls {
			if _, err := c.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if g, _ := s.Group("g"); g.Running != slots || g.Queued != jobs-slots {
			t.Fatalf("%+v", g)
		}
		for range jobs {
			f.Next(t).Exit(task.Exit{}, false)
			if n := f.Live(); n > slots {
				t.Fatalf("%d run", n)
			}
		}
		if g, _ := s.Group("g"); g.Queued != 0 {
			t.Errorf("%+v", g)
		}
	})
}

// Functions have slots as well.
func TestSlotsOfFunctions(t *testing.T) {
	bubble(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor) {
		setSlots(t, s, "g", 1)
		for _, name := range []string{"a", "b"} {
			if err := s.GoSpec(task.Spec{Name: name, Group: "g"}, untilStop); err != nil {
				t.Fatal(err)
			}
		}
		expect(t, s, "b", task.Queued, "waits for a slot of g")
		s.Stop(t.Context(), "a")
		expect(t, s, "b", task.Running, "")
	})
}

// A grant on its way when a stop comes: the slot goes to the next, or the run is
// ended. Nobody waits beside a free slot.
func TestGrantRacesWithStop(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		setSlots(t, s, "g", 2)
		var all sync.WaitGroup
		for n := range 6 {
			all.Go(func() {
				name := fmt.Sprint("t", n)
				for round := range 100 {
					if _, err := s.Start(t.Context(), job(name, in("g"), func(s *task.Spec) { s.Priority = round % 3 })); err != nil {
						t.Errorf("start: %v", err)
					}
					if n == 0 {
						setSlots(t, s, "g", round%3)
					}
					if round%5 == n%5 {
						s.Restart(t.Context(), name)
					}
					if _, err := s.Stop(t.Context(), name); err != nil {
						t.Errorf("stop: %v", err)
					}
				}
			})
		}
		all.Wait()
		if f.Live() != 0 {
			t.Errorf("%d runs", f.Live())
		}
		for !f.Idle() {
			f.Next(t)
		}
		setSlots(t, s, "g", 1)
		a := start(t, s, f, job("a", in("g")))
		startTask(t, s, job("b", in("g")))
		a.Exit(task.Exit{}, false)
		if r := next(t, f); r.Launch.Spec.Name != "b" || r.Launch.Slot != 1 {
			t.Errorf("%s in slot %d", r.Launch.Spec.Name, r.Launch.Slot)
		}
	})
}

// Nothing begins once the end of the supervisor has begun.
func TestQueueAtTheEnd(t *testing.T) {
	for _, how := range []string{"Close", "StopAll", "Leave"} {
		t.Run(how, func(t *testing.T) {
			st := newMemory()
			faked(t, supervisor.Options{Store: st}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
				setSlots(t, s, "g", 3)
				for i := range 40 {
					if _, err := s.Start(t.Context(), job(fmt.Sprintf("t%02d", i), in("g"))); err != nil {
						t.Fatal(err)
					}
				}
				starts := f.Starts()
				var err error
				var left []task.Info
				switch how {
				case "Close":
					err = s.Close(t.Context())
				case "StopAll":
					_, err = s.StopAll(t.Context(), supervisor.End{})
				case "Leave":
					left, err = s.Leave(t.Context())
				}
				if synctest.Wait(); err != nil || f.Starts() != starts || f.Live() != 0 {
					t.Errorf("%v; %d began after that, %d live", err, f.Starts()-starts, f.Live())
				}
				state, desired := task.Queued, task.DesiredRunning
				if how == "StopAll" {
					state, desired = task.Stopped, task.DesiredStopped
				}
				if r := st.record("t39"); r.State != state || r.Desired != desired {
					t.Errorf("record: %+v", r)
				}
				if how == "Leave" && strings.Count(names(left), ":queued") != 37 {
					t.Errorf("left: %s", names(left))
				}
			})
		})
	}
}
