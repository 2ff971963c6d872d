package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	before := e.stoppedBefore(ctx, c)
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
	stopped := slices.DeleteFunc(tasks, func(t task.Info) bool { return t.State != task.Stopped })
	if e.errTTY && len(stopped) > 0 {
		e.remark("tasks: to start them again, use 'tasks serve', then %s", startsAgain(stopped, before))
	}
	return err
}

// stoppedBefore are the tasks that are stopped before an exit; asked for only where there is
// a terminal to print the hint on.
func (e *env) stoppedBefore(ctx context.Context, c *client.Client) []task.Info {
	if !e.errTTY || e.quiet {
		return nil
	}
	stopped, _ := c.List(ctx, client.ListOptions{States: []task.State{task.Stopped}}) // only for a hint
	return stopped
}

// startsAgain is the line that starts again what an exit has stopped, and nothing that was
// stopped before, unless those are too many to name.
func startsAgain(stopped, before []task.Info) string {
	const few, many = 4, 12
	var names, groups []string
	for _, t := range stopped {
		names = append(names, t.Name)
		if !slices.Contains(groups, t.Group) {
			groups = append(groups, t.Group)
		}
	}
	mixed := slices.Contains(groups, "") || slices.ContainsFunc(before, func(t task.Info) bool { return slices.Contains(groups, t.Group) })
	switch {
	case len(names) > few && len(groups) <= few && !mixed:
		return inQuotes(fmt.Sprintf("tasks start -g %s --state stopped", strings.Join(groups, " -g ")))
	case len(names) > few && len(before) == 0:
		return "'tasks start --all --state stopped'"
	case len(names) > many:
		return fmt.Sprintf("'tasks start --all --state stopped', which starts the %d stopped before as well", len(before))
	}
	return inQuotes("tasks start " + quoted(names))
}

// atMost caps the grace of each task; nil: no cap.
func atMost(d *task.Duration) func(time.Duration) time.Duration {
	if d == nil {
		return nil
	}
	return func(own time.Duration) time.Duration { return min(own, time.Duration(*d)) }
}
