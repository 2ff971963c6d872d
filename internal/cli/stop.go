package cli

import (
	"cmp"
	"context"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tasks/pkg/client"
	"tasks/pkg/task"
)

type stopOptions struct {
	selection
	now     bool
	timeout *task.Duration
}

func newStop(e *env) *cobra.Command {
	return e.verb(new(stopOptions), &cobra.Command{
		Use:   "stop NAME... | --all | --group G",
		Short: "Stop tasks, and return when they are gone",
		Long: `Stop tasks: send each its stop signal (TERM), after its stop timeout (10s) KILL,
and return when all that it started is gone. Several stop at the same time. A
task that has ended stays as it is, and stop succeeds.`,
		Example: `  tasks stop web
  tasks stop 'worker-*' -t 30s
  tasks stop --all --now`,
		ValidArgsFunction: completeNames(notEnded),
	})
}

func (o *stopOptions) flags(f *pflag.FlagSet) {
	o.selection.flags(f)
	f.BoolVar(&o.now, "now", false, "kill at once")
	durationVar(f, &o.timeout, "timeout", "t", "`TIME` from the stop signal to KILL, in place of the task's own")
}

func (o *stopOptions) parse(l line) error {
	if err := o.something(l); err != nil {
		return err
	}
	if o.now && o.timeout != nil {
		return usage("--now kills at once: it goes without --timeout")
	}
	return checked(task.CheckDuration("--timeout", o.timeout))
}

func (o *stopOptions) run(e *env) error {
	var grace func(time.Duration) time.Duration
	if o.now || o.timeout != nil {
		grace = func(time.Duration) time.Duration { return time.Duration(*cmp.Or(o.timeout, new(task.Duration))) }
	}
	return e.askFor(grace, func(ctx context.Context, c *client.Client) ([]task.Info, error) {
		return c.Stop(ctx, client.StopOptions{Selector: o.selector(), Now: o.now, Timeout: o.timeout})
	})
}
