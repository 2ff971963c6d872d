package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tasks/pkg/client"
	"tasks/pkg/task"
)

type timersOptions struct {
	selection
	failing bool
}

func newTimers(e *env) *cobra.Command {
	return e.verb(new(timersOptions), &cobra.Command{
		Use:   "timers [NAME...]",
		Short: "List schedules: their next and last runs",
		Long: `List schedules, and tasks that wait for a time: when the next run starts, when the
last one started, how it ended and how long it lasted, what the schedule is, and the
time zone of its times of day. The next due comes first; disabled and stopped
schedules come last.`,
		Example: `  tasks timers
  tasks timers --failing
  tasks timers --json | jq -r '.[] | select(.last_exit.state == "failed") | .name'`,
		Annotations:       quietNames,
		ValidArgsFunction: completeNames(func(t task.Info) bool { return isTimer(&t) }),
	})
}

func (o *timersOptions) flags(f *pflag.FlagSet) {
	o.selection.flags(f)
	f.BoolVar(&o.failing, "failing", false, "only those whose last run failed or was lost")
}

func (o *timersOptions) run(e *env) error {
	c, err := e.dial()
	if err != nil {
		return err
	}
	tasks, err := c.List(context.Background(), client.ListOptions{Selector: o.selector()})
	tasks = slices.DeleteFunc(tasks, func(t task.Info) bool { return !isTimer(&t) })
	all, only := tasks, &narrowing{failing: o.failing}
	tasks = only.keep(slices.Clone(tasks))
	slices.SortFunc(tasks, compareTimers)
	if e.quiet {
		e.output = "name"
	}
	if e.output != "table" && e.output != "wide" || err != nil && len(tasks) == 0 {
		return e.answered(tasks, err)
	}
	if len(tasks) == 0 && len(all) > 0 && e.tty && err == nil {
		e.remark("%s", noneOf(all, "schedules", only))
		return nil
	}
	return joined(err, e.printTimers(tasks))
}

// isTimer reports whether a task has a schedule, or waits for its time.
func isTimer(t *task.Info) bool {
	return t.Spec.Repeats() || t.State == task.Waiting && !t.NextAt.IsZero() && len(t.WaitsFor) == 0
}

// compareTimers is by the next time; what has none comes last.
func compareTimers(a, b task.Info) int {
	switch {
	case a.NextAt.IsZero() != b.NextAt.IsZero():
		return cmp.Compare(b.NextAt.Unix(), a.NextAt.Unix())
	default: // both or none
		return cmp.Or(a.NextAt.Compare(b.NextAt.Time), task.CompareNames(a.Name, b.Name))
	}
}

var (
	timerHead   = []string{"NAME", "STATE", "NEXT", "LAST", "RESULT", "DURATION", "SCHEDULE", "ZONE"}
	timerLayout = layout{texts: []string{"RESULT", "SCHEDULE"}, drop: []string{"ZONE", "DURATION", "STATE"}, least: map[string]int{"RESULT": 21}}
)

func (p *printer) printTimers(tasks []task.Info) error {
	now := time.Now()
	rows := make([][]string, len(tasks))
	for i := range tasks {
		t := &tasks[i]
		next, last, result, lasted := p.clock(t.NextAt, now), "-", "-", "-"
		switch {
		case t.Disabled:
			next = "disabled"
		case p.tty && !t.NextAt.IsZero():
			next = "in " + span(t.NextAt.Sub(now).Round(time.Second))
		}
		if r := lastRun(t); r != nil {
			if last = p.clock(r.StartedAt, now); p.tty {
				last = ago(now.Sub(r.StartedAt.Time))
			}
			lasted, result = fine(r.EndedAt.Sub(r.StartedAt.Time)), p.paint(colours[r.State], resultOf(r))
		}
		rows[i] = []string{t.Name, p.state(t), dash(next), last, result, lasted, scheduleText(&t.Spec), dash(plain(t.Zone))}
	}
	return p.printFitted(timerLayout, timerHead, rows)
}

// lastRun is the last run that has ended, or nil.
func lastRun(t *task.Info) *task.Run {
	if t.LastExit != nil || t.StartedAt.IsZero() || t.EndedAt.IsZero() {
		return t.LastExit
	}
	r := &task.Run{Run: t.Run, StartedAt: t.StartedAt, EndedAt: t.EndedAt, ExitCode: t.ExitCode, Signal: t.Signal, State: task.Done} // an earlier supervisor
	if t.Failing() {
		r.State = task.Failed
	}
	return r
}

// resultOf says how a run ended, and why if it went wrong.
func resultOf(r *task.Run) string {
	if r.State == task.Done || r.Reason == "" || r.Reason == string(r.State) {
		return string(r.State)
	}
	return plain(string(r.State) + ": " + r.Reason)
}

// scheduleText is when runs start, in the words of the flags.
func scheduleText(s *task.Spec) string {
	var parts []string
	if s.Cron != "" {
		words := strings.Fields(s.Cron)
		if len(words) > 1 && strings.Contains(words[0], "=") { // the zone has its own column
			words = words[1:]
		}
		parts = append(parts, plain(strings.Join(words, " ")))
	}
	if s.Every != nil {
		parts = append(parts, "every "+durationText(s.Every))
	}
	if s.At != "" {
		parts = append(parts, "at "+plain(s.At))
	}
	if s.Delay != nil {
		parts = append(parts, fmt.Sprintf("after %s", durationText(s.Delay)))
	}
	return strings.Join(parts, " ")
}
