package cli

import (
	"context"

	"github.com/spf13/cobra"

	"tasks/pkg/client"
	"tasks/pkg/task"
)

type enableOptions struct{ selection }

func newEnable(e *env) *cobra.Command {
	return e.verb(new(enableOptions), &cobra.Command{
		Use:   "enable NAME... | --all | --group G",
		Short: "Enable schedules: start runs at their times again",
		Long: `Enable schedules that were disabled or stopped: each waits for its next time, and
starts nothing before that. A schedule that was disabled keeps its rhythm. --all and
--group enable what was disabled.`,
		Example:           "  tasks enable backup\n  tasks enable --all",
		ValidArgsFunction: completeNames(func(t task.Info) bool { return t.Disabled || t.Spec.Repeats() && t.State.Ended() }),
	})
}

func (o *enableOptions) parse(l line) error { return o.something(l) }

func (o *enableOptions) run(e *env) error {
	return e.request(func(ctx context.Context, c *client.Client) ([]task.Info, error) { return c.Enable(ctx, o.selector()) })
}

type disableOptions struct{ selection }

func newDisable(e *env) *cobra.Command {
	return e.verb(new(disableOptions), &cobra.Command{
		Use:   "disable NAME... | --all | --group G",
		Short: "Disable schedules: start no further runs",
		Long: `Disable schedules: a run that is active finishes, and no other starts until
'tasks enable' or 'tasks start', not even after a reboot. A disabled schedule is
stopped; 'tasks restart' runs it once and leaves it disabled. 'tasks stop' also ends
the active run.`,
		Example:           "  tasks disable backup\n  tasks disable --group nightly",
		ValidArgsFunction: completeNames(func(t task.Info) bool { return t.Spec.Repeats() && !t.Disabled && !t.State.Ended() }),
	})
}

func (o *disableOptions) parse(l line) error { return o.something(l) }

func (o *disableOptions) run(e *env) error {
	return e.request(func(ctx context.Context, c *client.Client) ([]task.Info, error) { return c.Disable(ctx, o.selector()) })
}
