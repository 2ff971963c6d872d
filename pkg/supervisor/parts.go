package supervisor

import (
	"context"
	"time"

	"tasks/internal/alarm"
	"tasks/internal/cron"
	"tasks/internal/deps"
	"tasks/internal/lifecycle"
	"tasks/pkg/task"
)

// role is what the task is to be, and what follows from it.
type role struct {
	spec   task.Spec
	fn     Func
	engine task.Engine
	policy lifecycle.Policy
	plan   cron.Plan
}

// journal is what the record knows beside the machine.
type journal struct {
	run     int              // number of the last one
	history []task.Run       // the last runs; the present one, if any, is the last
	rested  task.Time        // when the task came to rest without a run
	unsaved <-chan time.Time // when to save: that was put off, or failed
	failed  bool             // the last save did
	refused error            // why a run that has begun is ended again: it could not be recorded
	unknown task.Unknown     // of the record
}

// present is the present run.
type present struct {
	launched chan launched // has it once the engine has begun it
	proc     task.Process
	exited   <-chan struct{}
	gone     <-chan struct{}
	since    time.Time // its beginning, by the monotonic clock
	pausedAt time.Time
	checks   task.Checks
	check    chan error         // has the result of the check under way
	uncheck  context.CancelFunc // ends it
}

// ahead is what stands before the next run, and the slot of this one.
type ahead struct {
	at        lifecycle.Phase // what the task waits for in it has begun
	wait      *deps.Wait      // for other tasks
	waits     map[string]bool // those that it is still for
	slot      int
	queued    task.Time // since when the task is in the queue
	lack      string    // for want of what the last run could not begin
	replacing bool      // it is stopped for another start
	left      bool      // by Supervisor.Leave: nothing begins any more
	resuming  bool      // until it goes on as the record says: no time counts before
}

// clocks are the times that something is due.
type clocks struct {
	timer *time.Timer // the phase's deadline
	armed uint64
	next  task.Time   // the restart that the backoff leads to
	due   alarm.Alarm // the time of a schedule, or of one that waits for its own
}

// callers are those whose operations are under way.
type callers struct {
	begins []*Call // answered when a run has begun, or could not
	ends   []*Call // answered when the run is over
	turns  []*Call // answered when what they changed is durable
}
