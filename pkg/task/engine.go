package task

import (
	"context"
	"os"
	"syscall"
	"time"
)

// An Engine executes runs. Its methods may be called from several goroutines.
type Engine interface {
	// Start begins a run. It returns when the run exists, or why it cannot.
	// The context bounds the call, not the run. Start takes over l.Log.
	Start(ctx context.Context, l Launch) (Process, error)
}

// An Adopter is an Engine whose runs may outlive the supervisor.
type Adopter interface {
	// Adopt takes a run back that an earlier supervisor began. The error is
	// an ErrNotFound if that run is no longer there.
	Adopt(ctx context.Context, l Launch, ref Ref) (Process, error)
}

// A Launch is one run to begin.
type Launch struct {
	Spec *Spec
	Run  int
	Log  *os.File // what the run writes to, or has so far; nil: nowhere
}

// Process is one run that has begun. Its methods may be called from several
// goroutines and do not block.
type Process interface {
	// Ref names the run to a later supervisor; zero where it cannot outlive this one.
	Ref() Ref
	// Exited is closed when the main process, or the function, has ended.
	Exited() <-chan struct{}
	// Exit is how it ended, once Exited is closed.
	Exit() Exit
	// Gone is closed when nothing of the run is left, its main process
	// included: who sees Exited closed sees at once whether it is.
	Gone() <-chan struct{}
	// Stop asks all of the run to end with sig, or kills it where sig is
	// SIGKILL. It may be called again, and for what is left after Exited.
	Stop(sig syscall.Signal)
	// Signal sends sig to the run's process group.
	Signal(sig syscall.Signal) error
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
	Sample() (Stats, error)
}

// A Tree is a Process that can name all of the processes that are part of it.
type Tree interface {
	// Tree lists parents before their children, the main process first. It may
	// be called from any goroutine; it reads the system at each call.
	Tree() ([]Proc, error)
	// Left lists what has not ended, also once the main process has: pid and
	// name alone. It waits for none of them, however stuck they are.
	Left() []Proc
}

// A Ref identifies a process on this machine for as long as it is up.
type Ref struct {
	PID   int    `json:"pid,omitempty"`
	Start uint64 `json:"start,omitempty"` // clock ticks after boot, proc_pid_stat(5) field 22
	Boot  string `json:"boot,omitempty"`  // /proc/sys/kernel/random/boot_id

	Cgroup string `json:"cgroup,omitempty"` // directory of its cgroup, if it has one of its own
}

// Exit is how a run ended: with a code, by a signal, or not known.
type Exit struct {
	Code   int
	Signal syscall.Signal // if not 0, this ended it and Code means nothing
	Lost   bool           // how it ended is unknown
	Swept  int            // processes that the run left behind and that were ended after it
	Err    string         // why a run could not begin, or what a function returned
	Stack  string         // of the function's panic
}

// OK tells whether the run ended well.
func (e Exit) OK() bool { return e.Code == 0 && e.Signal == 0 && !e.Lost && e.Err == "" }
