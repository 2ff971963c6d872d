package supervisor_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tasks/internal/enginetest"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

func TestWatch(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		all := s.Watch(0, nil)
		defer all.Close()
		one := s.Watch(0, func(i *task.Info) bool { return i.Name == "web" })
		s.Go("other", untilStop)
		start(t, s, f, web()).Exit(task.Exit{Code: 1}, false)
		synctest.Wait()
		s.Remove(t.Context(), "web")
		events, ok := all.Next(t.Context())
		text := ""
		for i, e := range events {
			if e.Seq != uint64(i+1) || e.Missed != 0 {
				t.Errorf("event %d: %+v", i, e)
			}
			text += fmt.Sprint(e.Task.Name, ":", e.Task.State, e.Removed, " ")
		}
		want := "other:startingfalse other:runningfalse web:startingfalse web:runningfalse web:failedfalse web:failedtrue "
		if !ok || text != want {
			t.Errorf("events: %s\n  want: %s", text, want)
		}
		events, _ = one.Next(t.Context())
		if len(events) != 4 || events[0].Seq != 3 {
			t.Errorf("events of one: %+v", events)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if events, ok := one.Next(ctx); ok || events != nil {
			t.Errorf("Next after the end of its context: %v", events)
		}
		go func() { time.Sleep(time.Second); one.Close() }()
		for range 2 {
			if _, ok := one.Next(t.Context()); ok {
				t.Error("Next of a closed watcher")
			}
		}
	})
}

func TestSlowReaderIsToldWhatItMissed(t *testing.T) {
	bubble(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor) {
		w := s.Watch(3, nil)
		defer w.Close()
		for range 4 { // starting, running, done each
			s.Go("job", func(context.Context) error { return nil })
			synctest.Wait()
		}
		events, _ := w.Next(t.Context())
		if len(events) != 3 || events[0].Missed != 0 || events[1].Seq != 2 || events[2].Seq != 12 || events[2].Missed != 9 || events[2].Task.State != task.Done {
			t.Errorf("events: %+v", events)
		}
		s.Go("job", untilStop)
		if events, _ := w.Next(t.Context()); len(events) != 2 || events[0].Seq != 13 || events[0].Missed != 0 {
			t.Errorf("events after that: %+v", events)
		}
	})
}

func TestWatchOfAClosedSupervisor(t *testing.T) {
	bubble(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor) {
		s.Go("job", untilStop)
		w := s.Watch(0, func(i *task.Info) bool { return i.State.Ended() })
		s.Close(t.Context())
		if events, ok := w.Next(t.Context()); !ok || len(events) != 1 || events[0].Task.State != task.Stopped {
			t.Errorf("last events: %+v", events)
		}
		if _, ok := w.Next(t.Context()); ok {
			t.Error("Next after Close")
		}
		if _, ok := s.Watch(0, nil).Next(t.Context()); ok {
			t.Error("Watch after Close")
		}
	})
}

func TestWait(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		begin := time.Now()
		for i, name := range []string{"a", "b", "c"} {
			r := start(t, s, f, task.Spec{Name: name, Command: []string{"x"}})
			time.AfterFunc(time.Duration(i+1)*time.Second, func() { r.Exit(task.Exit{Code: i}, false) })
		}
		abc := []string{"c", "b", "a"}
		var got []task.Info
		shared, err := s.WaitFor(t.Context(), abc, supervisor.WaitOptions{Any: true})
		for _, info := range shared {
			got = append(got, *info)
		}
		if err != nil || names(got) != "c:running b:running a:done" || time.Since(begin) != time.Second {
			t.Errorf("any: %s, %v after %s", names(got), err, time.Since(begin))
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), 500*time.Millisecond, errors.New("enough"))
		defer cancel()
		if got, err := s.Wait(ctx, abc...); err == nil || err.Error() != "enough" || names(got) != "c:running b:running a:done" {
			t.Errorf("timeout: %s, %v", names(got), err)
		}
		got, err = s.Wait(t.Context(), abc...)
		if err != nil || names(got) != "c:failed b:failed a:done" || time.Since(begin) != 3*time.Second {
			t.Errorf("all: %s, %v after %s", names(got), err, time.Since(begin))
		}
		if got, err := s.Wait(t.Context(), abc...); err != nil || len(got) != 3 {
			t.Errorf("of ended ones: %s, %v", names(got), err)
		}
		if got, err := s.Wait(t.Context()); err != nil || len(got) != 0 {
			t.Errorf("of none: %s, %v", names(got), err)
		}
	})
}

func TestWaitForAState(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		f.Hold(true)
		for _, name := range []string{"good", "bad"} {
			spec := task.Spec{Name: name, Command: []string{"x"}}
			s.Submit(supervisor.Start(spec))
			r := f.Next(t)
			time.AfterFunc(time.Second, func() {
				if name == "good" {
					r.Begin()
				} else {
					r.Fail(errors.New("no"))
				}
			})
		}
		running := func(i *task.Info) bool { return i.State == task.Running }
		shared, err := s.WaitFor(t.Context(), []string{"good", "bad"}, supervisor.WaitOptions{Until: running})
		if got := copies(shared); err != nil || names(got) != "good:running bad:failed" {
			t.Errorf("%s, %v", names(copies(shared)), err)
		}
	})
}

// To wait for a batch costs no look at all of it whenever one of it ends.
func TestWaitForMany(t *testing.T) {
	bubble(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor) {
		const n = 300
		var all []string
		for i := range n {
			all = append(all, fmt.Sprint("t", i))
			s.Go(all[i], func(context.Context) error { time.Sleep(time.Duration(i+1) * time.Second); return nil })
		}
		looks := 0
		got, err := s.WaitFor(t.Context(), all, supervisor.WaitOptions{Until: func(*task.Info) bool { looks++; return false }})
		if err != nil || len(got) != n || got[n-1].State != task.Done || looks > 5*n {
			t.Errorf("%d tasks, %v, %d looks", len(got), err, looks)
		}
	})
}

// One that is up again while others are still waited for is waited for again.
func TestWaitForOneThatComesBack(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		begin := time.Now()
		a := start(t, s, f, task.Spec{Name: "a", Command: []string{"x"}})
		b := start(t, s, f, task.Spec{Name: "b", Command: []string{"x"}})
		time.AfterFunc(time.Second, func() {
			a.Exit(task.Exit{Code: 1}, false)
			synctest.Wait()
			r := start(t, s, f, task.Spec{Name: "a", Command: []string{"x"}})
			time.AfterFunc(4*time.Second, func() { r.Exit(task.Exit{}, false) })
		})
		time.AfterFunc(3*time.Second, func() { b.Exit(task.Exit{}, false) })
		got, err := s.Wait(t.Context(), "a", "b")
		if err != nil || names(got) != "a:done b:done" || time.Since(begin) != 5*time.Second {
			t.Errorf("%s, %v after %s", names(got), err, time.Since(begin))
		}
	})
}

func TestRemovalWhileWaiting(t *testing.T) {
	bubble(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor) {
		s.Go("job", untilStop)
		time.AfterFunc(time.Second, func() { s.Submit(supervisor.ForceRemove("job", supervisor.End{})).Wait(context.Background()) })
		if got, err := s.Wait(t.Context(), "job"); err != nil || names(got) != "job:stopped" {
			t.Errorf("%s, %v", names(got), err)
		}
	})
}

func TestCloseWhileWaiting(t *testing.T) {
	bubble(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor) {
		release := make(chan struct{})
		s.Go("job", untilStop)
		s.Go("busy", func(context.Context) error { <-release; return nil })
		time.AfterFunc(time.Second, func() { s.Close(context.Background()) })
		if got, err := s.Wait(t.Context(), "job"); err != nil || names(got) != "job:stopped" {
			t.Errorf("%s, %v", names(got), err)
		}
		got, err := s.Wait(t.Context(), "job", "busy")
		expectError(t, err, task.ErrUnavailable, "the supervisor has ended")
		if names(got) != "job:stopped busy:stopping" {
			t.Error(names(got))
		}
		close(release)
	})
}

// The more readers share the room, the less each has, also a reader that has used its
// share already; each learns how many events it has missed.
func TestWatchersShareRoom(t *testing.T) {
	bubble(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor) {
		change := func(n int) {
			for range n {
				s.Go("job", func(context.Context) error { return nil }) // starting, running, done
				synctest.Wait()
			}
		}
		alone := s.Watch(0, nil)
		defer alone.Close()
		private := s.Watch(5000, nil)
		defer private.Close()
		change(500)
		var others []*supervisor.Watcher
		for range 999 {
			others = append(others, s.Watch(0, nil))
		}
		change(100)
		count := func(w *supervisor.Watcher) (events int, told uint64) {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			for {
				e, ok := w.First(ctx)
				if !ok {
					return events, told
				}
				events, told = events+1, told+1+e.Missed
			}
		}
		if events, told := count(alone); events > 20 || told != 1800 {
			t.Errorf("the first: %d events, %d with the missed ones", events, told)
		}
		if events, told := count(private); events != 1800 || told != 1800 {
			t.Errorf("one with room of its own: %d events, %d with the missed ones", events, told)
		}
		for _, w := range others {
			if events, told := count(w); events > 20 || told != 300 {
				t.Fatalf("%d events, %d with the missed ones", events, told)
			}
			w.Close()
		}
		change(400)
		if events, told := count(alone); events != 1024 || told != 1200 {
			t.Errorf("alone again: %d events, %d with the missed ones", events, told)
		}
	})
}

// The events that wait for a reader that shares room are bounded in bytes as well, and
// dropped ones are counted as missed; a reader with room of its own gets all.
func TestWatchersShareBytes(t *testing.T) {
	faked(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake) {
		shared, private := s.Watch(0, nil), s.Watch(1000, nil)
		defer shared.Close()
		defer private.Close()
		for range 40 {
			r := start(t, s, f, task.Spec{Name: "web", Command: []string{strings.Repeat("x", 1<<20)}})
			r.Exit(task.Exit{}, false)
			synctest.Wait()
		}
		all, _ := private.Next(t.Context())
		for range 9 { // have a tenth each
			defer s.Watch(0, nil).Close()
		}
		events, _ := shared.Next(t.Context())
		told, size := uint64(0), 0
		for _, e := range events {
			told += 1 + e.Missed
			size += len(e.Task.Command[0])
		}
		if len(all) != 120 || told != 120 || size > 7<<20 || len(events) < 5 {
			t.Errorf("%d and %d events with %d bytes, %d with the missed ones", len(all), len(events), size, told)
		}
	})
}
