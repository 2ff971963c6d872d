package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"tasks/pkg/task"
)

// The exit codes of every command. Those of `wait` and `start --wait` are the
// task's own, and ownFailure where there is none to pass on, but for wrong usage.
const (
	done          = 0
	failed        = 1
	wrongUsage    = 2
	noSupervisor  = 3
	noSuchTask    = 4
	wrongState    = 5
	timedOut      = 124
	ownFailure    = 125
	cannotExecute = 126
	notFound      = 127
	interrupted   = 130
	bySignal      = 128
)

// exitCode is an error that says nothing: everything was said, or the code is
// itself the answer.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

// saidError is an error that was said already.
type saidError struct{ error }

func (e saidError) Unwrap() error { return e.error }

// sayNow says what is wrong before what follows, which may last. It is not said again.
func (e *env) sayNow(err error) error {
	if err == nil {
		return nil
	}
	for _, line := range e.lines(err) {
		fmt.Fprintln(e.err, "tasks: "+line)
	}
	return saidError{err}
}

// namesIn is the names of the tasks that errors are about.
func namesIn(err error) map[string]bool {
	names := make(map[string]bool)
	for _, one := range failures(err) {
		if of := new(task.Error); errors.As(one, &of) {
			names[of.Name] = true
		}
	}
	return names
}

// usageError is wrong usage of the command line.
type usageError struct{ error }

func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// checked makes what is wrong with the value of a flag wrong usage.
func checked(err error) error {
	if err != nil {
		return usageError{err}
	}
	return nil
}

func (e usageError) Unwrap() error { return e.error }

// codeOf maps an error to the exit code; of several, the first one's.
func codeOf(err error) int {
	if err == nil {
		return done
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		return codeOf(many.Unwrap()[0])
	}
	var code exitCode
	var wrong usageError
	switch {
	case errors.As(err, &code):
		return int(code)
	case errors.As(err, &wrong), errors.Is(err, task.ErrUsage):
		return wrongUsage
	case errors.Is(err, errInterrupted):
		return interrupted
	case errors.Is(err, task.ErrUnavailable):
		return noSupervisor
	case errors.Is(err, task.ErrNotFound):
		return noSuchTask
	case errors.Is(err, task.ErrConflict):
		return wrongState
	case errors.Is(err, task.ErrTimeout):
		return timedOut
	case unread(err):
		return bySignal + int(syscall.SIGPIPE)
	}
	return failed
}

// codeOfWait is codeOf for commands whose exit code is a task's.
func codeOfWait(err error) int {
	var tasks exitCode
	if errors.As(err, &tasks) {
		return int(tasks)
	}
	switch code := codeOf(err); code {
	case done, timedOut, interrupted, wrongUsage:
		return code
	default:
		return ownFailure
	}
}

// codeOfTask is the exit code that a shell would give the ended task.
func codeOfTask(t task.Info) int {
	switch {
	case t.State == task.Lost:
		return ownFailure
	case t.TimedOut:
		return timedOut
	case t.State == task.Stopped && t.Engine == task.EngineFunc:
		return done
	case t.ExitCode != nil && (*t.ExitCode < 0 || *t.ExitCode > 255): // a shell would see its low byte
		return ownFailure
	case t.ExitCode != nil && *t.ExitCode == 0 && t.State == task.Failed && t.Spec.Succeeds(0): // unhealthy: 0 is its answer to the stop
		return failed
	case t.ExitCode != nil:
		return *t.ExitCode
	case t.Signal != "":
		if sig, err := task.ParseSignal(strings.TrimPrefix(t.Signal, "SIG")); err == nil {
			return bySignal + int(sig)
		}
	case t.State == task.Failed: // what it waited for has failed
		return cannotExecute
	case t.State == task.Stopped: // before it ran: as one that runs
		return bySignal + int(syscall.SIGTERM)
	}
	return done
}

// unread tells that nobody reads our output any longer, where the caller has
// SIGPIPE ignored.
func unread(err error) bool {
	var path *fs.PathError
	return errors.As(err, &path) && path.Path == os.Stdout.Name() && errors.Is(err, syscall.EPIPE)
}

// failures are the errors that there is something to say of, in their order.
func failures(err error) []error {
	if err == nil {
		return nil
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, one := range many.Unwrap() {
			all = append(all, failures(one)...)
		}
		return all
	}
	if errors.As(err, new(exitCode)) || errors.As(err, new(saidError)) || unread(err) {
		return nil
	}
	return []error{err}
}
