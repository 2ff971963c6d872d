// Package lifecycle is the state machine of a task, as a value: no goroutine,
// no clock, no input or output. A Machine and an Input give the next Machine
// and what is to be done.
//
// A machine is a phase and a wish. The phase says what is so, the wish what
// the user wants; a stop that arrives while a run begins, or a restart that
// arrives while one ends, is a cell of a table and not a flag. A task on its
// way to a run passes the phases before it, as far as its policy has them:
//
//	Sleeping (its time) > Waiting (other tasks) > Queued (a slot) > Starting > Probing (readiness) > Running
//
//	phase     | Start      | Stop               | Restart    | Pause, Resume | Tick         | Clear, Block | Grant
//	----------+------------+--------------------+------------+---------------+--------------+--------------+---------
//	Idle      | on its way | Over               | on its way | conflict      | -            | -            | -
//	Sleeping  | conflict   | Over *             | on its way | conflict      | on its way * | -            | -
//	Waiting   | conflict   | Over *             | as it was  | conflict      | -            | on, Over * ' | -
//	Queued    | conflict   | Over *             | as it was  | conflict      | -            | -            | Starting *
//	Starting  | conflict   | noted              | noted      | conflict      | overlap      | -            | -
//	Probing   | conflict   | Stopping, Killing  | Stopping   | conflict      | overlap      | -            | -
//	Running   | conflict   | Stopping, Killing  | Stopping   | Paused, -     | overlap      | -            | -
//	Paused    | conflict   | Stopping, Killing  | Stopping   | -, Running    | overlap      | -            | -
//	Stopping  | conflict   | noted, Killing     | noted      | conflict      | overlap      | -            | -
//	Killing   | conflict   | noted              | noted      | conflict      | overlap      | -            | -
//	Stuck     | conflict   | told, killed again | told       | conflict      | overlap      | -            | -
//	Backoff   | conflict   | Over               | on its way | conflict      | on its way ' | -            | -
//	Over      | on its way | as it was          | on its way | conflict      | -            | -            | -
//
//	phase     | Began     | Adopted | Ready   | Sick     | Failed  | Lacks                 | Exited, and left  | Gone    | Timer
//	----------+-----------+---------+---------+----------+---------+-----------------------+-------------------+---------+-----------------
//	Idle      | -         | up      | -       | -        | -       | -                     | -                 | -       | -
//	Starting  | up "      | -       | -       | -        | settled | settled, Queued, Over | -                 | -       | -
//	Probing   | -         | -       | Running | -        | -       | -                     | settled, Stopping | -       | Stopping
//	Running   | -         | -       | -       | Stopping | -       | -                     | settled, Stopping | -       | Stopping
//	Paused    | -         | -       | -       | -        | -       | -                     | settled, Stopping | -       | -
//	Stopping  | -         | -       | -       | -        | -       | -                     | settled, noted    | settled | Killing
//	Killing   | -         | -       | -       | -        | -       | -                     | settled, noted    | settled | Stuck
//	Stuck     | -         | -       | -       | -        | -       | -                     | settled, noted    | settled | -
//	Backoff   | -         | -       | -       | -        | -       | -                     | -                 | -       | Queued, Starting
//	Over      | -         | up      | -       | -        | -       | -                     | -                 | -       | -
//
// "-" cannot happen or does not matter, and changes nothing; the phases that the
// second table leaves out have nothing else in it. "On its way" is the first of
// Sleeping, Waiting, Queued and Starting that is due; "up" is Probing or Running,
// or Paused where that was so.
//
// (*) A shutdown leaves it as it is, and then nothing leads on but a restart, and
// nothing ends it but a stop. (') Of a schedule: Block leads to Sleeping, and a
// Tick leads out of Backoff. (") Straight on to Stopping or Killing if a stop came
// meanwhile. "Overlap" is the policy of a schedule: nothing, Stopping, or a note
// that another run follows; a run that has yet to begin is that of the time too.
//
// A settled run leads to Over, Backoff, Sleeping, Waiting, Queued or Starting, by
// cause and policy. A Tick, a time that is due, is an event like a start by hand:
// it is no deadline. A phase owns at most one deadline, which is armed when the
// phase is entered, so a stale timer cannot exist.
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
	Sleeping              // until its time
	Waiting               // for other tasks
	Queued                // for a slot
	Starting              // the engine was asked for a run
	Probing               // the run exists, and is not ready
	Running               // the run exists
	Paused                // its processes are stopped
	Stopping              // it was asked to end, and has its grace
	Killing               // it was killed, and is awaited
	Stuck                 // it outlived the kill: awaited without a deadline
	Backoff               // it ended and will be started again
	Over                  // it ended
)

var phases = [...]string{
	"idle", "sleeping", "waiting", "queued", "starting", "probing", "running", "paused", "stopping", "killing", "stuck", "backoff", "over",
}

func (p Phase) String() string { return phases[p] }

// Live tells whether a run exists or is about to.
func (p Phase) Live() bool { return p >= Starting && p <= Stuck }

// Up tells whether a run exists that nobody has asked to end.
func (p Phase) Up() bool { return p >= Probing && p <= Paused }

// Pending tells whether a run is to come, once something has happened.
func (p Phase) Pending() bool { return p >= Sleeping && p <= Queued }

// Cause is why a run was asked to end.
type Cause uint8

// The causes.
const (
	None      Cause = iota // it was not: it ends by itself
	Stop                   // a stop or an exit: takes the wish back
	Restart                // another run follows at once
	Replace                // likewise, because its time has come
	Shutdown               // the supervisor ends: the wish stays
	Timeout                // it ran for too long
	Unready                // it was not ready in time
	Unhealthy              // its health check failed too often
	Sweep                  // the main process ended and left others behind
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
	Leave   bool          // what a run leaves behind stays
	Success Codes         // exit codes that are no failure; none: 0
	Ready   time.Duration // how long a run may take to be ready; 0: it is at once
	After   bool          // other tasks come first
	Grouped bool          // a run needs a slot
	Repeats bool          // there is a run whenever its time comes
	Overlap task.Overlap
}

// PolicyOf is the policy of a spec, with its defaults.
func PolicyOf(s *task.Spec) Policy {
	p := Policy{
		Restart: s.Restart, Max: -1, Backoff: s.Pauses(), Grace: s.Grace(), Leave: s.LeaveChildren,
		After: len(s.After)+len(s.AfterEnded) > 0, Grouped: s.Group != "", Repeats: s.Repeats(), Overlap: s.Overlap,
	}
	for _, code := range s.SuccessCodes {
		p.Success[code/64] |= 1 << (code % 64)
	}
	if s.MaxRestarts != nil {
		p.Max = *s.MaxRestarts
	}
	if s.Timeout != nil {
		p.Timeout = time.Duration(*s.Timeout)
	}
	if s.Ready.Checked() {
		p.Ready = s.Ready.Patience()
	}
	return p
}

// Codes is a set of exit codes.
type Codes [4]uint64

func (p *Policy) ok(e task.Exit) bool {
	if p.Success == (Codes{}) || e.Signal != 0 || e.Lost || e.Err != "" {
		return e.OK()
	}
	return p.Success[e.Code/64%4]&(1<<(e.Code%64)) != 0
}

// Machine is the state of one task. The zero value has never run.
type Machine struct {
	Phase    Phase
	Wish     task.Wish
	Cause    Cause         // why the run is being, or was, ended; Shutdown in a pending phase: nothing begins any more
	Grace    time.Duration // of the stop under way
	Pause    time.Duration // of the backoff under way
	Unasked  bool          // nobody has asked for the run: if it cannot begin, nobody is told
	Retry    bool          // it was up, or to be: where there is no room for the run it is tried again, whoever asked for it
	Begun    bool          // there was a run since the last start by hand, or since its time came
	Before   bool          // likewise, before the one that is starting
	Taken    bool          // it has slept or run since its start by hand: what repeats does so from then on
	Again    bool          // its time came while the run lasts: another follows
	Late     int           // times that had passed unseen before the run
	Restarts int           // automatic ones since the last start by hand
	Streak   int           // short runs in a row: the backoff's exponent
	Exited   bool          // the main process has ended
	Killed   bool          // the run was killed
	Note     string        // what the check said that ended the run
	Exit     task.Exit     // of the run, once Exited
	Last     Ending        // of the last run that is over, or of what kept it from beginning
	Armed    uint64        // changes whenever Deadline is to be armed anew
}

// Ending is how a task came to rest: how its last run ended, and why.
type Ending struct {
	State  task.State
	Cause  Cause
	Exit   task.Exit
	Killed bool
	Note   string
}

// Kind says what happened.
type Kind uint8

// The inputs.
const (
	DoStart    Kind = iota // by hand; Later: its time is to come
	DoStop                 // Cause is Stop or Shutdown; Now kills; Grace, if not negative, replaces the policy's
	DoRestart              // by hand, or else Unasked, after a death of the supervisor or a reboot, with Later and Late
	DoPause                // by hand
	DoResume               // by hand
	DidTick                // its time has come, or Late of them have passed unseen
	DidClear               // all that it waits for has happened; Unasked: its caller was answered meanwhile
	DidBlock               // something of that cannot happen any more; Exit says what
	DidGrant               // it has a slot; Unasked likewise
	DidBegin               // the run exists
	DidAdopt               // a run of an earlier supervisor was taken back; it was Ready, or Paused
	DidReady               // its readiness check has succeeded
	DidSicken              // its health check has failed too often; Exit says how
	DidFail                // the run could not begin; Exit says why
	DidLack                // likewise, for want of disk, memory, processes or descriptors: what needs a slot goes back into its queue
	DidExit                // the main process ended; Left tells whether it left others behind
	DidVanish              // nothing of the run is left
	DidTimeOut             // the deadline passed; of a readiness check, Exit says why it failed
)

// Input is one thing that happened.
type Input struct {
	Kind    Kind
	Cause   Cause
	Now     bool
	Grace   time.Duration
	Unasked bool
	Later   bool
	Late    int
	Retry   bool // another run was ended for it
	Clear   bool // what it waits for has happened already
	Ready   bool
	Paused  bool
	Exit    task.Exit
	Left    bool
	Ran     time.Duration // how long the run lasted
	Jitter  float64       // in [0,1): spreads the pauses of many tasks
}

// Action is something to do, in the order given.
type Action uint8

// The actions. What a phase waits for (a deadline, other tasks, a slot, a check)
// is no action: it begins and ends with the phase.
const (
	Launch Action = iota // ask the engine for a run
	Ask                  // send the stop signal to all of the run
	Kill                 // kill all of it
	Settle               // the run is over: record it, and answer who waits for its end
	Report               // it outlived the kill: tell who waits for its end
	Forget               // the run that was asked for has not come to be
)

// Deadline is how long the phase may last; 0: for ever. DidTimeOut is due then.
func (m Machine) Deadline(p Policy) time.Duration {
	switch m.Phase {
	case Probing:
		if p.Timeout > 0 {
			return min(p.Ready, p.Timeout)
		}
		return p.Ready
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
