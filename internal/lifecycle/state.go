package lifecycle

import (
	"time"

	"tasks/pkg/task"
)

// State is everything that a decision about a task depends on. The zero value is a
// task that was never started.
type State struct {
	Phase        Phase
	Desired      task.Desired
	Held         bool          // nothing starts: the supervisor shuts down, or has not resumed its tasks yet
	Cause        Cause         // why the run is being stopped
	Grace        time.Duration // of the stop under way
	BackoffDelay time.Duration // of the backoff under way
	RerunPending bool          // a scheduled time came during the run: another run follows
	Disabled     bool          // its schedule starts no run; one by hand may
	Series       Series
	Run          Run
	Last         Ending
	Work         PendingWork
	Armed        uint64 // changes whenever a phase is entered, so that its [Needs] start again
}

// Series is the runs since the last start by hand, or since the last scheduled time.
type Series struct {
	Automatic      bool // no caller waits for the run to start: if the machine is out of resources for it, it is tried again
	Retry          bool // likewise where a caller waits: what the run follows was given up for it
	Ran            bool // the series has had a run
	RanBefore      bool // it had one before the run that is starting
	ScheduleActive bool // it has slept or run since its start by hand: from then on its schedule is in force
	Missed         int  // times that had passed unseen before the run
	Restarts       int  // automatic ones since the last start by hand
	ShortRuns      int  // short runs in a row: the backoff's exponent
}

// Run is the current run.
type Run struct {
	Exited  bool      // its main process has ended
	Killed  bool      // it was killed; in Starting: kill it once it exists
	Refused bool      // it is stopped because it could not be recorded
	Note    string    // message of the check that failed
	Exit    task.Exit // once Exited
}

// Ending is how the last run ended, and why.
type Ending struct {
	State  task.State
	Cause  Cause
	Exit   task.Exit
	Killed bool
	Note   string
}

// TimedOut reports whether a timeout ended the run.
func (e Ending) TimedOut() bool { return e.Cause == ByTimeout || e.Cause == ByUnready }

// PendingWork is what must still be recorded, published and answered.
type PendingWork struct {
	Changed bool // since the task was last published
	Stale   bool // the record differs from the state: the save was postponed, or failed
	Began   bool // the run, since the task was last published
	Intent  Intent
	Record  Recording
	Callers [callerKinds]Outcome
}

// Intent is a decision to end the run for another, which must be recorded first.
type Intent struct {
	Cause Cause // ByRestart or ByReplacement; ByItself if there is no intent
	Now   bool
	Grace time.Duration
}

// Recording is when the state must be saved.
type Recording uint8

// The recordings.
const (
	NotNow Recording = iota
	Soon             // it may share one save with what follows
	Now              // before anybody is answered
)

// CallerKind is what a caller waits for.
type CallerKind uint8

// The kinds.
const (
	ForStart       CallerKind = iota // a run has started, or waits for its time, dependencies or slot
	ForEnd                           // the run has ended
	ForRecord                        // the change is recorded
	ForReplacement                   // a run with their own spec replaces this one
	ForRemoval                       // the task is removed
	callerKinds
)

// Outcome is the answer that callers get.
type Outcome uint8

// The outcomes.
const (
	NoCaller    Outcome = iota // there is no caller
	Pending                    // what they wait for is under way
	Done                       // they have what they asked for
	Unsaved                    // likewise, but it could not be recorded
	CannotBegin                // the run could not start
	TriedAgain                 // likewise, and it is tried again after a delay
	IsBlocked                  // a dependency failed
	IsStuck                    // the run outlived the kill
	WasStopped                 // the task was stopped before the run started
	IsRefused                  // the run could not be recorded, and was stopped again
	GoesOn                     // the end of the run could not be recorded, so it continues
	NotErased                  // its logs or its record could not be deleted
)

// HasCaller reports whether a caller of that kind waits.
func (s State) HasCaller(kind CallerKind) bool { return s.Work.Callers[kind] != NoCaller }

// HasWork reports whether a [Flush] has something to do.
func (s State) HasWork() bool {
	o := &s.Work
	if o.Changed || o.Record != NotNow {
		return true
	}
	for kind, out := range o.Callers {
		switch pending := s.Phase.Pending(); {
		case out > Pending, out == Pending && s.Phase == Over && (CallerKind(kind) != ForReplacement || !s.Held):
			return true
		case out == Pending && pending && (CallerKind(kind) == ForStart && !s.Run.Refused || CallerKind(kind) == ForEnd && s.Held):
			return true
		}
	}
	return false
}

// StartIsAwaited reports whether a request waits until the run exists, or cannot.
func (s State) StartIsAwaited() bool { return s.Phase == Starting && (s.Held || s.Cause != ByItself) }

// Unbegun reports whether the task waits for its first run since it was started.
func (s State) Unbegun() bool {
	return s.Phase.Pending() && !s.Series.Ran && s.Series.Restarts == 0
}

// Inactive reports whether there is nothing to stop.
func (s State) Inactive() bool { return s.Phase == Idle || s.Phase == Over }

// HasRun reports whether a run exists or is about to.
func (s State) HasRun() bool { return s.Phase.Live() }

// IsUp reports whether there is a run that nobody has asked to end.
func (s State) IsUp() bool { return s.Phase.Up() }

// Intends reports whether the run ends as soon as that is recorded.
func (s State) Intends() bool { return s.Work.Intent.Cause != ByItself }

// IsReplaced reports whether a run with another spec follows this run, or the wait for it.
func (s State) IsReplaced() bool {
	return s.Cause == ByReplacement && s.Phase.Live() || s.Work.Intent.Cause == ByReplacement || s.Held && s.Phase == Over && s.HasCaller(ForReplacement)
}

// NeverStarted reports whether the task was never started.
func (s State) NeverStarted() bool { return s.Phase == Idle }

// Asleep reports whether the task waits for its time.
func (s State) Asleep() bool { return s.Phase == Sleeping }

// Follows reports whether another run follows at once when this one ends.
func (s State) Follows() bool {
	return s.Cause == ByRestart || s.Cause == ByTime || s.Cause == ByReplacement
}

// CanPause reports whether there is a run that can be paused.
func (s State) CanPause() bool { return s.Phase == Running }

// CanResume reports whether there is a run that is paused.
func (s State) CanResume() bool { return s.Phase == Paused }

// Replaces reports whether the next scheduled time replaces the run.
func (s State) Replaces(p Policy) bool {
	return p.Repeats && p.Overlap == task.OverlapReplace && s.Phase.Up() && !s.Disabled
}
