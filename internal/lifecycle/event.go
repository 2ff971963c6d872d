package lifecycle

import (
	"time"

	"tasks/pkg/task"
)

// An Event is one thing that happened. The events of the first list are requests.
type Event interface{ on(*step) error }

type (
	// Start starts an inactive task.
	Start struct {
		Later bool // at its time, which has not come yet
		Retry bool // another run was stopped for it
	}
	// Retry starts a task that failed or is lost.
	Retry struct {
		Later bool // at its time, which has not come yet
	}
	// GoOn resumes a held task: what an earlier supervisor had begun.
	GoOn struct {
		Later  bool // at its time, which has not come yet
		Missed int  // scheduled times that passed without a supervisor
		Clear  bool // its dependencies were met already
		Count  bool // this counts as an automatic restart

		Continues bool // the series of runs: no start by hand, and no scheduled time, leads to this one
	}
	// Stop stops the run, or the wait for one.
	Stop struct {
		Shutdown bool          // because the supervisor ends: the desired state is kept
		Now      bool          // by KILL
		Grace    time.Duration // if not negative, replaces the policy's
	}
	// Restart stops the run, and starts another at once.
	Restart struct{}
	// Replace stops the run, and starts one with another spec.
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
	// Pause says that the processes were suspended.
	Pause struct{}
	// Resume says that the processes were resumed.
	Resume struct{}
	// Disable has the schedule start no further run: one that is under way finishes.
	Disable struct{}
	// Enable has the schedule start runs again, from its next time on.
	Enable struct{}
	// Edit says that the task has another spec: what follows from it is Policy.Edited.
	Edit struct {
		Later bool // its time, if that is new, has not come yet
	}
	// Leave keeps the run beyond the end of this supervisor, if it Lasts.
	Leave struct {
		Lasts bool // the engine can take it back
	}
)

type (
	// Recovered restores what an earlier supervisor recorded.
	Recovered struct {
		Recorded Recorded
		Found    Found
		NoEngine bool // this supervisor cannot run such a task
	}
	// Tick says that a scheduled time has come; Missed is how many passed unnoticed.
	Tick struct{ Missed int }
	// Dated says that the next scheduled time has changed.
	Dated struct{}
	// DependenciesMet says that every dependency has ended or is ready, as required.
	DependenciesMet struct{}
	// DependencyFailed says that a dependency can no longer be met; Exit says why.
	DependencyFailed struct{ Exit task.Exit }
	// SlotGranted says that the task now has a slot of its group.
	SlotGranted struct{}
	// Began says that the run exists; Brief that it will probably be short.
	Began struct{ Brief bool }
	// Failed says that the run could not start; Exit says why.
	Failed struct {
		Exit task.Exit
		Lasted
	}
	// OutOfResources says that the run could not start because the machine is out of disk,
	// memory, processes or descriptors, or because what the supervisor must make of a run
	// cannot be made now. It is as if the run had not been tried, but for who asked for it.
	OutOfResources struct {
		Exit task.Exit
		Lasted
	}
	// Ready says that the readiness check succeeded.
	Ready struct{}
	// Unhealthy says that the health check failed too often.
	Unhealthy struct{ Note string }
	// Exited says that the main process ended; Left that it left others behind.
	Exited struct {
		Exit task.Exit
		Left bool
		Lasted
	}
	// Gone says that no process is left of a run whose main process has ended.
	Gone struct {
		LeftBehind int
		Lasted
	}
	// TimedOut says that the phase reached its deadline; Note says why a readiness check
	// failed.
	TimedOut struct {
		Note string
		Ran  time.Duration
	}
	// SaveDue says that the delay after a SaveSoon, or after a Save that failed, is over:
	// the state must be recorded now, unless it is about to change.
	SaveDue struct{}
	// Flush says that no other event follows at once: the pending work can be done.
	Flush struct{}
	// Saved says that a Save has ended.
	Saved struct{ Failed bool }
	// Dropped says that a Renew was not carried out.
	Dropped struct{}
	// Postponed says that a Renew is left to the next supervisor, as this one shuts down.
	Postponed struct{}
	// Erased says that an Erase has ended.
	Erased struct{ Failed bool }
)

// Lasted is what the run that follows depends on.
type Lasted struct {
	Ran      time.Duration // how long the run lasted
	Jitter   float64       // in [0,1): spreads the restarts of many tasks
	SlotGone bool          // the group no longer has the slot of the run
}

// Found is what a new supervisor finds of a run that was under way.
type Found uint8

// The findings.
const (
	NoRun      Found = iota // there was none
	TakenBack               // it still runs, and is ours again
	LostRun                 // it is gone
	MayStillBe              // it may still run: the look failed
)
