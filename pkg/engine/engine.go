// Package engine is what the supervisor asks of whatever runs its tasks: an [Engine]
// begins a run as a [Process]. What more one can do, it says by the optional interfaces
// here: to take a run back, to pause it, to name its processes, to run a line beside it.
package engine

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"

	"tasks/pkg/task"
)

// An Engine executes runs. Its methods may be called from several goroutines.
type Engine interface {
	// Start begins a run. It returns when the run exists, or why it cannot. The context
	// bounds the call, not the run: where the exec of the program hangs, a process that
	// waits for it is the run when ctx ends; where there is none, there will be none, and the
	// error is an ErrHangs. Start takes over l.Log.
	Start(ctx context.Context, l Launch) (Process, error)
}

// ErrHangs says that a run could not begin before its context ended.
var ErrHangs = errors.New("the program or its directory cannot be reached in time")

// An Adopter is an Engine whose runs may outlive the supervisor.
type Adopter interface {
	// Adopt takes a run back that an earlier supervisor began. The error is
	// an ErrNotFound if that run is no longer there.
	Adopt(ctx context.Context, l Launch, ref task.Ref) (Process, error)
}

// A Freezer is an Engine that can stop telling of ends: what ends afterwards is left for
// the next supervisor to find.
type Freezer interface {
	// Freeze returns when every end that the engine has seen is reported: its Exited is
	// closed. From then on it reports none, except of a Shell's line. It is called once.
	Freeze()
}

// A Launch is one run to begin.
type Launch struct {
	Spec *task.Spec
	Run  int
	Log  *os.File // what the run writes to, or has so far; nil: nowhere
	Slot int      // of the group; 0: none
	Env  []string // NAME=VALUE, beside what the spec says

	Adopted bool // the run was begun by an earlier supervisor
	Ready   bool // and is known to be ready
}

// A Pauser is a Process that can be paused. Stop ends a paused one as any other.
type Pauser interface {
	// Pause stops all that is part of the run, for as long as nobody resumes it.
	Pause() error
	// Resume continues it.
	Resume() error
}

// A Shell is an Engine that can run a line beside a run, for a check or a hook.
type Shell interface {
	// Exec runs line through sh -c, with the spec's directory and environment, the
	// variables that a run has, and l.Env. It returns when the line and all that it
	// started have ended; when ctx ends first, they are killed, and the error is the
	// context's. An error with an errno says that the line has not begun. Output is the
	// last of what it wrote, at most MaxOutput bytes.
	Exec(ctx context.Context, l Launch, line string) (output string, exit task.Exit, err error)
}

// MaxOutput is how much of the output of a check or hook is kept, in bytes.
const MaxOutput = 4 << 10

// A Checker makes the checks of runs.
type Checker interface {
	// Begin is called before a run begins, and for each run that was taken back.
	// log is the path of its output. Of the launch Spec, Run, Slot and Adopted count.
	Begin(l Launch, log string) (Checks, error)
}

// Checks tell of one run whether it is ready and well. Their methods may be
// called from any goroutine.
type Checks interface {
	// Env is what to add to the run's environment.
	Env() []string
	// Ready tries until the run is ready, and returns nil then. When ctx ends the
	// error says why the last try failed.
	Ready(ctx context.Context) error
	// Healthy checks until it has failed too often in a row: the error says how the
	// last one did. It returns nil when ctx ends.
	Healthy(ctx context.Context) error
	// Close is called when the run is over.
	Close()
}

// Delayed is Checks that cannot always be made at once.
type Delayed interface {
	Checks
	// Delayed is how long Ready, since its last call, has waited to make its tries: this
	// does not count towards the time in which the run must be ready.
	Delayed() time.Duration
}

// Process is one run that has begun. Its methods may be called from several
// goroutines and do not block.
type Process interface {
	// Ref names the run to a later supervisor, and tells from when its end was seen; zero
	// where it cannot outlive this one.
	Ref() task.Ref
	// Exited is closed when the main process, or the function, has ended.
	Exited() <-chan struct{}
	// Exit is how it ended, once Exited is closed.
	Exit() task.Exit
	// Gone is closed when nothing of the run is left, its main process
	// included: who sees Exited closed sees at once whether it is.
	Gone() <-chan struct{}
	// Stop asks all of the run to end with sig, or kills it where sig is
	// SIGKILL. It may be called again, also after Exited for the remaining processes.
	Stop(sig syscall.Signal)
	// Signal sends sig to the run's process group.
	Signal(sig syscall.Signal) error
}

// A StopReporter is a Process that can tell whether its Stop reached all of the run.
type StopReporter interface {
	// StopErr is why some of the run could not be found or signalled since the last
	// Stop; nil if all of it was. What could not be done is tried again until it can be.
	StopErr() error
}

// An Ender is a Process that can tell whether its main process has ended before it reports
// that. A supervisor that did not run for a while, as one that was stopped, asks before it
// acts on a deadline that has passed meanwhile.
type Ender interface {
	// Ended reports whether the main process has ended: if so, Exited is closed or soon is.
	Ended() bool
}

// An Announcer is a Process that also calls when it has ended, so that nobody need wait for that.
type Announcer interface {
	// Announce has f called each time that Exited or Gone is closed from now on. f returns
	// at once, and must not call the engine.
	Announce(f func())
}

// An Aged is a Process that knows its age by a clock that nobody sets. One that
// was taken back and does not has the age that its record says.
type Aged interface {
	// Age is how long ago the run began.
	Age() time.Duration
}

// A Sampler is a Process that can tell what it uses.
type Sampler interface {
	// Sample may be called from any goroutine; it reads the system at each call.
	Sample() (task.Stats, error)
}

// A Tree is a Process that can name all of the processes that are part of it.
type Tree interface {
	// Tree lists parents before their children, the main process first. It may
	// be called from any goroutine; it reads the system at each call.
	Tree() ([]task.Proc, error)
	// Remaining lists what has not ended, also once the main process has: pid and
	// name alone. It waits for none of them, however stuck they are.
	Remaining() []task.Proc
}
