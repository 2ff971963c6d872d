package supervisor_test

import (
	"fmt"
	"testing"
	"time"

	"tasks/internal/enginetest"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// What is submitted together is queued in that order, however long each takes.
func TestOrderOfSubmission(t *testing.T) {
	t.Parallel()
	f := enginetest.NewFake()
	s := supervisor.New(supervisor.Options{Commands: f})
	defer s.Close(t.Context())
	setSlots(t, s, "g", 0)
	const jobs = 300
	var calls []*supervisor.Call
	for i := range jobs {
		calls = append(calls, s.Submit(supervisor.Start(job(fmt.Sprint("j", i), in("g")))))
	}
	for _, c := range calls {
		if _, err := c.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	setSlots(t, s, "g", 1)
	for i := range jobs {
		r := f.Next(t)
		if want := fmt.Sprint("j", i); r.Launch.Spec.Name != want {
			t.Fatalf("%s began, not %s", r.Launch.Spec.Name, want)
		}
		r.Exit(task.Exit{}, false)
	}
}

// It begins in that order as well where slots are free, and when it is started again. What
// is refused, or waits for something else, is passed.
func TestOrderOfBeginning(t *testing.T) {
	t.Parallel()
	for range 20 {
		f := enginetest.NewFake()
		s := supervisor.New(supervisor.Options{Commands: f})
		setSlots(t, s, "g", 1)
		const jobs = 20
		for again := range 2 {
			for i := range jobs {
				spec := job(fmt.Sprint("j", i), in("g"))
				if again > 0 {
					spec = task.Spec{Name: spec.Name}
				}
				s.Submit(supervisor.Start(spec))
				if i == 0 {
					s.Submit(supervisor.Start(job("late", in("g"), func(s *task.Spec) { s.Delay = new(task.Duration(time.Hour)) })))
					s.Submit(supervisor.Start(job("bad", in("g"), after("nobody"))))
				}
			}
			for i := range jobs {
				r := f.Next(t)
				if want := fmt.Sprint("j", i); r.Launch.Spec.Name != want {
					t.Fatalf("%s began, not %s", r.Launch.Spec.Name, want)
				}
				r.Exit(task.Exit{}, false)
			}
			for i := range jobs {
				if _, err := s.Submit(supervisor.Stop(fmt.Sprint("j", i), supervisor.End{})).Wait(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := s.Stop(t.Context(), "late"); err != nil {
				t.Fatal(err)
			}
		}
		s.Close(t.Context())
	}
}

// Nor is the order another one after the death of a supervisor.
func TestOrderOverADeath(t *testing.T) {
	const jobs = 9
	st := newMemory()
	faked(t, supervisor.Options{}, func(t *testing.T, next *supervisor.Supervisor, f *enginetest.Fake) {
		s := supervisor.New(supervisor.Options{Commands: enginetest.NewFake(), Store: st})
		defer s.Close(t.Context())
		setSlots(t, s, "g", 0)
		var calls []*supervisor.Call
		for i := range jobs { // all at the same time: the clock stands still in here
			calls = append(calls, s.Submit(supervisor.Start(job(fmt.Sprint("j", jobs-i), in("g")))))
		}
		for _, c := range calls {
			if _, err := c.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		setSlots(t, next, "g", 1)
		next.Load(t.Context(), st.all())
		startTask(t, next, job("new", in("g")))
		for i := range jobs {
			r := f.Next(t)
			if want := fmt.Sprint("j", jobs-i); r.Launch.Spec.Name != want {
				t.Fatalf("%s began, not %s", r.Launch.Spec.Name, want)
			}
			r.Exit(task.Exit{}, false)
		}
		if r := f.Next(t); r.Launch.Spec.Name != "new" {
			t.Errorf("%s began last", r.Launch.Spec.Name)
		}
	})
}
