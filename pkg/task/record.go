package task

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Unknown is what a later version of the program has written of a value beside
// what this one knows: a JSON object, or "". The store keeps it with the value.
type Unknown string

// A Record is all that the next supervisor must know to take over a task.
type Record struct {
	Spec            Spec    `json:"spec"`
	Engine          string  `json:"engine"`
	Desired         Desired `json:"wish"`
	State           State   `json:"state"` // Starting, Running, Paused or Stopping: a run existed when this was written
	Restarts        int     `json:"restarts,omitempty"`
	Reason          string  `json:"reason,omitempty"`
	Shutdown        bool    `json:"shutdown,omitempty"` // ended because the supervisor did
	NextAt          Time    `json:"next_at,omitzero"`   // when its time comes
	Fresh           bool    `json:"fresh,omitempty"`    // it waits, and no run has begun since it was started
	Waits           bool    `json:"waits,omitempty"`    // for other tasks: its time has come
	Queued          Time    `json:"queued_at,omitzero"` // since when it waits for a slot
	EndedWithoutRun Time    `json:"rested_at,omitzero"` // when it ended without a run
	Slot            int     `json:"slot,omitempty"`
	Ready           bool    `json:"ready,omitempty"`
	Ref             Ref     `json:"ref,omitzero"`

	Ending       string   `json:"ending,omitempty"`        // why a Stopping one is: since format 3; unknown in older records
	Grace        Duration `json:"grace,omitempty"`         // that it was given
	RerunPending bool     `json:"rerun_pending,omitempty"` // its time came while the run lasts: another follows
	Disabled     bool     `json:"disabled,omitempty"`      // its schedule is: no run starts by itself
	Note         string   `json:"note,omitempty"`          // what the check said that ends it
	For          []string `json:"waits_for,omitempty"`     // the tasks that a Waits one still waits for

	Edited *Spec `json:"edited_spec,omitempty"` // what Spec becomes when the present run has ended

	AsOf *AsOf `json:"as_of,omitempty"` // where it is Disabled or Edited

	Next *Spec `json:"next_spec,omitempty"` // what follows the run that is being ended, if something else than Spec

	PausedFor Duration `json:"paused_for,omitempty"` // how long the run was paused before
	Ran       Duration `json:"ran,omitempty"`        // how long it had run when it was paused; of a Paused one alone

	Runs []Run `json:"runs,omitempty"` // the last ones, oldest first

	Unknown Unknown `json:"-"`
}

// AsOf is what a record says of a task when it says that this is Disabled or Edited. An
// earlier version, which knows of neither, keeps both beside whatever it was asked for.
type AsOf struct {
	Run     int     `json:"run,omitempty"` // the last one
	Desired Desired `json:"wish"`
	Pending bool    `json:"pending,omitempty"` // it waited for a run
	Spec    string  `json:"spec,omitempty"`    // its hash, where it is Edited
}

func (r *Record) asOf() (as AsOf) {
	as.Desired, as.Pending = r.Desired, r.State == Waiting || r.State == Queued
	if n := len(r.Runs); n > 0 {
		as.Run = r.Runs[n-1].Run
	}
	if r.Edited != nil {
		spec, env := r.Spec, r.Spec.Env.Block()
		spec.Env = Env{}
		text, _ := json.Marshal(spec) // it is written as such
		sum := sha256.Sum256(append(text, env...))
		as.Spec = hex.EncodeToString(sum[:])
	}
	return as
}

// SetAsOf completes a record that is about to be written.
func (r *Record) SetAsOf() {
	if r.AsOf = nil; r.Disabled || r.Edited != nil {
		r.AsOf = new(r.asOf())
	}
}

// DropOverruled forgets that the schedule is disabled if an earlier version has begun a run
// since, or waits for one, and what was edited if it has changed the spec.
func (r *Record) DropOverruled() {
	if r.AsOf == nil {
		return
	}
	was, is := *r.AsOf, r.asOf()
	changed := was.Spec != is.Spec
	was.Spec, is.Spec = "", ""
	if was == is { // a later version may write the same spec in another way
		return
	}
	if r.Disabled = false; changed {
		r.Edited = nil
	}
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
