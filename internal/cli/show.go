package cli

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tasks/pkg/client"
	"tasks/pkg/task"
)

type showOptions struct {
	selection
	narrowing
	env, tree bool
}

func newShow(e *env) *cobra.Command {
	return e.verb(new(showOptions), &cobra.Command{
		Use:     "show NAME...",
		Aliases: []string{"describe"},
		Short:   "Show all about a task",
		Long: `Show all about a task: its state and why, its spec, what it uses, and its last
runs. The values of its environment, and names and passwords in URLs, are shown with
--env alone.`,
		Example:           "  tasks show web\n  tasks show web --json | jq '.[0].runs'\n  tasks show -g nightly --failing",
		ValidArgsFunction: completeNames(nil),
	})
}

func (o *showOptions) flags(f *pflag.FlagSet) {
	o.selection.flags(f)
	o.narrowing.flags(f, "only tasks in these `STATES`, such as failed,lost")
	f.BoolVar(&o.tree, "tree", false, "with the processes of its run")
	f.BoolVar(&o.env, "env", false, "with the values of its environment, and with URLs as they were given")
}

func (o *showOptions) parse(l line) error {
	if err := o.something(l); err != nil {
		return err
	}
	return o.stateList.parse()
}

func (o *showOptions) run(e *env) error {
	c, err := e.dial()
	if err != nil {
		return err
	}
	e.secrets = o.env
	tasks, err := c.Get(context.Background(), client.ListOptions{Selector: o.selector(), States: o.states, Stats: true, Env: o.env, Tree: o.tree})
	if tasks = o.keep(tasks); len(tasks) == 0 && err == nil && o.narrows() && e.output != "json" {
		e.remark("tasks: %s", e.none(c, o.selector(), &o.narrowing))
	}
	switch {
	case e.output == "json" || e.output == "name":
		return e.answered(tasks, err)
	case e.quiet:
		return err
	}
	for i, t := range tasks {
		if i > 0 {
			fmt.Fprintln(e.out)
		}
		if err := e.showTask(t); err != nil {
			return err
		}
	}
	return err
}

func (p *printer) showTask(t task.Info) error {
	t = withLastExit(t)
	var rows [][]string
	say := func(key, value string) {
		if value != "" {
			rows = append(rows, []string{p.paint("1", key+":"), plain(value)})
		}
	}
	num := func(n int) string {
		if n == 0 {
			return ""
		}
		return strconv.Itoa(n)
	}
	say("Name", t.Name)
	rows = append(rows, []string{p.paint("1", "State:"), p.paint(colours[t.State], string(t.State))})
	say("Reason", t.Reason)
	if t.State == task.BackingOff {
		say("Next try", p.when(t.NextAt))
	} else {
		say("Next run", p.when(t.NextAt))
	}
	if !t.State.Ended() || t.State == task.Stopped && t.Desired == task.DesiredRunning { // of an ended job it says nothing
		say("Desired", desired[t.Desired])
	}
	if t.Engine != task.EngineProcess {
		say("Engine", t.Engine)
	}
	say("Group", t.Group)
	say("Command", commandLine(t))
	say("Directory", t.Cwd)
	say("PID", num(t.PID))
	if ready := isReady(t); ready != "-" {
		say("Ready", ready)
	}
	say("Run", num(t.Run))
	say("Slot", num(t.Slot))
	if t.Place > 0 {
		say("Place", fmt.Sprintf("%d in the queue of %s", t.Place, t.Group))
	}
	say("Restarts", strconv.Itoa(t.Restarts))
	if x := exitOf(t); x != "-" {
		say("Exit", x)
	}
	say("Started", p.when(t.StartedAt))
	say("Ended", p.when(t.EndedAt))
	if d, ok := duration(&t); ok && t.PID == 0 {
		say("Lasted", fine(d))
	}
	if t.Stats != nil {
		noun := "processes"
		if t.Stats.Processes == 1 {
			noun = "process"
		}
		say("Uses", fmt.Sprintf("%.1f%% CPU, %s, %d %s", t.Stats.CPUPercent, size(t.Stats.MemoryBytes), t.Stats.Processes, noun))
	}
	say("Log", t.Log)
	for _, fact := range specFacts(&p.withoutSecrets([]task.Info{t})[0].Spec) {
		say(fact[0], fact[1])
	}
	say("Zone", t.Zone)
	say("Edited", editedText(&t))
	for kv := range t.Spec.Env.Vars() {
		say("Env", kv)
	}
	if err := pad(&trimmer{w: p.out}, nil, rows); err != nil {
		return err
	}
	if len(t.Tree) > 0 {
		fmt.Fprintln(p.out)
		p.drawTree(t.Tree)
	}
	if len(t.Runs) == 0 {
		return nil
	}
	fmt.Fprintln(p.out)
	started := p.when
	if w := p.terminal(); w > 0 && w < 100 { // how long ago that was has no room
		started = localTime
	}
	var runs [][]string
	for _, r := range t.Runs {
		state, exit, lasted := r.State, exitOf(task.Info{ExitCode: r.ExitCode, Signal: r.Signal}), "-"
		if state == "" {
			state = t.State
		}
		end := r.EndedAt.Time
		if end.IsZero() && !t.State.Ended() {
			end = time.Now()
		}
		if !end.IsZero() {
			lasted = fine(end.Sub(r.StartedAt.Time))
		}
		runs = append(runs, []string{
			strconv.Itoa(r.Run), p.paint(colours[state], string(state)), number(r.PID), started(r.StartedAt), lasted, exit, dash(plain(r.Reason)),
		})
	}
	head := []string{"RUN", "STATE", "PID", "STARTED", "LASTED", "EXIT", "REASON"}
	if p.output == "wide" {
		return p.printRows(head, runs, 0)
	}
	return p.printFitted(layout{texts: []string{"REASON"}, drop: []string{"PID"}, least: map[string]int{"REASON": 21}}, head, runs)
}

// drawTree draws the processes without a parent, and below each its own.
func (p *printer) drawTree(procs []task.Proc) {
	below := make(map[int][]task.Proc)
	for _, p := range procs {
		below[p.Parent] = append(below[p.Parent], p)
	}
	var draw func(parent int, indent string)
	draw = func(parent int, indent string) {
		of := below[parent]
		delete(below, parent) // each is drawn once, whatever the supervisor says of its parents
		for i, proc := range of {
			branch, more := "├─ ", "│  "
			if i == len(of)-1 {
				branch, more = "└─ ", "   "
			}
			if parent == 0 || len(indent) > maxColumn {
				branch, more = "", ""
			}
			line := fmt.Sprintf("%s%s%d  %s  (%s)\n", indent, branch, proc.PID, plain(commandLine(task.Info{Command: proc.Command})), size(proc.MemoryBytes))
			fmt.Fprint(&trimmer{w: p.out, width: p.terminal()}, line)
			draw(proc.PID, indent+more)
		}
	}
	draw(0, "")
}

// when is a time: on a terminal in the user's own zone and how far away, else
// in RFC 3339.
func (p *printer) when(t task.Time) string {
	switch {
	case t.IsZero():
		return ""
	case !p.tty:
		return t.Format(time.RFC3339)
	}
	local := localTime(t)
	if d := time.Since(t.Time); d >= 0 {
		return local + " (" + span(d) + " ago)"
	}
	return local + " (in " + span(time.Until(t.Time)) + ")"
}

func localTime(t task.Time) string { return t.Local().Format("2006-01-02 15:04:05 -07:00") }

// desired has the desired state by the name that JSON has for it.
var desired = map[task.Desired]string{task.DesiredRunning: "running", task.DesiredStopped: "stopped"}
