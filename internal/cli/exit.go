package cli

import (
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tasks/internal/socket"
	"tasks/pkg/client"
	"tasks/pkg/task"
)

type exitOptions struct {
	keep    bool
	timeout *task.Duration
}

func newExit(e *env) *cobra.Command {
	return e.verb(new(exitOptions), &cobra.Command{
		Use:     "exit",
		Aliases: []string{"shutdown", "quit"},
		Short:   "Stop every task and end the supervisor",
		Long: `Stop every task, wait until all are gone, and end the supervisor. Returns when its
process is gone and its socket removed. Tasks and logs stay on disk: the next
'tasks serve' lists them as stopped.`,
		Example: "  tasks exit\n  tasks exit --timeout 2s\n  tasks exit --keep && tasks serve",
		Args:    noArgs,
	})
}

func (o *exitOptions) flags(f *pflag.FlagSet) {
	f.BoolVar(&o.keep, "keep", false, "end the supervisor alone: tasks run on, and the next 'tasks serve' takes them back")
	durationVar(f, &o.timeout, "timeout", "", "KILL what has not ended after `TIME`")
}

func (o *exitOptions) parse(line) error {
	if o.keep && o.timeout != nil {
		return usage("--keep stops nothing: it goes without --timeout")
	}
	return checked(task.CheckDuration("--timeout", o.timeout))
}

func (o *exitOptions) run(e *env) error {
	if !o.keep && !e.sure() {
		return nil
	}
	err := o.exit(e)
	if e.shell != nil && e.socket == e.shell.socket {
		e.shell.exited = true
	}
	return err
}

func (o *exitOptions) exit(e *env) error {
	c, err := e.dial()
	if err != nil {
		return err
	}
	ctx, done := untilInterrupt(asked)
	defer done()
	info, err := c.Info(ctx)
	if err != nil {
		return err
	}
	end, since := e.progress(ctx, c, atMost(o.timeout)), time.Now()
	tasks, err := c.Exit(ctx, client.ExitOptions{Keep: o.keep, Timeout: o.timeout})
	end()
	e.sayKilled(tasks, atMost(o.timeout), since)
	if errors.Is(err, task.ErrUnavailable) || errors.Is(err, task.ErrUsage) || errors.Is(err, errInterrupted) {
		return err
	}
	// The supervisor holds its lock as long as there is a process of it.
	gone := socket.AwaitRelease(ctx, info.StateDir, info.PID)
	for _, t := range tasks {
		if o.keep && t.State == task.Stopped { // which does not end by itself
			e.remark("tasks: %s could not run on without the supervisor: it is %s", t.Name, t.State)
		}
	}
	e.client.Close()
	err = errors.Join(e.printTouched(tasks), err, gone)
	e.sayAgain(tasks, since)
	return err
}

// sayAgain says on a terminal how what an exit has stopped is started again: no policy
// does that.
func (e *env) sayAgain(tasks []task.Info, since time.Time) {
	var names []string
	for _, t := range tasks {
		if t.State == task.Stopped && t.EndedAt.After(since) {
			names = append(names, t.Name)
		}
	}
	if len(names) > 4 {
		names = append(names[:3], "...")
	}
	if e.errTTY && names != nil {
		e.remark("tasks: to start them again, use 'tasks serve', then 'tasks start %s'", strings.Join(names, " "))
	}
}

// atMost caps the grace of each task; nil: no cap.
func atMost(d *task.Duration) func(time.Duration) time.Duration {
	if d == nil {
		return nil
	}
	return func(own time.Duration) time.Duration { return min(own, time.Duration(*d)) }
}
