package task

import (
	"fmt"
	"strconv"
	"time"
)

// State is what a task is, as its users see it.
type State string

// The states. Done, Failed, Stopped and Lost are ended.
const (
	Waiting    State = "waiting"  // for its time, or for other tasks
	Queued     State = "queued"   // for a slot of its group
	Starting   State = "starting" // its run is about to begin, or not ready yet
	Running    State = "running"
	Paused     State = "paused"   // its processes are stopped until it is resumed
	Stopping   State = "stopping" // its run was asked to end, or what its run left behind is
	BackingOff State = "backoff"  // it will be started again
	Done       State = "done"     // ended with exit code 0
	Failed     State = "failed"   // ended otherwise, could not start, or timed out
	Stopped    State = "stopped"  // ended by a stop, an exit or a shutdown
	Lost       State = "lost"     // ended, or was still running, while no supervisor watched: its exit code is unknown
)

// States lists every state in the order of a task's life.
func States() []State {
	return []State{Waiting, Queued, Starting, Running, Paused, Stopping, BackingOff, Done, Failed, Stopped, Lost}
}

// Ended reports whether nothing of the task runs and nothing is due to.
func (s State) Ended() bool { return s == Done || s == Failed || s == Stopped || s == Lost }

// Finished reports whether the task has ended for good: it is done, or else nothing
// starts it again by itself. A service or a schedule that failed or was stopped is
// not finished: its spec is still wanted. The restart policy of a job is for
// retries, and says nothing of the kind.
func (t *Info) Finished() bool {
	switch {
	case !t.State.Ended():
		return false
	case t.State == Done:
		return true
	case t.Spec.Repeats():
		return false
	}
	return t.Spec.Restart == "" || t.Spec.Restart == RestartNo || t.Spec.Restart == RestartOnFailure && t.Spec.Job
}

// Failing reports whether the task needs a look: it failed or is lost, or its last
// run failed and another one is due, by its schedule or after its backoff. Of a schedule
// the next run may have started already: whether that succeeds is not known yet.
func (t *Info) Failing() bool {
	switch {
	case t.State == Failed || t.State == Lost:
		return true
	case t.State.Ended():
		return false
	case t.Spec.Repeats() && t.LastExit != nil:
		return t.LastExit.State == Failed || t.LastExit.State == Lost
	}
	return t.PID == 0 && t.lastRunFailed()
}

// lastRunFailed judges by what is known of the end of the last run; nothing is
// known while another run lasts.
func (t *Info) lastRunFailed() bool {
	if t.ExitCode == nil || t.TimedOut {
		return t.Signal != "" || t.TimedOut
	}
	return !t.Spec.Succeeds(*t.ExitCode)
}

// Desired is the state that the user last asked for.
type Desired string

// The desired states. As JSON they keep the words of the protocol's first version.
const (
	DesiredRunning Desired = "up"
	DesiredStopped Desired = "down"
)

// The engines that come with the supervisor.
const (
	EngineProcess = "process" // a command
	EngineFunc    = "func"    // a goroutine
)

// Info is a task at one moment. Absent facts are zero, and left out as JSON.
type Info struct {
	Name    string   `json:"name"`
	State   State    `json:"state"`
	Desired Desired  `json:"wish"`
	Engine  string   `json:"engine"`
	Group   string   `json:"group,omitempty"`
	Command []string `json:"command,omitempty"`
	Cwd     string   `json:"cwd,omitempty"`

	Priority int      `json:"priority"`
	After    []string `json:"after,omitempty"`     // the tasks that it waits for before a run
	WaitsFor []string `json:"waits_for,omitempty"` // those of them, and of its after_ended, that it waits for now

	PID       int       `json:"pid,omitempty"`
	Run       int       `json:"run,omitempty"`       // runs are numbered from 1 and never reused
	Place     int       `json:"place,omitempty"`     // in the queue of its group, from 1 on: of lists alone
	Slot      int       `json:"slot,omitempty"`      // of its group, while it has one: from 1 on
	Disabled  bool      `json:"disabled,omitempty"`  // its schedule is: it starts no run
	Restarts  int       `json:"restarts"`            // automatic ones since the last start by hand
	Ready     *bool     `json:"ready,omitzero"`      // of the present run; absent while there is none
	ExitCode  *int      `json:"exit_code,omitzero"`  // of the last run, unless a signal ended it
	Signal    string    `json:"signal,omitempty"`    // that ended the last run, such as "SIGKILL"
	Reason    string    `json:"reason,omitempty"`    // a sentence for people
	TimedOut  bool      `json:"timed_out,omitempty"` // the last run lasted longer than its spec's timeout
	StartedAt Time      `json:"started_at,omitzero"`
	EndedAt   Time      `json:"ended_at,omitzero"`
	Duration  *Duration `json:"duration,omitzero"`  // of the last run, once it has ended
	LastExit  *Run      `json:"last_exit,omitzero"` // the last run that has ended: of a schedule, and of a task that has not ended
	Zone      string    `json:"zone,omitempty"`     // that its times of day are of
	NextAt    Time      `json:"next_at,omitzero"`   // of the next run that is due at a time, or of the next automatic restart
	Log       string    `json:"log,omitempty"`      // path of the current, else the last run's log

	Stats  *Stats `json:"-"`                // of the present run, where asked for; see [Flat]
	Spec   Spec   `json:"spec"`             // without the values of the environment
	Edited *Spec  `json:"edited,omitempty"` // the spec from the next run on, if it was edited since the present one began
	Tree   []Proc `json:"tree,omitempty"`   // the processes of the present run, where asked for
	Runs   []Run  `json:"runs,omitempty"`   // the last runs, oldest first, where asked for
}

// Stats is what a run uses at this moment, with all that it started.
type Stats struct {
	CPUPercent  float64 `json:"cpu_percent"`  // of one processor, since the last sample or the start
	MemoryBytes int64   `json:"memory_bytes"` // resident
	Processes   int     `json:"processes"`
}

// Proc is one process of a run.
type Proc struct {
	PID         int      `json:"pid"`
	Parent      int      `json:"parent,omitempty"` // within the run; what lost its own has the main process
	Command     []string `json:"command"`
	MemoryBytes int64    `json:"memory_bytes"` // resident
	Blocked     bool     `json:"-"`            // in uninterruptible sleep: no signal reaches it
}

// A Run is one execution of a task.
type Run struct {
	Run       int    `json:"run"`
	PID       int    `json:"pid,omitempty"`
	StartedAt Time   `json:"started_at,omitzero"`
	EndedAt   Time   `json:"ended_at,omitzero"`
	State     State  `json:"state,omitempty"` // how it ended; absent while it lasts
	ExitCode  *int   `json:"exit_code,omitzero"`
	Signal    string `json:"signal,omitempty"`
	TimedOut  bool   `json:"timed_out,omitempty"`
	Reason    string `json:"reason,omitempty"`
	Stack     string `json:"stack,omitempty"` // of the panic that ended a function

	Unknown Unknown `json:"-"`
}

// Time is a point in time that is written in RFC 3339, UTC, with nine decimals.
type Time struct{ time.Time }

const timeLayout = "2006-01-02T15:04:05.000000000Z"

// Now is the present, without the monotonic clock reading, as it is stored.
func Now() Time { return Time{time.Now().UTC().Round(0)} }

// MarshalJSON writes t with nine decimals.
func (t Time) MarshalJSON() ([]byte, error) {
	return []byte(strconv.Quote(t.UTC().Format(timeLayout))), nil
}

// UnmarshalJSON reads any RFC 3339 time.
func (t *Time) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*t = Time{}
		return nil
	}
	v, err := time.Parse(`"`+time.RFC3339Nano+`"`, string(b))
	if err != nil {
		return fmt.Errorf("bad time %s: use RFC 3339", b)
	}
	*t = Time{v.UTC()}
	return nil
}
