// Package fault lets a test kill the supervisor at a named step. In the normal
// program it does nothing and costs nothing: the build tag faults switches it on.
package fault

// Variable names the point at which the program is to die, and at which pass
// through it, such as "forked:3"; without a number at the first.
const Variable = "TASKS_FAULT"

// Points are all there are. Each is passed at one place in the program.
var Points = []string{
	"forked",     // a process was forked, nothing is recorded
	"recorded",   // its record is durable, its caller not answered
	"committing", // a change is made, nothing of it written
	"committed",  // it is durable, its callers not told
	"intended",   // a restart is recorded, the run not asked to end
	"asked",      // a run was asked to end, which is recorded when it has
	"reaped",     // a main process was reaped, nobody heard of it
	"ended",      // nothing of a run is left, which is not recorded
	"removed",    // the logs of a task are deleted, its record is there
	"copied",     // a damaged database has a successor, without its name
	"aside",      // and was set aside
	"published",  // and is replaced, which may not be durable
	"ending",     // an unknown process was killed, others may be left
	"adopted",    // a run was taken back, others are yet to be
	"leaving",    // a run is to be left to the next supervisor, others may have been
	"handing",    // a supervisor to be replaced has closed its database
	"resumed",    // its successor runs and knows no task
}
