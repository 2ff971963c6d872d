package task

// A Record is all that a supervisor must know of a task to go on with it after
// its own death.
type Record struct {
	Spec     Spec   `json:"spec"`
	Engine   string `json:"engine"`
	Wish     Wish   `json:"wish"`
	State    State  `json:"state"` // Starting, Running or Stopping: a run existed when this was written
	Restarts int    `json:"restarts,omitempty"`
	Reason   string `json:"reason,omitempty"`
	Shutdown bool   `json:"shutdown,omitempty"` // ended because the supervisor did
	Ref      Ref    `json:"ref,omitzero"`
	Runs     []Run  `json:"runs,omitempty"` // the last ones, oldest first
}

// An Event is one change of one task.
type Event struct {
	Seq     uint64 `json:"seq"`              // counts the changes of all tasks since the supervisor began
	Missed  uint64 `json:"missed,omitempty"` // events dropped before this one because the reader was slow
	Removed bool   `json:"removed,omitempty"`
	Task    Info   `json:"task"`
}
