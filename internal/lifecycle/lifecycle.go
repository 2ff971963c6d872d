// Package lifecycle is the state machine of a task, as a value: no goroutine, no
// clock, no input or output. A [State] and an [Event] give the next State and the
// effects, in their order. All that decides what becomes of a task is here: what is
// done to its run, when it is recorded, what is shown, who is answered and when, and
// what a new supervisor makes of a record. How it is done is the supervisor's.
//
// A state is a phase and a wish. The phase says what is so, the wish what the user
// wants; a stop that arrives while a run begins, or a restart that arrives while one
// ends, is a cell of a table and not a flag. A task on its way to a run passes the
// phases before it, as far as its policy has them:
//
//	Sleeping (its time) > Waiting (other tasks) > Queued (a slot) > Starting > Probing (readiness) > Running
//
//	phase     | Start      | Stop               | Restart    | Replace            | Remove     | Pause, Resume | Tick         | Clear, Block | Grant
//	----------+------------+--------------------+------------+--------------------+------------+---------------+--------------+--------------+---------
//	Idle      | on its way | conflict           | on its way | conflict           | conflict   | conflict      | -            | -            | -
//	Sleeping  | conflict   | Over *             | on its way | on its way         | Idle       | conflict      | on its way * | -            | -
//	Waiting   | conflict   | Over *             | as it was  | on its way         | Idle       | conflict      | -            | on, Over * ' | -
//	Queued    | conflict   | Over *             | as it was  | on its way         | Idle       | conflict      | -            | -            | Starting *
//	Starting  | conflict   | noted              | noted      | noted              | noted      | conflict      | overlap      | -            | -
//	Probing   | conflict   | Stopping, Killing  | Stopping   | Stopping, Killing  | Stopping   | conflict      | overlap      | -            | -
//	Running   | conflict   | Stopping, Killing  | Stopping   | Stopping, Killing  | Stopping   | Paused, -     | overlap      | -            | -
//	Paused    | conflict   | Stopping, Killing  | Stopping   | Stopping, Killing  | Stopping   | -, Running    | overlap      | -            | -
//	Stopping  | conflict   | noted, Killing     | noted      | noted, Killing     | noted      | conflict      | overlap      | -            | -
//	Killing   | conflict   | noted              | noted      | noted              | noted      | conflict      | overlap      | -            | -
//	Stuck     | conflict   | told, killed again | told       | told, killed again | told       | conflict      | overlap      | -            | -
//	Backoff   | conflict   | Over               | on its way | on its way         | Idle       | conflict      | on its way ' | -            | -
//	Over      | on its way | as it was          | on its way | conflict           | Idle       | conflict      | -            | -            | -
//
//	phase     | Began     | Ready   | Sick     | Failed  | Lacks                 | Exited, and left  | Gone    | Timer
//	----------+-----------+---------+----------+---------+-----------------------+-------------------+---------+-----------------
//	Starting  | up "      | -       | -        | settled | settled, Queued, Over | -                 | -       | -
//	Probing   | -         | Running | -        | -       | -                     | settled, Stopping | -       | Stopping
//	Running   | -         | -       | Stopping | -       | -                     | settled, Stopping | -       | Stopping
//	Paused    | -         | -       | -        | -       | -                     | settled, Stopping | -       | -
//	Stopping  | -         | -       | -        | -       | -                     | settled, noted    | settled | Killing
//	Killing   | -         | -       | -        | -       | -                     | settled, noted    | settled | Stuck
//	Stuck     | -         | -       | -        | -       | -                     | settled, noted    | settled | -
//	Backoff   | -         | -       | -        | -       | -                     | -                 | -       | Queued, Starting *
//
// "-" cannot happen or does not matter, and changes nothing; the phases that the
// second table leaves out have nothing else in it. "On its way" is the first of
// Sleeping, Waiting, Queued and Starting that is due; "up" is Probing or Running.
// Remove is one by force: without, it is a conflict in all phases but Over.
//
// (*) A state that is held, because the supervisor ends or does not go on yet, stays
// as it is: nothing leads on but GoOn or a restart, and nothing ends it but a stop.
// (') Of a schedule: Block leads to Sleeping, and a Tick leads out of Backoff.
// (") Straight on to Stopping or Killing if a stop came meanwhile. "Overlap" is the
// policy of a schedule: nothing, Stopping, or a note that another run follows; a run
// that has yet to begin is that of the time too.
//
// A settled run leads to Over, Backoff, Sleeping, Waiting, Queued or Starting, by
// cause and policy. A Tick, a time that is due, is an event like a start by hand:
// it is no deadline. A phase owns at most one deadline, which is armed when the
// phase is entered, so a stale timer cannot exist.
//
// Requests wait in [Owed] until what they ask for has come, or cannot. A step that
// changes something owes a record, a look and answers, in this order, and [Rest] gives
// them: what is acknowledged as done is durable. What ends a run for the sake of another
// (Restart, Replace) is recorded before: a death of the supervisor cuts it in two, and
// the next one goes on with it ([Recovered]).
package lifecycle

import "time"

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
	ByItself      Cause = iota // it was not
	ByStop                     // a stop or an exit: takes the wish back
	ByRestart                  // another run follows at once
	ByReplacement              // one of another spec follows
	ByTime                     // another run follows at once: its time has come
	ByShutdown                 // the supervisor ends: the wish stays
	ByTimeout                  // it ran for too long
	ByUnready                  // it was not ready in time
	ByUnhealthy                // its health check failed too often
	BySweep                    // the main process ended and left others behind
)

// KillWait is how long a killed run is awaited before it counts as stuck.
const KillWait = 2 * time.Second

// causes are the names that records have.
var causes = [...]string{
	"", "stop", "restart", "replacement", "time", "shutdown", "timeout", "unready", "unhealthy", "sweep",
}

// Asked tells whether somebody has asked the run to end, or its time has.
func (c Cause) Asked() bool { return c >= ByStop && c <= ByShutdown }
