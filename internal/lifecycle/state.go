package lifecycle

import (
	"time"

	"tasks/pkg/task"
)

// State is all that decides what becomes of a task. The zero value is a task that
// never was.
type State struct {
	Phase        Phase
	Wish         task.Wish
	Held         bool          // nothing begins: the supervisor ends, or does not go on yet
	Cause        Cause         // why the run is being ended
	Grace        time.Duration // of the stop under way
	Pause        time.Duration // of the backoff under way
	RerunPending bool          // its time came while the run lasts: another follows
	Turn         Turn
	Run          Run
	Last         Ending
	Owed         Owed
	Armed        uint64 // changes whenever a phase is entered: its needs begin again
}

// Turn is the runs since the last start by hand, or since the time of one came.
type Turn struct {
	Automatic      bool // nobody waits to hear whether the run can begin
	Retry          bool // it was up, or to be: if there are no resources for the run it is tried again, whoever asked for it
	Ran            bool // there was a run since the last start by hand, or since its time came
	RanBefore      bool // likewise, before the one that is starting
	ScheduleActive bool // it has slept or run since its start by hand: a schedule goes on from then on
	Late           int  // times that had passed unseen before the run
	Restarts       int  // automatic ones since the last start by hand
	Streak         int  // short runs in a row: the backoff's exponent
}

// Run is the run under way.
type Run struct {
	Exited  bool      // its main process has ended
	Killed  bool      // it was killed; in Starting: kill it once it exists
	Refused bool      // it is ended because it could not be recorded
	Note    string    // what the check said that ended it
	Exit    task.Exit // once Exited
}

// Ending is how a task came to rest: how its last run ended, and why.
type Ending struct {
	State  task.State
	Cause  Cause
	Exit   task.Exit
	Killed bool
	Note   string
}

// TimedOut tells whether it was a limit of time that ended the run.
func (e Ending) TimedOut() bool { return e.Cause == ByTimeout || e.Cause == ByUnready }

// Owed is what is still to be recorded, shown and answered.
type Owed struct {
	Changed bool // since the task was last shown
	Stale   bool // the record is not as the state is: that was put off, or has failed
	Began   bool // the run, since then
	Intent  Intent
	Record  Recording
	Callers [callers]Outcome
}

// Intent is an end of the run that waits for its record.
type Intent struct {
	Cause Cause // ByRestart or ByReplacement, or there is none
	Now   bool
	Grace time.Duration
}

// Recording says when to record the state.
type Recording uint8

// The recordings.
const (
	NotNow Recording = iota
	Soon             // it may take one save with what follows
	Now              // before anybody is answered
)

// Who is those who wait for the same.
type Who uint8

// The callers.
const (
	Begins  Who = iota // for a run to begin, or to be on its way
	Ends               // for the run to end
	Turns              // for what they changed to be recorded
	Renews             // for a run of their own spec in the place of this one
	Removes            // for the task to be forgotten
	callers
)

// Outcome is what callers are owed.
type Outcome uint8

// The outcomes.
const (
	Nothing     Outcome = iota // nobody waits
	Pending                    // what they wait for is under way
	Done                       // it is as they asked
	Unsaved                    // likewise, but could not be recorded
	CannotBegin                // the run could not begin
	TriedAgain                 // likewise, and is tried again after a pause
	IsBlocked                  // what it waits for cannot happen any more
	IsStuck                    // it outlived the kill
	WasStopped                 // it was stopped before it began again
	IsRefused                  // its beginning could not be recorded: it was ended again
	GoesOn                     // what was to end could not be recorded: it goes on
	NotErased                  // its logs or its record are still there
)

// Waits tells whether anybody of who waits.
func (s State) Waits(who Who) bool { return s.Owed.Callers[who] != Nothing }

// Owes tells whether there is something that a [Rest] gives.
func (s State) Owes() bool {
	o := &s.Owed
	if o.Changed || o.Record != NotNow {
		return true
	}
	for who, out := range o.Callers {
		switch pending := s.Phase.Pending(); {
		case out > Pending, out == Pending && s.Phase == Over && (Who(who) != Renews || !s.Held):
			return true
		case out == Pending && pending && (Who(who) == Begins && !s.Run.Refused || Who(who) == Ends && s.Held):
			return true
		}
	}
	return false
}

// AtRest tells whether there is nothing to stop.
func (s State) AtRest() bool { return s.Phase == Idle || s.Phase == Over }

// HasRun tells whether there is a run, or is about to be.
func (s State) HasRun() bool { return s.Phase.Live() }

// IsUp tells whether there is a run that nobody has asked to end.
func (s State) IsUp() bool { return s.Phase.Up() }

// Intends reports whether an end of the run waits for its record.
func (s State) Intends() bool { return s.Owed.Intent.Cause != ByItself }

// IsReplaced tells whether one of another spec follows the run, or the wait for one.
func (s State) IsReplaced() bool {
	return s.Cause == ByReplacement && s.Phase.Live() || s.Owed.Intent.Cause == ByReplacement || s.Held && s.Phase == Over && s.Waits(Renews)
}

// Never tells whether the task's first start is still to come.
func (s State) Never() bool { return s.Phase == Idle }

// Asleep tells whether the task waits for its time.
func (s State) Asleep() bool { return s.Phase == Sleeping }

// Follows tells whether another run follows the one that ends at once.
func (s State) Follows() bool {
	return s.Cause == ByRestart || s.Cause == ByTime || s.Cause == ByReplacement
}

// CanPause tells whether there is a run that can be paused.
func (s State) CanPause() bool { return s.Phase == Running }

// Replaces tells whether a time that comes ends the run for another.
func (s State) Replaces(p Policy) bool {
	return p.Repeats && p.Overlap == task.OverlapReplace && s.Phase.Up()
}
