// Package lifecycle is the state machine of a task. It is a pure value without
// goroutine, clock, input or output: [State.Step] takes an [Event] and returns the
// next State and the effects, in order. Every decision about a task is made here:
// what happens to its run, when the state is recorded, what is shown, which callers
// are answered and when, and how a new supervisor continues from a record. The
// supervisor only carries the decisions out.
//
// A state combines the current phase with the desired state (Desired). So a stop that
// arrives while a run starts, or a restart that arrives while a run ends, is a cell
// of a table and not a flag. On its way to a run a task passes these phases, but for the
// ones that its policy does not need:
//
//	Sleeping (its time) > Waiting (other tasks) > Queued (a slot, resources) > Starting > Probing (readiness) > Running
//
//	phase    | Start      | Retry                | Stop                   | Restart             | Replace                | Remove   | Pause, Resume | Tick         | Deps met, failed | Slot       | Disable, Enable
//	---------+------------+----------------------+------------------------+---------------------+------------------------+----------+---------------+--------------+------------------+------------+-----------------
//	Idle     | on its way | conflict             | conflict               | on its way          | conflict               | conflict | conflict      | -            | -                | -          | conflict
//	Sleeping | conflict   | conflict             | Over *                 | on its way          | on its way             | Idle     | conflict      | on its way * | -                | -          | Over, - °
//	Waiting  | conflict   | conflict             | Over *                 | as it was           | on its way             | Idle     | conflict      | -            | on, Over * '     | -          | Over, - °
//	Queued   | conflict   | conflict             | Over *                 | as it was, Starting | on its way             | Idle     | conflict      | -            | -                | Starting * | Over, - °
//	Starting | conflict   | conflict             | noted                  | noted               | noted                  | noted    | conflict      | overlap      | -                | -          | noted °
//	Probing  | conflict   | conflict             | Stopping, Killing      | Stopping            | Stopping, Killing      | Stopping | conflict      | overlap      | -                | -          | noted °
//	Running  | conflict   | conflict             | Stopping, Killing      | Stopping            | Stopping, Killing      | Stopping | Paused, -     | overlap      | -                | -          | noted °
//	Paused   | conflict   | conflict             | Stopping, Killing      | Stopping            | Stopping, Killing      | Stopping | -, Running    | overlap      | -                | -          | noted °
//	Stopping | conflict   | conflict             | noted, Killing         | noted               | noted, Killing         | noted    | conflict      | overlap      | -                | -          | noted °
//	Killing  | conflict   | conflict             | noted                  | noted               | noted                  | noted    | conflict      | overlap      | -                | -          | noted °
//	Stuck    | conflict   | conflict             | reported, killed again | reported            | reported, killed again | reported | conflict      | overlap      | -                | -          | noted °
//	Backoff  | conflict   | conflict             | Over                   | on its way          | on its way             | Idle     | conflict      | on its way ' | -                | -          | Over, - °
//	Over     | on its way | on its way, conflict | as it was              | on its way          | conflict               | Idle     | conflict      | -            | -                | -          | Over, Sleeping * °
//
//	phase    | Began | Ready   | Unhealthy | Failed  | No resources          | Exited, and left  | Gone    | Timed out
//	---------+-------+---------+-----------+---------+-----------------------+-------------------+---------+-------------------
//	Queued   | -     | -       | -         | -       | -                     | -                 | -       | Starting *
//	Starting | up "  | -       | -         | settled | settled, Queued, Over | -                 | -       | -
//	Probing  | -     | Running | -         | -       | -                     | settled, Stopping | -       | Stopping
//	Running  | -     | -       | Stopping  | -       | -                     | settled, Stopping | -       | Stopping
//	Paused   | -     | -       | -         | -       | -                     | settled, Stopping | -       | -
//	Stopping | -     | -       | -         | -       | -                     | settled, noted    | settled | Killing
//	Killing  | -     | -       | -         | -       | -                     | settled, noted    | settled | Stuck
//	Stuck    | -     | -       | -         | -       | -                     | settled, noted    | settled | -
//	Backoff  | -     | -       | -         | -       | -                     | -                 | -       | Queued, Starting *
//
// "-" changes nothing: the event cannot happen there, or does not matter. The second
// table leaves out the phases that have nothing else in it. "On its way" is the first
// of Sleeping, Waiting, Queued and Starting that applies; "up" is Probing or Running.
// The column Remove is a forced removal; any other is a conflict, but in Over. A
// Retry starts what failed or is lost; any other is a conflict.
//
// (*) A state is held while the supervisor shuts down, or before it resumes the tasks
// of an earlier one. Only GoOn or a restart leads on from there, only a stop ends it.
// (') If the task has a schedule: a failed dependency leads to Sleeping, and a Tick
// leads out of Backoff. (°) A conflict without a schedule, for what is being replaced, and to
// Enable what is being stopped. (") Straight to Stopping or Killing if a stop came meanwhile.
// "Overlap" is the policy of a schedule: nothing, Stopping, or a note that another run
// follows. A run that has not started yet serves the new time as well.
//
// A settled run leads to Over, Backoff, Sleeping, Waiting, Queued or Starting, by
// cause, policy and whether its group still has its slot. One that the machine has no
// resources for leads to Queued, unless a caller gets the error. A Tick says that a scheduled
// time has come. It is an event like a start by hand, and not a deadline. A phase has at
// most one deadline, which is armed as the phase is entered, so a stale timer cannot exist.
//
// Callers wait in [PendingWork] until they have what they asked for, or cannot get it.
// A step that changes something leaves work: record, publish, answer. [Flush] does it
// in this order, so what is acknowledged is durable. Restart and Replace, which end a
// run to start another, are recorded before the run ends: if the supervisor dies in
// between, the next one completes them ([Recovered]).
package lifecycle

import "time"

// Phase is the current phase of a task.
type Phase uint8

// The phases.
const (
	Idle     Phase = iota // never run
	Sleeping              // until its time
	Waiting               // for other tasks
	Queued                // for a slot, or for resources
	Starting              // the engine was asked for a run
	Probing               // the run exists, and is not ready
	Running               // the run exists
	Paused                // its processes are suspended
	Stopping              // it was asked to end, and its grace period runs
	Killing               // it was killed, and must end before a deadline
	Stuck                 // it outlived the kill, and may take forever
	Backoff               // it ended and will be restarted after a delay
	Over                  // it ended
)

var phases = [...]string{
	"idle", "sleeping", "waiting", "queued", "starting", "probing", "running", "paused", "stopping", "killing", "stuck", "backoff", "over",
}

func (p Phase) String() string { return phases[p] }

// Live reports whether a run exists or is about to.
func (p Phase) Live() bool { return p >= Starting && p <= Stuck }

// Up reports whether a run exists that nobody has asked to end.
func (p Phase) Up() bool { return p >= Probing && p <= Paused }

// Pending reports whether a run will start once something else has happened.
func (p Phase) Pending() bool { return p >= Sleeping && p <= Queued }

// Cause is why a run is stopped.
type Cause uint8

// The causes.
const (
	ByItself      Cause = iota // it is not: it ends by itself
	ByStop                     // a stop or an exit: the desired state is stopped
	ByRestart                  // another run follows at once
	ByReplacement              // a run with another spec follows
	ByTime                     // another run follows at once: its time has come
	ByShutdown                 // the supervisor shuts down: the desired state is kept
	ByTimeout                  // it ran for too long
	ByUnready                  // it was not ready in time
	ByUnhealthy                // its health check failed too often
	ByLeftBehind               // the main process ended and left others behind
)

// KillWait is how long a killed run may take to end before it counts as stuck.
const KillWait = 2 * time.Second

// ResourcesWait is how long a task without a group waits for resources until its run is
// tried again. One with a group waits for its slot.
const ResourcesWait = 2 * time.Second

// causes has the names of the causes in records.
var causes = [...]string{
	"", "stop", "restart", "replacement", "time", "shutdown", "timeout", "unready", "unhealthy", "sweep",
}

// Asked reports whether a request or a schedule stops the run.
func (c Cause) Asked() bool { return c >= ByStop && c <= ByShutdown }
