package lifecycle

import (
	"time"

	"tasks/pkg/task"
)

// An Event is one thing that happened. Those of the first list were asked for.
type Event interface{ on(*step) error }

type (
	// Start begins a task that is at rest.
	Start struct {
		Later bool // its time is to come
		Retry bool // another run was ended for it
	}
	// GoOn leads on what was held: what an earlier supervisor had begun.
	GoOn struct {
		Later bool // its time is to come
		Late  int  // times that have passed unseen
		Clear bool // what it waits for has happened already
		Count bool // it is one more of the restarts that were counted then
	}
	// Stop ends the run, or what was to come of one.
	Stop struct {
		Shutdown bool          // by the supervisor, which ends: the wish stays
		Now      bool          // kills
		Grace    time.Duration // if not negative, replaces the policy's
	}
	// Restart ends the run, and begins another at once.
	Restart struct{}
	// Replace ends the run, and begins one of another spec.
	Replace struct {
		Now   bool
		Grace time.Duration
	}
	// Remove forgets the task; with Force it is stopped first.
	Remove struct {
		Force bool
		Now   bool
		Grace time.Duration
	}
	// Pause was done: the processes are stopped.
	Pause struct{}
	// Resume was done: the processes go on.
	Resume struct{}
	// Leave lets the run go on without this supervisor, if it Lasts.
	Leave struct {
		Lasts bool // the engine can take it back
	}
)

type (
	// Recovered makes a new state what an earlier supervisor recorded.
	Recovered struct {
		Kept     Kept
		Found    Found
		NoEngine bool // nothing runs such a task here
	}
	// Tick is a time that has come, or Late of them that have passed unseen.
	Tick struct{ Late int }
	// Dated is another time for what is to come.
	Dated struct{}
	// DependenciesMet is that all it waits for has happened.
	DependenciesMet struct{}
	// DependencyFailed is that something of that cannot happen any more; Exit says what.
	DependencyFailed struct{ Exit task.Exit }
	// SlotGranted is that the task has a slot of its group now.
	SlotGranted struct{}
	// Began is that the run exists; Brief: it may well be over soon.
	Began struct{ Brief bool }
	// Failed is that the run could not begin; Exit says why.
	Failed struct {
		Exit task.Exit
		Lasted
	}
	// OutOfResources is likewise, for want of disk, memory, processes or descriptors: what
	// needs a slot goes back into its queue.
	OutOfResources struct {
		Exit task.Exit
		Lasted
	}
	// Ready is that the readiness check has succeeded.
	Ready struct{}
	// Unhealthy is that the health check has failed too often.
	Unhealthy struct{ Note string }
	// Exited is the end of the main process; Left tells whether it left others behind.
	Exited struct {
		Exit task.Exit
		Left bool
		Lasted
	}
	// Gone is that nothing is left of a run whose main process has ended.
	Gone struct {
		Swept int
		Lasted
	}
	// TimedOut is the end of the phase's time; of a readiness check, Note says why it
	// failed.
	TimedOut struct {
		Note string
		Ran  time.Duration
	}
	// SaveDue is the time of what SaveSoon put off, or of another try.
	SaveDue struct{}
	// Rest is that nothing follows at once: what is owed can be given.
	Rest struct{}
	// Saved is the end of a Save.
	Saved struct{ Failed bool }
	// Dropped is that a Renew has come to nothing.
	Dropped struct{}
	// Postponed is that a Renew is the next supervisor's: this one ends.
	Postponed struct{}
	// Erased is the end of an Erase.
	Erased struct{ Failed bool }
)

// Lasted says what the next pause depends on.
type Lasted struct {
	Ran    time.Duration // how long the run lasted
	Jitter float64       // in [0,1): spreads the pauses of many tasks
}

// Found is what a new supervisor finds of a run that was under way.
type Found uint8

// The findings.
const (
	NoRun      Found = iota // there was none
	TakenBack               // it goes on
	LostRun                 // it is not there
	MayStillBe              // nobody can tell
)
