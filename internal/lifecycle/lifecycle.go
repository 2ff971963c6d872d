// Package lifecycle is the state machine of a task, as a value: no goroutine,
// no clock, no input or output. A Machine and an Input give the next Machine
// and what is to be done.
//
// A machine is a phase and a wish. The phase says what is so, the wish what
// the user wants; a stop that arrives while a run begins, or a restart that
// arrives while one ends, is a cell of that table and not a flag:
//
//	phase     | Start     | Stop               | Restart  | Began     | Failed  | Exited, and left  | Gone    | Timer
//	----------+-----------+--------------------+----------+-----------+---------+-------------------+---------+---------
//	Idle      | Starting  | Over               | Starting | Running ° | -       | -                 | -       | -
//	Starting  | conflict  | noted              | noted    | Running * | settled | -                 | -       | -
//	Running   | conflict  | Stopping           | Stopping | -         | -       | settled, Stopping | -       | Stopping
//	Stopping  | conflict  | noted, Killing     | noted    | -         | -       | settled, noted    | settled | Killing
//	Killing   | conflict  | noted              | noted    | -         | -       | settled, noted    | settled | Stuck
//	Stuck     | conflict  | told, killed again | told     | -         | -       | settled, noted    | settled | -
//	Backoff   | conflict  | Over               | Starting | -         | -       | -                 | -       | Starting
//	Over      | Starting  | as it was          | Starting | Running ° | -       | -                 | -       | -
//
// "-" cannot happen and changes nothing. (*) Straight on to Stopping or Killing
// if a stop came meanwhile. (°) Where an earlier supervisor began it. A settled
// run leads to Over, Backoff or Starting, by cause and policy. A phase owns at
// most one deadline, which is armed when the phase is entered, so a stale timer
// cannot exist.
package lifecycle

import (
	"time"

	"tasks/pkg/task"
)

// Phase is what is so.
type Phase uint8

// The phases.
const (
	Idle     Phase = iota // never run
	Starting              // the engine was asked for a run
	Running               // the run exists
	Stopping              // it was asked to end, and has its grace
	Killing               // it was killed, and is awaited
	Stuck                 // it outlived the kill: awaited without a deadline
	Backoff               // it ended and will be started again
	Over                  // it ended
)

var phases = [...]string{"idle", "starting", "running", "stopping", "killing", "stuck", "backoff", "over"}

func (p Phase) String() string { return phases[p] }

// Live tells whether a run exists or is about to.
func (p Phase) Live() bool { return p >= Starting && p <= Stuck }

// Cause is why a run was asked to end.
type Cause uint8

// The causes.
const (
	None     Cause = iota // it was not: it ends by itself
	Stop                  // a stop or an exit: takes the wish back
	Restart               // another run follows at once
	Shutdown              // the supervisor ends: the wish stays
	Timeout               // it ran for too long
	Sweep                 // the main process ended and left others behind
)

// KillWait is how long a killed run is awaited before it counts as stuck.
const KillWait = 2 * time.Second

// Policy is the part of a spec that the machine goes by.
type Policy struct {
	Restart task.Restart
	Max     int // automatic restarts; negative: no limit
	Backoff task.Backoff
	Timeout time.Duration // 0: none
	Grace   time.Duration
	Leave   bool // what a run leaves behind stays
}

// PolicyOf is the policy of a spec, with its defaults.
func PolicyOf(s *task.Spec) Policy {
	p := Policy{Restart: s.Restart, Max: -1, Backoff: s.Pauses(), Grace: s.Grace(), Leave: s.LeaveChildren}
	if s.MaxRestarts != nil {
		p.Max = *s.MaxRestarts
	}
	if s.Timeout != nil {
		p.Timeout = time.Duration(*s.Timeout)
	}
	return p
}

// Machine is the state of one task. The zero value has never run.
type Machine struct {
	Phase    Phase
	Wish     task.Wish
	Cause    Cause         // why the run is being, or was, ended
	Grace    time.Duration // of the stop under way
	Pause    time.Duration // of the backoff under way
	Unasked  bool          // nobody has asked for the run: if it cannot begin, nobody is told
	Restarts int           // automatic ones since the last start by hand
	Streak   int           // short runs in a row: the backoff's exponent
	Exited   bool          // the main process has ended
	Killed   bool          // the run was killed
	Exit     task.Exit     // of the run, once Exited
	Last     Ending        // of the last run that is over
	Armed    uint64        // changes whenever Deadline is to be armed anew
}

// Ending is how a task came to rest: how its last run ended, and why.
type Ending struct {
	State  task.State
	Cause  Cause
	Exit   task.Exit
	Killed bool
}

// Kind says what happened.
type Kind uint8

// The inputs.
const (
	DoStart    Kind = iota // by hand
	DoStop                 // Cause is Stop or Shutdown; Now kills; Grace, if not negative, replaces the policy's
	DoRestart              // by hand, or else Unasked, after a death of the supervisor or a reboot
	DidBegin               // the run exists
	DidAdopt               // a run of an earlier supervisor was taken back
	DidFail                // the run could not begin; Exit says why
	DidExit                // the main process ended; Left tells whether it left others behind
	DidVanish              // nothing of the run is left
	DidTimeOut             // the deadline passed
)

// Input is one thing that happened.
type Input struct {
	Kind    Kind
	Cause   Cause
	Now     bool
	Grace   time.Duration
	Unasked bool
	Exit    task.Exit
	Left    bool
	Ran     time.Duration // how long the run lasted
	Jitter  float64       // in [0,1): spreads the pauses of many tasks
}

// Action is something to do, in the order given.
type Action uint8

// The actions.
const (
	Launch Action = iota // ask the engine for a run
	Ask                  // send the stop signal to all of the run
	Kill                 // kill all of it
	Settle               // the run is over: record it, and answer who waits for its end
	Report               // it outlived the kill: tell who waits for its end
)

// Deadline is how long the phase may last; 0: for ever. DidTimeOut is due then.
func (m Machine) Deadline(p Policy) time.Duration {
	switch m.Phase {
	case Running:
		return p.Timeout
	case Stopping:
		return max(m.Grace, time.Nanosecond)
	case Killing:
		return KillWait
	case Backoff:
		return max(m.Pause, time.Nanosecond)
	}
	return 0
}
