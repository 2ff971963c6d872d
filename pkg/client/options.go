package client

import (
	"tasks/pkg/task"
)

// Info is what a supervisor says of itself; as JSON with the names that it has there.
type Info struct {
	Version   string             `json:"version"`
	Program   string             `json:"program,omitempty"` // that the supervisor is a part of; "": it is one of its own
	Protocol  int                `json:"protocol"`          // its major version
	PID       int                `json:"pid"`
	StartedAt task.Time          `json:"started_at"`
	Uptime    task.Duration      `json:"uptime"`
	Socket    string             `json:"socket"`
	StateDir  string             `json:"state_dir,omitempty"`  // "": it keeps none
	StateLost string             `json:"state_lost,omitempty"` // why nothing can be recorded: the state, or a part of it, was removed or replaced
	Log       string             `json:"log,omitempty"`        // path of its own log
	Counts    map[task.State]int `json:"counts"`
	Strays    []int              `json:"strays,omitempty"` // pids of children that belong to no task
	Ending    bool               `json:"ending,omitempty"` // it stops its tasks, or leaves them, and then ends
}

// StartOptions say how to start tasks. The zero StartOptions start what has ended.
type StartOptions struct {
	// Replace first stops a task that has not ended.
	Replace bool
}

// StopOptions say what to stop, and how.
type StopOptions struct {
	task.Selector
	// Now kills at once.
	Now bool
	// Timeout is how long each task has between its stop signal and the kill; nil: as
	// long as its spec says.
	Timeout *task.Duration
}

// EditOptions say what to change of the specs of tasks.
type EditOptions struct {
	task.Selector
	// Set has values by the keys that a spec has as JSON. Others stay as they are; nil is
	// the default of that key. What is an object in a spec, as env, is merged.
	Set map[string]any
}

// ListOptions narrow a list, or ask for more of each task. Nothing selected is every
// task.
type ListOptions struct {
	task.Selector
	// States selects tasks by state; none: any.
	States []task.State
	// Stats asks for what the present runs use.
	Stats bool
	// Runs asks for the last runs.
	Runs bool
	// Env asks for the environments, with their values.
	Env bool
	// Tree asks for the processes of the present runs.
	Tree bool
}

// WaitOptions say what to wait for: by default, until all the selected have ended.
type WaitOptions struct {
	task.Selector
	// Any waits for one of the tasks, not for all.
	Any bool
	// Once stops waiting for a task once it is in backoff.
	Once bool
	// For is "ended", "running" or "ready"; "": ended. One that has ended is not waited
	// for any longer.
	For string
	// Timeout is an ErrTimeout after that long; nil: never.
	Timeout *task.Duration
}

// RemoveOptions say which tasks to forget, with their logs.
type RemoveOptions struct {
	task.Selector
	// Force first stops tasks that have not ended; without it they are an ErrConflict.
	Force bool
	// Ended skips tasks that have not ended.
	Ended bool
	// Finished skips tasks that are not [task.Info.Finished].
	Finished bool
	// States selects by state; none: any.
	States []task.State
}

// ExitOptions say how to end a supervisor.
type ExitOptions struct {
	// Timeout caps the time that each task has between its stop signal and the kill;
	// nil: as long as its spec says.
	Timeout *task.Duration
	// Keep lets processes run on: the next supervisor takes them back.
	Keep bool
}

// ReplaceOptions say what takes over from the program of a supervisor.
type ReplaceOptions struct {
	// Program is an absolute path.
	Program string
	// The limits are those of `tasks serve`; nil: as they are.
	KeepEnded  *int
	LogMaxSize *task.Size
	LogKeep    *int
	LogTotal   *task.Size
}

// GroupOptions are the settings of a group to change; nil: unchanged.
type GroupOptions struct {
	// Name is the group's; it need not exist yet.
	Name      string
	Slots     *task.Slots
	OnExit    *string
	OnFailure *string
	// Temporary has the group forgotten with its last task, or with the client if none
	// comes, unless it was set otherwise before, or is later. An earlier supervisor does
	// not know it: the group stays.
	Temporary bool
}
