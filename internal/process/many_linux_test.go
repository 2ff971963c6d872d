package process

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"tasks/internal/enginetest"
	"tasks/pkg/engine"
	"tasks/pkg/task"
)

// many begins n sleeps, which take no log.
func (w way) many(t testing.TB, n int) []engine.Process {
	t.Helper()
	all := make([]engine.Process, n)
	for i := range all {
		spec := &task.Spec{Name: fmt.Sprintf("many-%d", i), Command: []string{"sleep", "1000"}}
		p, err := shared.start(context.Background(), engine.Launch{Spec: spec, Run: int(numbers.Add(1))}, w.groups(shared))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { p.Stop(syscall.SIGKILL) })
		all[i] = p
	}
	return all
}

var numbers atomic.Int64 // of runs

func stopMany(t testing.TB, all []engine.Process) {
	t.Helper()
	for _, p := range all {
		go p.Stop(syscall.SIGTERM)
	}
	for _, p := range all {
		enginetest.Await(t, p.Gone(), "Gone")
	}
}

func TestThousandRuns(t *testing.T) {
	const n = 1000
	begin := time.Now()
	all := grouped.many(t, n)
	started := time.Since(begin)
	self, _ := statOf(syscall.Getpid())
	if self.threads >= n/2 { // no run holds one; those of the tests before, and spare ones, are there
		t.Errorf("%d threads for %d runs", self.threads, n)
	}
	if shared.tree.first == nil {
		t.Error("the engine does not have the first thread: each end costs a pass over /proc")
	}
	begin = time.Now()
	for _, p := range all {
		if st, err := p.(engine.Sampler).Sample(); err != nil || st.Processes != 1 {
			t.Fatalf("Sample: %+v, %v", st, err)
		}
	}
	sampled := time.Since(begin)
	begin = time.Now()
	stopMany(t, all)
	t.Logf("%d runs with %d threads: started in %v, sampled in %v, stopped in %v", n, self.threads, started, sampled, time.Since(begin))
	for _, p := range all {
		<-p.Exited()
		if e := p.Exit(); e != (task.Exit{Signal: syscall.SIGTERM}) {
			t.Fatalf("%+v", e)
		}
	}
}

// Stops that come together look at all processes together, too: also where they have one
// processor, on which a look may end before the next stop has begun.
func TestStopsShareLooks(t *testing.T) { // not parallel: it counts
	const n = 200
	for _, processors := range []int{1, runtime.GOMAXPROCS(0)} {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
		all := bare.many(t, n)
		before := shared.descents.count()
		stopMany(t, all)
		if made := shared.descents.count() - before; made == 0 || made > n/4 {
			t.Errorf("%d looks for %d stops, with %d processors", made, n, processors)
		}
	}
}

// count is how many looks there were.
func (b *batch[T]) count() int {
	b.turn.Lock()
	defer b.turn.Unlock()
	return b.looks
}

// BenchmarkStop stops a thousand runs at once; with orphans around, no pass
// over /proc can be saved.
func BenchmarkStop(b *testing.B) {
	for _, w := range ways {
		for _, orphans := range []int{0, 1} {
			b.Run(fmt.Sprintf("%s/orphans=%d", w, orphans), func(b *testing.B) {
				for range orphans {
					s := start(b, sh(`(setsid sleep 1000 &) ; echo up; sleep 1000`))
					for s.log(b) == "" {
						time.Sleep(time.Millisecond)
					}
				}
				for b.Loop() {
					b.StopTimer()
					all := w.many(b, 1000)
					b.StartTimer()
					stopMany(b, all)
				}
			})
		}
	}
}

// BenchmarkStart starts a thousand runs one after the other.
func BenchmarkStart(b *testing.B) {
	for _, w := range ways {
		b.Run(string(w), func(b *testing.B) {
			for b.Loop() {
				all := w.many(b, 1000)
				b.StopTimer()
				stopMany(b, all)
				b.StartTimer()
			}
		})
	}
}
