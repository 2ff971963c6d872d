// Package events is the history of what happened to tasks: a line of JSON per
// change that a person or a script cares about, in files of bounded size that
// readers open directly, also where no supervisor runs.
//
// The supervisor alone writes them. Nothing waits for their disk: a history that
// cannot be written is one with a gap, and says so.
package events

import (
	"path/filepath"

	"tasks/pkg/task"
)

// MaxFile is the size, in bytes, at which the newest file becomes the older one;
// the one that was that is deleted. All of the history takes up twice as much.
const MaxFile = 4 << 20

// maxLine bounds a line, in bytes: what is longer is none that was written here.
const maxLine = 64 << 10

// maxReason bounds the reason of an event, in bytes.
const maxReason = 1000

// An Event is a line of the history. Absent facts are zero, and left out as JSON.
type Event struct {
	Seq      uint64     `json:"seq"` // counts on from one supervisor to the next, without a gap
	At       task.Time  `json:"at"`
	Name     string     `json:"name,omitempty"` // of the task; "" for the supervisor's own events
	Group    string     `json:"group,omitempty"`
	Event    Word       `json:"event"`
	State    task.State `json:"state,omitempty"` // of the task, after it
	Was      task.State `json:"was,omitempty"`   // and before, where that was another
	Run      int        `json:"run,omitempty"`
	PID      int        `json:"pid,omitempty"`       // of the run, or of the supervisor
	ExitCode *int       `json:"exit_code,omitempty"` // of the run that has ended, unless a signal ended it
	Signal   string     `json:"signal,omitempty"`    // that ended the run, such as "SIGKILL"
	TimedOut bool       `json:"timed_out,omitempty"` // the run lasted longer than its timeout
	Restarts int        `json:"restarts,omitempty"`  // automatic ones since the last start by hand
	NextAt   task.Time  `json:"next_at,omitzero"`    // of the next run that is due at a time, or of the next automatic restart
	Reason   string     `json:"reason,omitempty"`    // a sentence for people
	Missed   uint64     `json:"missed,omitempty"`    // events that were not recorded before this one
}

// A Word says what happened.
type Word string

// What happens to a task.
const (
	Created  Word = "created"  // there is a task of that name
	Waiting  Word = "waiting"  // for its time, or for other tasks
	Queued   Word = "queued"   // for a slot of its group
	Starting Word = "starting" // a run has begun that is not ready yet
	Running  Word = "running"  // a run has begun
	Ready    Word = "ready"    // the run that was starting is ready
	Paused   Word = "paused"
	Resumed  Word = "resumed"
	Stopping Word = "stopping" // the run was asked to end, or what it left behind is
	Done     Word = "done"     // the run ended well
	Failed   Word = "failed"   // the run ended otherwise, could not begin, or timed out; or there will be none
	Stopped  Word = "stopped"  // the run was ended by a stop, an exit, a shutdown or a restart; or there will be none
	Lost     Word = "lost"     // the run ended while no supervisor watched
	Backoff  Word = "backoff"  // there will be another run, at next_at
	Note     Word = "note"     // there is something to know, the reason; the state is as before
	Removed  Word = "removed"  // the task was removed or forgotten
)

// What happens to a supervisor.
const (
	Serving Word = "serving" // it has begun
	Ending  Word = "ending"  // it has ended: nothing comes after it but the next one. Of one that was killed, the next says so
	Missed  Word = "missed"  // so many events, missed, were not recorded
)

// Words lists every word, in the order of a task's life.
func Words() []Word {
	return []Word{
		Created, Waiting, Queued, Starting, Running, Ready, Paused, Resumed, Stopping, Done, Failed, Stopped, Lost, Backoff, Note, Removed,
		Serving, Ending, Missed,
	}
}

// newest is the file in dir that is written to, and older the one before it.
func newest(dir string) string { return filepath.Join(dir, "events.log") }
func older(dir string) string  { return filepath.Join(dir, "events.log.1") }
