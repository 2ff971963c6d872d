// Package failpoint lets a test kill the supervisor at a named step. It does nothing
// in the normal program: the build tag failpoints switches it on.
package failpoint

// Variable names the point at which the program dies, and at which pass through
// it, such as "forked:3"; without a number at the first.
const Variable = "TASKS_FAILPOINT"

// Points are all failpoints. The program passes each at one place.
var Points = []string{
	"forked",     // a process was forked, nothing is recorded
	"recorded",   // its record is durable, its caller not answered
	"committing", // a change is made, nothing of it written
	"committed",  // it is durable, its callers not answered
	"intended",   // a restart is recorded, the run not asked to end
	"asked",      // a run was asked to end; a stop by hand is not recorded before the run ends
	"reaped",     // a main process was reaped, nobody knows
	"ended",      // nothing of a run is left, which is not recorded
	"removed",    // the logs of a task are deleted, its record is not
	"copied",     // a damaged database has a successor, without its name
	"aside",      // and was set aside
	"published",  // and is replaced, which may not be durable
	"ending",     // an unknown process was killed, others may be left
	"adopted",    // a run was taken back, others were not yet
	"leaving",    // a run is about to be left to the next supervisor, others may have been
	"handing",    // a supervisor that is being replaced writes to its database no more
	"resumed",    // its successor runs and knows no task
}
