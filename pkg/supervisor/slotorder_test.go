package supervisor_test

import (
	"fmt"
	"testing"

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
		begin(t, next, job("new", in("g")))
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
