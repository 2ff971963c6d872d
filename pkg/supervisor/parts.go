package supervisor

import (
	"context"
	"slices"
	"time"

	"tasks/internal/alarm"
	"tasks/internal/cron"
	"tasks/internal/deps"
	"tasks/internal/lifecycle"
	"tasks/pkg/engine"
	"tasks/pkg/task"
)

// role is the spec of the task, and what follows from it.
type role struct {
	spec   task.Spec
	fn     Func
	engine engine.Engine
	policy lifecycle.Policy
	plan   cron.Plan
	zone   string  // of the plan
	edited *edited // what becomes of it; nil: nothing
}

// journal is the part of the record that the state does not have.
type journal struct {
	run       int              // number of the last one
	history   []task.Run       // the last runs; the present one, if any, is the last. Shared: see amend
	rested    task.Time        // when the task ended without a run
	reason    string           // why the state is what it is, for people
	log       string           // of run logOf, see logPath
	logOf     int              // 0: of none
	explained uint64           // the phase that reason is about: its Armed
	unsaved   <-chan time.Time // when to save: a save was postponed, or failed
	failure   error            // of the last save
	lost      string           // why the run of an earlier supervisor is lost
	refused   error            // why a new run could not be recorded, and was stopped
	unerased  error            // why the task could not be removed
	kept      *Request         // what an earlier supervisor was asked for, and this one has begun
	keptUntil time.Time        // until when the client may ask for it again
	gone      *task.Info       // what was shown before the task was removed; nil: it is there
	unknown   task.Unknown     // of the record
	output    *output          // of the runs of a function without a log
	policy    lifecycle.Policy // by which the last run is judged
}

// add begins the history of a run. Snapshots and records share the old one.
func (j *journal) add(r task.Run) {
	before := j.history[max(len(j.history)-keepRuns+1, 0):]
	j.history = slices.Concat(before, []task.Run{r})
}

// amend is the last run, to be changed: snapshots and records keep what it was.
func (j *journal) amend() *task.Run {
	j.history = slices.Clone(j.history)
	return &j.history[len(j.history)-1]
}

// present is the present run.
type present struct {
	launched  chan launched      // receives the run once the engine has started it
	giveUp    context.CancelFunc // ends a start that hangs; nil: it is about to be given up, or over
	proc      engine.Process
	exited    <-chan struct{}
	gone      <-chan struct{}
	announced bool          // its end is: runEnds is called
	since     time.Time     // its beginning, by the monotonic clock, later by as long as it was paused
	pausedAt  time.Time     // since when it is paused, or zero
	pausedFor time.Duration // how long it was paused before
	checks    engine.Checks
	check     chan error         // receives the result of the current check
	uncheck   context.CancelFunc // cancels the current check
	putOff    time.Duration      // by how much the deadline of the current check was put off
	awaited   time.Time          // since when an end is awaited that the engine has not reported; zero: it is not
}

func (p *present) closeChecks() {
	if p.checks != nil {
		p.checks.Close()
		p.checks = nil
	}
}

// ahead is what the next run waits for, and the slot of the current run.
type ahead struct {
	armed   uint64          // the phase that these waits belong to: its Armed
	wait    *deps.Wait      // for dependencies
	waits   map[string]bool // dependencies that are not met yet
	still   []string        // likewise, as an earlier supervisor recorded it; nil: all
	slot    int
	givenUp bool      // its batch is: it is stopped
	queued  task.Time // since when the task is in the queue
	missing string    // why the run could not begin that is tried again
}

// clocks has the times at which something is due.
type clocks struct {
	timer *time.Timer // the phase's deadline
	by    time.Time   // when that is
	next  task.Time   // the restart that the backoff leads to
	due   alarm.Alarm // the next scheduled time, or the end of a delay
}

// callers has the requests under way, by what they wait for.
type callers struct {
	start, end, record, replacement, removal []*Call

	retry  []*Call // handled again after this step
	lining *Call   // a start that has not reached the queue, if that is where it leads
}

func (c *callers) of(kind lifecycle.CallerKind) *[]*Call {
	switch kind {
	case lifecycle.ForStart:
		return &c.start
	case lifecycle.ForEnd:
		return &c.end
	case lifecycle.ForRecord:
		return &c.record
	case lifecycle.ForReplacement:
		return &c.replacement
	default:
		return &c.removal
	}
}

func (c *callers) add(kind lifecycle.CallerKind, call *Call) {
	*c.of(kind) = append(*c.of(kind), call)
}

func (c *callers) any() bool {
	for _, calls := range c.all() {
		if len(calls) > 0 {
			return true
		}
	}
	return false
}

func (c *callers) all() [][]*Call {
	return [][]*Call{c.start, c.end, c.record, c.replacement, c.removal, c.retry}
}
