package supervisor_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

func BenchmarkStartStop(b *testing.B) {
	s := supervisor.New(supervisor.Options{})
	defer s.Close(b.Context())
	for b.Loop() {
		if err := s.Go("job", untilStop); err != nil {
			b.Fatal(err)
		}
		if _, err := s.Stop(b.Context(), "job"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkList1000(b *testing.B) {
	s := supervisor.New(supervisor.Options{})
	defer s.Close(b.Context())
	for i := range 1000 {
		s.Go(fmt.Sprint("job", i), untilStop)
	}
	b.ReportAllocs()
	for b.Loop() {
		if len(s.List()) != 1000 {
			b.Fatal("lost some")
		}
	}
}

// BenchmarkIdle measures the cost of a function that waits: its own goroutine, its
// task's goroutine, and the records about it.
func BenchmarkIdle(b *testing.B) {
	const n = 10_000
	for b.Loop() {
		s := supervisor.New(supervisor.Options{})
		before := inUse()
		for i := range n {
			s.Go(fmt.Sprint("job", i), untilStop)
		}
		b.ReportMetric(float64(inUse()-before)/n, "bytes/task")
		s.Close(b.Context())
	}
}

// BenchmarkWatched is the cost of a start and a stop with 100 watchers of
// other tasks.
func BenchmarkWatched(b *testing.B) {
	s := supervisor.New(supervisor.Options{})
	defer s.Close(b.Context())
	for range 100 {
		defer s.Watch(0, func(i *task.Info) bool { return i.Name == "other" }).Close()
	}
	for b.Loop() {
		s.Go("job", untilStop)
		s.Stop(context.Background(), "job")
	}
}

func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}
