package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"tasks/pkg/client"
	"tasks/pkg/task"
)

type pauseOptions struct{ selection }

func newPause(e *env) *cobra.Command {
	return e.verb(new(pauseOptions), &cobra.Command{
		Use:   "pause NAME... | --all | --group G",
		Short: "Pause tasks: suspend their processes",
		Long: `Pause tasks: all their processes are suspended, and keep their memory, their files
and their slot, until 'tasks resume' or a stop. The time does not count towards
--timeout. --all and --group pause what runs; 'tasks group pause' also stops
admitting tasks of the group.`,
		Example:           "  tasks pause render\n  tasks resume render",
		ValidArgsFunction: completeNames(func(t task.Info) bool { return t.State == task.Running }),
	})
}

func (o *pauseOptions) parse(l line) error { return o.something(l) }

func (o *pauseOptions) run(e *env) error {
	return e.request(func(ctx context.Context, c *client.Client) ([]task.Info, error) {
		tasks, err := c.Pause(ctx, o.selector())
		return tasks, e.hintHeld(err)
	})
}

// hintHeld says what holds tasks that have no processes to pause: what is queued by its group,
// a schedule by itself.
func (e *env) hintHeld(err error) error {
	var all []error
	for _, one := range failures(err) {
		var of *task.Error
		if errors.As(one, &of) && of.Kind == task.ErrConflict {
			now, _ := e.client.List(context.Background(), client.ListOptions{Selector: task.Selector{Names: []string{of.Name}}}) // only a hint
			switch {
			case len(now) != 1:
			case now[0].State == task.Queued && now[0].Group != "":
				one = hintedError{one, "'tasks group pause " + now[0].Group + "' holds what is queued"}
			case now[0].State == task.Waiting && now[0].Spec.Repeats():
				one = hintedError{one, "'tasks disable " + of.Name + "' has its schedule start no run"}
			}
		}
		all = append(all, one)
	}
	if all == nil {
		return err
	}
	return errors.Join(all...)
}

type resumeOptions struct{ selection }

func newResume(e *env) *cobra.Command {
	return e.verb(new(resumeOptions), &cobra.Command{
		Use:               "resume NAME... | --all | --group G",
		Short:             "Continue paused tasks",
		Example:           "  tasks resume render\n  tasks resume --all",
		ValidArgsFunction: completeNames(func(t task.Info) bool { return t.State == task.Paused }),
	})
}

func (o *resumeOptions) parse(l line) error { return o.something(l) }

func (o *resumeOptions) run(e *env) error {
	return e.request(func(ctx context.Context, c *client.Client) ([]task.Info, error) { return c.Resume(ctx, o.selector()) })
}
