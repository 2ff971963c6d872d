package lifecycle

import "fmt"

// An Effect is something to do, in the order given. What a phase waits for (a
// deadline, other tasks, a slot, a check) is not an effect: see [Needs].
type Effect struct {
	Do      Action
	To      CallerKind // of an Answer
	Outcome Outcome    // of an Answer
}

// Action is what an effect does.
type Action uint8

// The actions.
const (
	Launch   Action = iota // ask the engine for a run
	Ask                    // send the stop signal to all of the run
	Kill                   // kill all of it
	Settle                 // the run has ended: note how, and run its hooks
	Blame                  // a dependency failed: run the hooks of the task
	Forget                 // the run that was launched could not start
	Save                   // record the state; Saved follows
	SaveSoon               // record it in a moment, so that one Save may serve for more: SaveDue follows
	Publish                // show the state to list, get and watchers
	Answer                 // answer the callers To with the Outcome
	Adopt                  // the edited spec is the present one from now on: the next step has its policy
	Renew                  // carry out the first replacement: Start, Dropped or Postponed follows
	Erase                  // delete the logs and the record: Erased follows
	Vanish                 // the task is gone
)

var actions = [...]string{
	"Launch", "Ask", "Kill", "Settle", "Blame", "Forget", "Save", "SaveSoon", "Publish", "Answer", "Adopt", "Renew", "Erase", "Vanish",
}

func (a Action) String() string { return actions[a] }

func (e Effect) String() string {
	if e.Do == Answer {
		return fmt.Sprintf("%v(%d, %d)", e.Do, e.To, e.Outcome)
	}
	return e.Do.String()
}
