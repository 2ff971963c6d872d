package cli

import (
	"context"
	"errors"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tasks/pkg/client"
	"tasks/pkg/task"
)

type waitOptions struct {
	selection
	any     bool
	state   string
	timeout *task.Duration
}

func newWait(e *env) *cobra.Command {
	return e.verb(new(waitOptions), &cobra.Command{
		Use:   "wait NAME... | --all | --group G",
		Short: "Wait until tasks have ended, and pass on their exit code",
		Long: `Wait until all the tasks have ended; with --any, until one has. The exit code is
the task's own: 128+n if signal n ended it, 127 or 126 if it could not start, 124
if its timeout ran out, 125 if it was lost, 143 if it was stopped before it began,
and 1 in place of 0 if it was stopped as unhealthy; of several tasks the first, in
the order named, that is not 0. Where waiting itself fails it is 125, 124 for
--timeout, and 2 for wrong usage. A task that ended long ago is as good as one that
ends now.
If the supervisor is replaced or killed, the wait continues with the next one, if
that answers within 10 seconds.`,
		Example: `  tasks wait build && echo built
  tasks wait --any web db --timeout 1h
  tasks wait web --for running`,
		ValidArgsFunction: completeNames(nil),
	})
}

func (o *waitOptions) flags(f *pflag.FlagSet) {
	o.selection.flags(f)
	f.BoolVar(&o.any, "any", false, "until one of them has, with that one's code")
	f.StringVar(&o.state, "for", "ended", "until they are in `STATE`: ended, running or ready")
	durationVar(f, &o.timeout, "timeout", "", "give up after `TIME`, with exit code 124")
}

func (o *waitOptions) parse(l line) error {
	if err := o.something(l); err != nil {
		return err
	}
	if !slices.Contains([]string{"ended", "running", "ready"}, o.state) {
		return usage("bad --for %q: use ended, running or ready", o.state)
	}
	return checked(task.CheckDuration("--timeout", o.timeout))
}

func (o *waitOptions) run(e *env) error {
	e.code = codeOfWait
	c, err := e.dial()
	if err != nil {
		return err
	}
	ctx, done := untilInterrupt(waitAgain(o.names, o.groups, o.all))
	defer done()
	end := func() {}
	if o.state == "ended" {
		end = e.showWait(ctx, c, o.selector())
	}
	tasks, err := e.waitOn(ctx, e.noted(ctx, o.selector()), client.WaitOptions{Selector: o.selector(), Any: o.any, For: o.state, Timeout: o.timeout})
	end()
	if errors.Is(err, context.Canceled) {
		err = context.Cause(ctx)
	}
	if is := met(tasks, o.state); o.any && err == nil && len(is) > 0 {
		tasks = is[:1]
	}
	if e.output == "json" || e.output == "name" || e.output == "wide" {
		err = joined(err, e.printTouched(tasks))
	}
	if err != nil {
		return err
	}
	if o.state != "ended" {
		for _, t := range tasks {
			if t.State.Ended() {
				return joined(task.Errorf(nil, t.Name, "%s is %s, not %s", t.Name, t.State, o.state), nil)
			}
		}
		return nil
	}
	if e.errTTY {
		e.sayWhy(slices.DeleteFunc(slices.Clone(tasks), func(t task.Info) bool { return t.State == task.Done || codeOfTask(t) == 0 }))
	}
	return codeOfTasks(tasks)
}

// met is the tasks that are what was waited for.
func met(tasks []task.Info, what string) []task.Info {
	var is []task.Info
	for _, t := range tasks {
		up := t.State == task.Running || t.State == task.Paused || what == "running" && t.State == task.Starting && t.PID != 0
		if t.State.Ended() || what != "ended" && up {
			is = append(is, t)
		}
	}
	return is
}
