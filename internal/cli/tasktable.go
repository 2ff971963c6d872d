package cli

import (
	"cmp"
	"fmt"
	"strconv"
	"time"

	"tasks/pkg/task"
)

var (
	taskHead = []string{"NAME", "STATE", "PID", "UPTIME", "RESTARTS", "EXIT", "COMMAND"}
	wideHead = []string{
		"NAME", "GROUP", "STATE", "READY", "PID", "UPTIME", "RESTARTS", "EXIT", "CPU", "MEM", "PROCS", "RUN",
		"ENDED", "DURATION", "PRIORITY", "PLACE", "CWD", "LOG", "REASON", "COMMAND",
	}
	// What says least of how the tasks are leaves a narrow terminal first.
	wideLayout = layout{
		paths: []string{"CWD", "LOG"}, texts: []string{"REASON", "COMMAND"}, zero: []string{"RESTARTS", "PRIORITY"},
		drop:  []string{"LOG", "CWD", "PROCS", "RUN", "READY", "ENDED", "PRIORITY", "RESTARTS", "PID", "GROUP", "DURATION", "PLACE", "CPU", "MEM", "REASON"},
		least: map[string]int{"REASON": 24},
	}
)

// taskTable prints tasks as a table.
func (p *printer) taskTable(tasks []task.Info) error {
	now := time.Now()
	head, row := taskHead, p.row
	if p.output == "wide" {
		head, row = wideHead, p.wideRow
	}
	rows := make([][]string, len(tasks))
	for i := range tasks {
		t := withLastExit(tasks[i])
		rows[i] = row(&t, now)
	}
	if p.output != "wide" {
		return p.printTable(head, rows)
	}
	return p.printFitted(wideLayout, head, rows)
}

func (p *printer) row(t *task.Info, now time.Time) []string {
	return []string{t.Name, p.state(t), number(t.PID), p.uptime(t, now), strconv.Itoa(t.Restarts), p.exit(t), plain(commandLine(*t))}
}

func (p *printer) wideRow(t *task.Info, now time.Time) []string {
	cpu, mem, procs := "-", "-", "-"
	if t.Stats != nil {
		cpu = strconv.FormatFloat(t.Stats.CPUPercent, 'f', 1, 64) + "%"
		mem, procs = size(t.Stats.MemoryBytes), strconv.Itoa(t.Stats.Processes)
	}
	ready, lasted := "-", "-"
	if t.Spec.Ready.Checked() || t.Spec.Health.Checked() { // what has no check is said to be ready as soon as it runs
		ready = isReady(*t)
	}
	if d, ok := duration(t); ok {
		lasted = fine(d)
	}
	return []string{
		t.Name, dash(t.Group), p.state(t), ready, number(t.PID), p.uptime(t, now), strconv.Itoa(t.Restarts), p.exit(t),
		cpu, mem, procs, number(t.Run), dash(p.clock(t.EndedAt, now)), lasted, strconv.Itoa(t.Priority), number(t.Place),
		dash(plain(t.Cwd)), dash(plain(t.Log)), dash(plain(t.Reason)), plain(commandLine(*t)),
	}
}

func (p *printer) state(t *task.Info) string { return p.paint(colours[t.State], string(t.State)) }

func (p *printer) exit(t *task.Info) string {
	if t.PID == 0 && t.Failing() {
		return p.paint(colours[task.Failed], exitOf(*t))
	}
	return exitOf(*t)
}

// uptime is for how long a task runs, or when it will; on a terminal also what it waits
// for, or when it ended.
func (p *printer) uptime(t *task.Info, now time.Time) string {
	if !t.NextAt.IsZero() && t.PID == 0 && len(t.WaitsFor) == 0 && (t.State == task.Waiting || t.State == task.BackingOff) {
		return "in " + span(t.NextAt.Sub(now).Round(time.Second))
	}
	switch {
	case t.PID == 0 && t.State != task.Running || t.StartedAt.IsZero():
	default:
		return span(now.Sub(t.StartedAt.Time))
	}
	switch {
	case !p.tty:
	case t.State.Ended() && !t.EndedAt.IsZero():
		return ago(now.Sub(t.EndedAt.Time))
	case t.State == task.Waiting && len(t.WaitsFor) > 0:
		return waitsFor(t.WaitsFor)
	}
	return "-"
}

// waitsFor names the tasks that are waited for, in the width of a cell.
func waitsFor(names []string) string {
	const most = 20
	text := "for " + plain(names[0])
	if shown(text) > most {
		text = cut(text, most-1) + "…"
	}
	if more := len(names) - 1; more > 0 {
		text += fmt.Sprintf(" +%d", more)
	}
	return text
}

// withLastExit is t with how its last run ended, which a schedule that was started or enabled
// since then does not say of itself.
func withLastExit(t task.Info) task.Info {
	last := t.LastExit
	if last == nil || !t.Spec.Repeats() || t.State != task.Waiting || !t.StartedAt.IsZero() {
		return t
	}
	t.StartedAt, t.EndedAt, t.ExitCode, t.Signal = last.StartedAt, last.EndedAt, last.ExitCode, last.Signal
	t.TimedOut, t.Reason = last.TimedOut, cmp.Or(t.Reason, last.Reason)
	return t
}

// duration is how long the last run lasted, if it has ended.
func duration(t *task.Info) (d time.Duration, ok bool) {
	switch {
	case t.Duration != nil:
		return time.Duration(*t.Duration), true
	case t.StartedAt.IsZero() || t.EndedAt.IsZero() || t.EndedAt.Before(t.StartedAt.Time):
		return 0, false
	}
	return t.EndedAt.Sub(t.StartedAt.Time), true // an earlier supervisor does not say it
}

// clock is a time: on a terminal in the user's own zone, as short as it can be, else
// in RFC 3339.
func (p *printer) clock(t task.Time, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	if !p.tty {
		return t.Format(time.RFC3339)
	}
	local, today := t.Local(), now.Local()
	switch {
	case local.YearDay() == today.YearDay() && local.Year() == today.Year():
		return local.Format("15:04:05")
	case local.Year() == today.Year():
		return local.Format("Jan _2 15:04")
	}
	return local.Format("2006-01-02")
}

func exitOf(t task.Info) string {
	switch {
	case t.ExitCode != nil:
		return strconv.Itoa(*t.ExitCode)
	case t.Signal != "":
		return t.Signal
	}
	return "-"
}

// isReady is for tasks with a check: any other is ready once it runs.
func isReady(t task.Info) string {
	switch {
	case t.Ready == nil, !t.Spec.Ready.Checked() && !t.Spec.Health.Checked():
		return "-"
	case *t.Ready:
		return "yes"
	}
	return "no"
}

// ago is how long ago something was, in its greatest unit.
func ago(d time.Duration) string {
	d = max(d, 0)
	for _, unit := range []struct {
		of     time.Duration
		letter string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}} {
		if d >= unit.of {
			return fmt.Sprintf("%d%s ago", d/unit.of, unit.letter)
		}
	}
	return fmt.Sprintf("%ds ago", d/time.Second)
}

// fine is span, with more of what is short.
func fine(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%dms", max(d, 0)/time.Millisecond)
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Truncate(100*time.Millisecond).Seconds())
	}
	return span(d)
}
