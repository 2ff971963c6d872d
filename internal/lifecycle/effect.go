package lifecycle

import "fmt"

// An Effect is something to do, in the order given. What a phase waits for (a
// deadline, other tasks, a slot, a check) is no effect: see [Needs].
type Effect struct {
	Do      Action
	Who     Who     // of an Answer
	Outcome Outcome // of an Answer
}

// Action is what an effect does.
type Action uint8

// The actions.
const (
	Launch   Action = iota // ask the engine for a run
	Ask                    // send the stop signal to all of the run
	Kill                   // kill all of it
	Settle                 // the run is over: note how it ended, and run its hooks
	Blame                  // what should have run was blocked: run its hooks
	Forget                 // the run that was asked for has not come to be
	Save                   // record the state; Saved follows
	SaveSoon               // likewise, a moment later: SaveDue follows
	Publish                // show the state
	Answer                 // tell Who the Outcome
	Renew                  // become what the first of Renews asks for: Start, Dropped or Postponed follows
	Erase                  // delete the logs and the record: Erased follows
	Vanish                 // the task is no more
)

var actions = [...]string{
	"Launch", "Ask", "Kill", "Settle", "Blame", "Forget", "Save", "SaveSoon", "Publish", "Answer", "Renew", "Erase", "Vanish",
}

func (a Action) String() string { return actions[a] }

func (e Effect) String() string {
	if e.Do == Answer {
		return fmt.Sprintf("%v(%d, %d)", e.Do, e.Who, e.Outcome)
	}
	return e.Do.String()
}
