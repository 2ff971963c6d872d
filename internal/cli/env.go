// Package cli is the command line: one file per command, each parsing its words
// into a request to the supervisor and printing what comes back. Everything it
// knows of tasks it asks for over the socket, but for logs, which it reads.
package cli

import (
	"context"
	"errors"
	"time"

	"tasks/pkg/client"
	"tasks/pkg/task"
)

// env is what a command is run with: where it prints, and the supervisor that it
// talks to.
type env struct {
	*printer
	*dialer
	args  []string         // the command line
	shell *session         // that this is a line of; nil: a command by itself
	code  func(error) int  // the exit code
	do    func(verb) error // runs a command

	unknown error // the command that help was asked for is not there
}

func newEnv() *env {
	p := newPrinter()
	e := &env{printer: p, dialer: &dialer{says: p}, code: codeOf}
	e.do = func(v verb) error {
		if names, ok := v.(interface{ taskNames() [][]string }); ok {
			e.fullNames(timeoutOf(v), names.taskNames()...)
		}
		return v.run(e)
	}
	return e
}

// close ends what the command has open.
func (e *env) close() {
	e.flush()
	e.client.Close()
}

// request sends one request that may last, and prints the tasks that it reached.
func (e *env) request(do func(context.Context, *client.Client) ([]task.Info, error)) error {
	return e.askFor(nil, do)
}

// askFor is ask where the request has another grace than the tasks have.
func (e *env) askFor(grace func(own time.Duration) time.Duration, do func(context.Context, *client.Client) ([]task.Info, error)) error {
	c, err := e.dial()
	if err != nil {
		return err
	}
	ctx, done := untilInterrupt(asked)
	defer done()
	end, since := e.progress(ctx, c, grace), time.Now()
	tasks, err := do(ctx, c)
	end()
	e.sayKilled(tasks, grace, since)
	if errors.Is(err, task.ErrUnavailable) && len(tasks) == 0 {
		return err
	}
	return errors.Join(e.printTouched(tasks), err)
}
