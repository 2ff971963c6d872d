package daemon

import (
	"context"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// Memory is given back once nothing has happened for quiet, and where something
// always does after busy.
const (
	quiet = time.Second
	busy  = 10 * time.Second
)

// stirred has an element when something has happened since trim last looked.
type stirred chan struct{}

func (s stirred) stir() {
	select {
	case s <- struct{}{}:
	default:
	}
}

// trim gives the memory that a burst of requests took back to the system once
// it is over, instead of at the next burst: a supervisor that is idle collects
// no garbage by itself. It costs nothing while nothing happens.
func trim(sup *supervisor.Supervisor, s stirred) {
	paceGC()
	over := make(chan struct{})
	go func() {
		defer close(over)
		w := sup.Watch(1, func(*task.Info) bool { s.stir(); return false })
		defer w.Close()
		w.Next(context.Background()) // until the supervisor is closed
	}()
	var last held
	s.settled(over, func() { last = giveBack(last) })
}

// settled calls do once it is quiet, or has been busy for long, until over.
func (s stirred) settled(over <-chan struct{}, do func()) {
	var rest <-chan time.Time
	var latest time.Time
	for {
		select {
		case <-s:
			if rest == nil {
				latest = time.Now().Add(busy)
			}
			rest = time.After(min(quiet, time.Until(latest)))
		case <-rest:
			rest = nil
			do()
		case <-over:
			return
		}
	}
}

// held is what may have become garbage when it is looked at again.
type held struct {
	allocated  uint64 // since the program began
	goroutines int
}

// giveBack collects the garbage where much was allocated since last, or many
// goroutines have ended: what they held was allocated before. It returns what there
// is now.
func giveBack(last held) held {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	now := runtime.NumGoroutine()
	if m.TotalAlloc-last.allocated < 4<<20 && last.goroutines-now < 64 {
		last.goroutines = max(last.goroutines, now)
		return last
	}
	// A collection halves a stack that is too large: thousands of tasks have one each.
	runtime.GC()
	debug.FreeOSMemory()
	runtime.ReadMemStats(&m)
	return held{m.TotalAlloc, now}
}

// paceGC has the next collection come when there is half as much garbage as there is in use,
// in a small heap twice as much: by half, a burst of requests has one at every 2 MiB. It is
// called again after each.
func paceGC() {
	inUse := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}}
	metrics.Read(inUse)
	var sum uint64
	for _, sample := range inUse {
		sum += sample.Value.Uint64()
	}
	debug.SetGCPercent(gcPercent(sum))
	runtime.AddCleanup(new([32]byte), func(struct{}) { paceGC() }, struct{}{})
}

// gcPercent is how much garbage may gather beside so much in use, in percent of that.
func gcPercent(inUse uint64) int {
	const least, most, garbage = 50, 200, 8 << 20
	return int(min(most, max(least, garbage*100/max(inUse, 1))))
}
