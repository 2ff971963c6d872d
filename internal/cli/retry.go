package cli

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tasks/pkg/client"
	"tasks/pkg/task"
)

type retryOptions struct {
	selection
	wait bool
}

func newRetry(e *env) *cobra.Command {
	return e.verb(new(retryOptions), &cobra.Command{
		Use:   "retry NAME... | --all | --group G",
		Short: "Start tasks that failed or are lost again",
		Long: `Start tasks that failed or are lost again, as they were, dependencies first. All
other tasks stay as they are, also stopped ones and tasks that wait for their next
try. If there is nothing to retry, retry says so and succeeds. What was stopped before
it began, as by --fail-fast of each, is started by 'tasks start --state stopped'.`,
		Example:           "  tasks retry -g encode --wait\n  tasks retry build 'test-*'",
		ValidArgsFunction: completeNames(needsRetry),
	})
}

func (o *retryOptions) flags(f *pflag.FlagSet) {
	o.selection.flags(f)
	f.BoolVar(&o.wait, "wait", false, "return when they have ended, with the first exit code that is not 0")
}

func (o *retryOptions) parse(l line) error { return o.something(l) }

func (o *retryOptions) run(e *env) error {
	if o.wait {
		e.code = codeOfWait
		return o.runAndWait(e)
	}
	var retried []task.Info
	err := e.request(func(ctx context.Context, c *client.Client) (tasks []task.Info, err error) {
		tasks, retried, err = o.retry(ctx, c)
		return tasks, err
	})
	o.sayRest(e, retried, err)
	return err
}

// retry also returns which of the tasks were started: what is named comes back in any case.
func (o *retryOptions) retry(ctx context.Context, c *client.Client) (tasks, retried []task.Info, err error) {
	left := make(map[string]bool)
	if named := slices.DeleteFunc(slices.Clone(o.names), task.IsGlob); len(named) > 0 {
		before, _ := c.List(ctx, client.ListOptions{Selector: task.Selector{Names: named}})
		for _, t := range before {
			left[t.Name] = !needsRetry(t)
		}
	}
	tasks, err = c.Retry(ctx, o.selector())
	return tasks, slices.DeleteFunc(slices.Clone(tasks), func(t task.Info) bool { return left[t.Name] }), err
}

// runAndWait is run up to the end of what is started.
func (o *retryOptions) runAndWait(e *env) error {
	c, err := e.dial()
	if err != nil {
		return err
	}
	ctx, done := untilInterrupt(waitAgain(o.names, o.groups, o.all))
	defer done()
	since := time.Now()
	tasks, retried, err := o.retry(ctx, c)
	o.sayRest(e, retried, err)
	retried = slices.DeleteFunc(retried, func(t task.Info) bool { return t.Spec.Repeats() }) // it does not end
	if len(retried) == 0 {
		return joined(err, e.printTouched(tasks))
	}
	b := newBatch(since, retried)
	b.said = namesIn(err)
	return joined(e.sayNow(err), e.waitForBatch(ctx, c, b))
}

// sayRest says what a retry has not started, unless there is an error to look at first.
func (o *retryOptions) sayRest(e *env, retried []task.Info, err error) {
	if err == nil && len(retried) == 0 {
		e.remark("tasks: nothing to retry: no task failed or is lost")
	}
	if err == nil && !e.quiet {
		e.sayLeft(&o.selection)
	}
}

// sayLeft says which tasks that did not go well a retry leaves as they are, and what to do:
// jobs that were stopped before they began, and tasks that run again by themselves.
func (e *env) sayLeft(s *selection) {
	left, _ := e.client.List(context.Background(), client.ListOptions{Selector: s.selector(), States: []task.State{task.Stopped, task.Waiting, task.BackingOff}}) // only a hint
	var stopped, again []task.Info
	for _, t := range left {
		switch {
		case t.State == task.Stopped:
			stopped = append(stopped, t)
		case t.Failing() && !t.NextAt.IsZero():
			again = append(again, t)
		}
	}
	e.sayUnbegun(stopped, s)
	if n := len(again); n > 3 {
		e.remark("tasks: the last runs of %d tasks failed, and they run again by themselves: 'tasks restart NAME' runs one now", n)
		return
	}
	for _, t := range again {
		e.remark("tasks: %s runs again in %s: 'tasks restart %[1]s' runs it now", t.Name, span(time.Until(t.NextAt.Time).Round(time.Second)))
	}
}

func needsRetry(t task.Info) bool { return t.State == task.Failed || t.State == task.Lost }
