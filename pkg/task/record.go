package task

// Unknown is what a later version of the program has written of a value beside
// what this one knows: a JSON object, or "". The store keeps it with the value.
type Unknown string

// A Record is all that the next supervisor must know to take over a task.
type Record struct {
	Spec     Spec    `json:"spec"`
	Engine   string  `json:"engine"`
	Desired  Desired `json:"wish"`
	State    State   `json:"state"` // Starting, Running, Paused or Stopping: a run existed when this was written
	Restarts int     `json:"restarts,omitempty"`
	Reason   string  `json:"reason,omitempty"`
	Shutdown bool    `json:"shutdown,omitempty"` // ended because the supervisor did
	NextAt   Time    `json:"next_at,omitzero"`   // when its time comes
	Fresh    bool    `json:"fresh,omitempty"`    // it waits, and no run has begun since it was started
	Waits    bool    `json:"waits,omitempty"`    // for other tasks: its time has come
	Queued   Time    `json:"queued_at,omitzero"` // since when it waits for a slot
	Rested   Time    `json:"rested_at,omitzero"` // when it ended without a run
	Slot     int     `json:"slot,omitempty"`
	Ready    bool    `json:"ready,omitempty"`
	Ref      Ref     `json:"ref,omitzero"`

	Ending       string   `json:"ending,omitempty"`        // why a Stopping one is: since format 3; unknown in older records
	Grace        Duration `json:"grace,omitempty"`         // that it was given
	RerunPending bool     `json:"rerun_pending,omitempty"` // its time came while the run lasts: another follows
	Disabled     bool     `json:"disabled,omitempty"`      // its schedule is: no run starts by itself
	Note         string   `json:"note,omitempty"`          // what the check said that ends it
	For          []string `json:"waits_for,omitempty"`     // the tasks that a Waits one still waits for

	Edited *Spec `json:"edited_spec,omitempty"` // what Spec becomes when the present run has ended

	Next *Spec `json:"next_spec,omitempty"` // what follows the run that is being ended, if something else than Spec

	PausedFor Duration `json:"paused_for,omitempty"` // how long the run was paused before
	Ran       Duration `json:"ran,omitempty"`        // how long it had run when it was paused; of a Paused one alone

	Runs []Run `json:"runs,omitempty"` // the last ones, oldest first

	Unknown Unknown `json:"-"`
}

// Removed is what is kept of a task that was removed.
type Removed struct {
	At  Time `json:"at"`
	Job bool `json:"job,omitempty"` // its name gives way to those of other tasks
}

// An Event is one change of one task.
type Event struct {
	Seq     uint64 `json:"seq"`              // counts the changes of all tasks since the supervisor began
	Missed  uint64 `json:"missed,omitempty"` // events dropped before this one because the reader was slow
	Removed bool   `json:"removed,omitempty"`
	Task    Info   `json:"task"`
}
