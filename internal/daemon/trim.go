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

// trim gives the memory that a burst of requests took back to the system once
// it is over, instead of at the next burst: a supervisor that is idle collects
// no garbage by itself. It costs nothing while nothing happens.
func trim(sup *supervisor.Supervisor) {
	debug.SetGCPercent(50)
	w := sup.Watch(1, nil)
	defer w.Close()
	var last uint64
	for {
		if _, ok := w.Next(context.Background()); !ok {
			return
		}
		for busy := true; busy; {
			ctx, cancel := context.WithTimeout(context.Background(), quiet)
			_, busy = w.Next(ctx)
			cancel()
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		if m.TotalAlloc-last < 4<<20 {
			continue
		}
		// A collection halves a stack that is too large: thousands of tasks
		// have one each.
		runtime.GC()
		debug.FreeOSMemory()
		runtime.ReadMemStats(&m)
		last = m.TotalAlloc
	}
}
