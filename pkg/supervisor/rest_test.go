package supervisor_test

import (
	"bytes"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"tasks/internal/enginetest"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// loops is how many tasks have a goroutine.
func loops() int {
	stacks := make([]byte, 1<<22)
	stacks = stacks[:runtime.Stack(stacks, true)]
	return bytes.Count(stacks, []byte("(*actor).loop("))
}

// A task that has ended, or whose run does nothing but last, costs no goroutine, also with
// another supervisor, and acts at the next call like any other.
func TestRestingTasksHaveNoGoroutine(t *testing.T) { // not parallel: it counts
	const many = 100
	st := newMemory()
	synctest.Test(t, func(t *testing.T) {
		f := enginetest.NewFake()
		s := supervisor.New(supervisor.Options{Commands: f, Store: st})
		name := func(i int) string { return fmt.Sprint("t", i) }
		for i := range many {
			start(t, s, f, job(name(i))).Exit(task.Exit{}, false)
		}
		r := start(t, s, f, job("runs"))
		limited := start(t, s, f, job("limited", func(s *task.Spec) { s.Timeout = new(task.Duration(time.Hour)) }))
		time.Sleep(time.Second)
		if synctest.Wait(); loops() != 1 {
			t.Errorf("%d goroutines", loops())
		}
		limited.Exit(task.Exit{}, false)
		s.ClockSet(time.Hour)
		for i := range many { // at once
			spec := job(name(i), delayed(time.Minute))
			for _, call := range []*supervisor.Call{s.Submit(supervisor.Start(spec)), s.Submit(supervisor.Stop(name(i), supervisor.End{}))} {
				if _, err := call.Wait(t.Context()); err != nil {
					t.Error(err)
				}
			}
		}
		startTask(t, s, job("t0", delayed(time.Minute)))
		time.Sleep(time.Minute)
		next(t, f).Exit(task.Exit{}, false)
		r.Exit(task.Exit{}, false)
		if synctest.Wait(); loops() != 0 {
			t.Errorf("%d goroutines", loops())
		}
		s.Close(t.Context())
	})
	synctest.Test(t, func(t *testing.T) {
		s := supervisor.New(supervisor.Options{Commands: enginetest.NewFake(), Store: st})
		s.Load(t.Context(), st.all())
		if synctest.Wait(); loops() != 0 || len(s.List()) != many+2 {
			t.Errorf("%d goroutines, %d tasks", loops(), len(s.List()))
		}
		if _, err := s.Remove(t.Context(), "t7"); err != nil || len(s.List()) != many+1 {
			t.Error(err)
		}
		s.Close(t.Context())
	})
}

// A loop that waits needs little of its stack, which a collection halves until a quarter is
// used: 4 KiB are left, and one more local value in the loop may make that 8.
func TestStackOfATask(t *testing.T) { // not parallel: it counts
	if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		t.Skip("the race detector has larger stacks")
	}
	const many = 400
	synctest.Test(t, func(t *testing.T) {
		f := enginetest.NewFake()
		s := supervisor.New(supervisor.Options{Commands: f, Store: newMemory()})
		before := stacks()
		for i := range many {
			start(t, s, f, job(fmt.Sprint("t", i), func(s *task.Spec) { s.Timeout = new(task.Duration(time.Hour)) }))
		}
		synctest.Wait()
		if each := (stacks() - before) / many; each > 6<<10 {
			t.Errorf("each task has a stack of %d bytes", each)
		}
		s.Close(t.Context())
	})
}

// stacks is how many bytes the stacks of all goroutines have, once they are as small as they get.
func stacks() int {
	for range 5 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.StackInuse)
}
