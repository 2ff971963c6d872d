package daemon

import (
	"context"
	"runtime"
	"runtime/debug"
	"time"

	"tasks/pkg/supervisor"
)

// quiet is how long nothing must happen before memory is given back.
const quiet = time.Second

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
	debug.SetGCPercent(50)
	over := make(chan struct{})
	go func() {
		defer close(over)
		w := sup.Watch(1, nil)
		defer w.Close()
		for {
			if _, ok := w.Next(context.Background()); !ok {
				return
			}
			s.stir()
		}
	}()
	var last uint64
	var rest <-chan time.Time
	for {
		select {
		case <-s:
			rest = time.After(quiet)
		case <-rest:
			rest, last = nil, giveBack(last)
		case <-over:
			return
		}
	}
}

// giveBack collects the garbage where much was allocated since last, and returns
// what had been by then.
func giveBack(last uint64) uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if m.TotalAlloc-last < 4<<20 {
		return last
	}
	// A collection halves a stack that is too large: thousands of tasks have one each.
	runtime.GC()
	debug.FreeOSMemory()
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}
