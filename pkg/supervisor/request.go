package supervisor

import (
	"syscall"
	"time"

	"tasks/pkg/task"
)

// A Request is one thing to do with one task, for [Supervisor.Submit]. It is made by
// [Start], [Retry], [Replace], [ReplaceAgain], [Stop], [Edit], [Restart], [Pause], [Resume], [Enable],
// [Disable], [Signal], [Remove] or [ForceRemove]; the zero Request is refused with an ErrUsage.
type Request struct {
	kind   requestKind
	name   string
	spec   *task.Spec     // of a start
	end    End            // of what ends a run
	signal syscall.Signal // of a signal
	force  bool           // a start stops what has its name, a removal what it removes

	unbegun  bool // a stop only of what waits for its first run
	shutdown bool // a stop by the end of the supervisor: the desired state stays
	fn       Func
	change   func(*task.Spec) error // of an edit
	atMost   bool                   // the grace may only shorten the spec's
	ended    task.Time              // remove only what ended then
	kept     bool                   // it was asked of an earlier supervisor
	again    bool                   // and so may this have been
	place    uint64                 // in the queue, if the start leads there at once: by when it was submitted
	file     string                 // it is for a task of this tasks file alone, if there is one of that name; "": any
}

// ofFile is r only for a task of that tasks file: since it was looked at, another may have
// got its name.
func (r Request) ofFile(file string) Request {
	r.file = file
	return r
}

// fits reports whether a task of that file is one that r is for.
func (r *Request) fits(file string) bool {
	return r.file == "" || r.file == file || r.spec != nil && r.spec.File == file
}

type requestKind uint8

const (
	noRequest requestKind = iota
	toStart
	toStop
	toRestart
	toRetry
	toEdit
	toSignal
	toRemove
	toPause
	toResume
	toEnable
	toDisable
	toFollowGroup // pause or resume, as the group is
	toLeave       // of Supervisor.Leave
)

// End is how to end a run. The zero End is as the task's spec says.
type End struct {
	// Now kills at once.
	Now bool
	// Grace is how long the run has between the stop signal and the kill; a negative
	// one is none. nil: as long as its spec says.
	Grace *time.Duration
}

// Start begins a task with a command; without one, it starts an ended task again. The
// call returns when the run exists, or waits for its time, for others or for a slot. A
// task that has not ended is an ErrConflict.
func Start(spec task.Spec) Request { return Request{kind: toStart, name: spec.Name, spec: &spec} }

// Retry starts a task that failed or is lost again. Any other it leaves as it is.
func Retry(name string) Request {
	return Request{kind: toRetry, name: name, spec: &task.Spec{Name: name}}
}

// starts reports whether a run may begin for r.
func (r *Request) starts() bool {
	return r.kind == toStart || r.kind == toRestart || r.kind == toRetry || r.kind == toEnable
}

// Replace is Start that first stops a task of that name that has not ended.
func Replace(spec task.Spec, end End) Request {
	return Request{kind: toStart, name: spec.Name, spec: &spec, force: true, end: end}
}

// ReplaceAgain is Replace for who has asked an earlier supervisor for the same a moment
// ago, and had no answer: what has begun for that is the answer.
func ReplaceAgain(spec task.Spec, end End) Request {
	r := Replace(spec, end)
	r.again = true
	return r
}

// Stop sets the task's stop event and joins. Of an ended task it does nothing.
func Stop(name string, end End) Request { return Request{kind: toStop, name: name, end: end} }

// Restart stops the task, joins, and starts it; an ended one it starts.
func Restart(name string) Request { return Request{kind: toRestart, name: name} }

// Pause stops all processes of a task that runs, until Resume. Of a function, and of a
// task that does not run, it is an ErrConflict.
func Pause(name string) Request { return Request{kind: toPause, name: name} }

// Resume continues a paused task.
func Resume(name string) Request { return Request{kind: toResume, name: name} }

// Enable has the schedule of a task start runs again, from its next time on. A task
// without a schedule is an ErrConflict, for Disable too.
func Enable(name string) Request { return Request{kind: toEnable, name: name} }

// Disable has the schedule of a task start no further run; one that is under way finishes.
func Disable(name string) Request { return Request{kind: toDisable, name: name} }

// Signal sends sig to the process group of the task's run; without one it is an
// ErrConflict.
func Signal(name string, sig syscall.Signal) Request {
	return Request{kind: toSignal, name: name, signal: sig}
}

// Remove forgets an ended task and its logs. One that has not ended is an ErrConflict.
func Remove(name string) Request { return Request{kind: toRemove, name: name} }

// ForceRemove is Remove that first stops a task that has not ended.
func ForceRemove(name string, end End) Request {
	return Request{kind: toRemove, name: name, force: true, end: end}
}
