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

	"tasks/internal/option"
	"tasks/pkg/client"
	"tasks/pkg/task"
)

type startOptions struct {
	taskOptions
	stateList
	shell, wait  string
	replace, all bool
	next         int // so many times of the schedule are printed, and nothing is started

	names   []string
	command []string // nil: what is known of the names is started again
}

func newStart(e *env) *cobra.Command {
	return e.verb(new(startOptions), &cobra.Command{
		Use:     "start NAME [flags] -- COMMAND [ARG...] | NAME...",
		Short:   "Start a task: a command under a name",
		Aliases: []string{"run", "add"},
		Long: `Start a task: run a command in the background under a name. The command is run
as given, without a shell; -c runs a line through sh instead. 'tasks start'
returns when the process exists, or once it waits for its time, for other tasks
or for a slot; a program that cannot be executed is an error.

The task gets the directory and the environment of the caller. The environment
is kept on disk with the task, readable for the user alone. Its standard input is
empty (/dev/null); what it writes is kept for 'tasks logs'.

NAMEs alone start ended tasks again as they were, and so do --all and, without a
command, --group; --state narrows these, as to the failed and the stopped ones. A new
name is looked up in the tasks file, if there is one here or in a directory above;
without one, a single new name without a command runs the built-in heartbeat, which
logs a line every two seconds. The name of a task that was removed is not new: give
its command again.`,
		Example: `  tasks start web -- python3 -m http.server 8000
  tasks start db --restart always -C /srv/db -- ./postgres -D data
  tasks start report --wait -c 'make report | tee report.txt'
  tasks start api --after db --ready-port 8080 --wait=ready -- ./api
  tasks start backup --cron '0 3 * * *' -- ./backup.sh
  tasks start --cron '0 3 * * mon-fri' --next 5
  tasks start web db                   again, as they were
  tasks start -g encode --state failed,stopped`,
		ValidArgsFunction: func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
			if e.typed("--") {
				return e.completeCommand(toComplete)
			}
			return completeNames(ended)(cmd, args, toComplete)
		},
	})
}

func (o *startOptions) flags(f *pflag.FlagSet) {
	o.taskOptions.flags(f)
	f.Lookup("group").Usage += "; without a command: every ended task of it"
	o.stateList.flags(f, "without a command: only ended tasks in these `STATES`, such as stopped")
	f.StringVarP(&o.shell, "command", "c", "", "run `STRING` through sh -c, in place of a command after --")
	f.SetAnnotation("command", ofTopic, []string{string(option.Command)})
	f.StringVar(&o.wait, "wait", "", "return when it is in `STATE`: running, ready or ended; alone: ended, with its exit code")
	f.Lookup("wait").NoOptDefVal = "ended"
	f.BoolVar(&o.replace, "replace", false, "stop first what has this name")
	f.BoolVarP(&o.all, "all", "a", false, "start every ended task again")
	f.IntVar(&o.next, "next", 0, "print the next `N` times of the schedule, and start nothing")
	f.SetAnnotation("next", ofTopic, []string{string(option.Order)})
	alsoCalled(f, "cwd", "workdir") // by docker
}

func (o *startOptions) parse(l line) error {
	o.taskOptions.parse(l)
	if slices.Contains(l.given, "next") {
		return o.parseNext(l)
	}
	if o.wait != "" && o.wait != "ended" && o.wait != "running" && o.wait != "ready" {
		return usage("bad --wait %q: use running, ready or ended", o.wait)
	}
	if err := o.stateList.parse(); err != nil {
		return err
	}
	o.names, o.command = l.parts()
	if err := o.slips(l); err != nil {
		return err
	}
	switch {
	case o.command != nil && len(o.command) == 0:
		return usage("no command after --")
	case o.command != nil && o.shell != "":
		return usage("give a command either with -c or after --, not both")
	case o.shell != "":
		o.command = []string{"sh", "-c", o.shell}
	}
	if o.all {
		if err := (&selection{all: true, groups: o.groups}).parse(line{args: o.names}); err != nil {
			return err
		}
	}
	switch {
	case o.all && o.command != nil:
		return usage("--all starts ended tasks again: it goes without a command")
	case len(o.names) == 0 && o.command != nil:
		return usage("no name given: put one first: tasks start NAME %s", o.rest())
	case len(o.names) == 0 && !o.all && len(o.groups) == 0:
		return usage("no name given: use 'tasks start NAME -- COMMAND', or for a tasks file 'tasks up'")
	case o.command != nil && o.states != nil:
		return usage("--state selects tasks that are known: it goes without a command")
	case o.command != nil && len(o.names) > 1:
		return usage("one command needs one name, not %d: tasks start %s %s", len(o.names), quote(o.names[0]), o.rest())
	case o.command != nil:
		return nil
	}
	for _, flag := range o.given {
		if !(o.ofGroup() && flag == "group") {
			return usage("--%s needs a command: use 'tasks start NAME --%s … -- COMMAND'", flag, flag)
		}
	}
	if o.replace && (o.ofGroup() || o.all || o.states != nil) {
		return usage("--all, --group and --state start what has ended: they go without --replace")
	}
	return o.stateList.ended("restart")
}

// ofGroup reports whether the ended tasks of a group are started again.
func (o *startOptions) ofGroup() bool { return o.command == nil && len(o.names) == 0 && !o.all }

func (o *startOptions) run(e *env) error {
	if o.wait == "ended" {
		e.code = codeOfWait
	}
	switch {
	case o.next > 0:
		return o.printNext(e)
	case o.ofGroup(), o.states != nil:
		return o.endedAgain(e)
	case o.command == nil:
		return o.again(e)
	}
	if err := checkProgram("start", o.names[0], o.command); err != nil {
		return err
	}
	spec, err := o.task(e.printer, o.names[0], o.command)
	if err != nil {
		return err
	}
	return o.started(e, func(ctx context.Context, c *client.Client) ([]task.Info, error) {
		var err error
		if spec.Caller, err = e.caller(ctx, c); err != nil {
			return nil, err
		}
		return c.Start(ctx, spec, client.StartOptions{Replace: o.replace})
	})
}

// started runs a start, waits if asked to, and prints the tasks.
func (o *startOptions) started(e *env, start func(context.Context, *client.Client) ([]task.Info, error)) error {
	c, err := e.dial()
	if err != nil {
		return err
	}
	then := waitAgain(o.names, o.groups, o.all)
	switch {
	case o.replace:
		then = asked
	case o.wait == "":
		then = unchanged
	case o.command != nil: // -g is the group that it gets
		then = waitAgain(o.names, nil, false)
	}
	ctx, done := untilInterrupt(then)
	defer done()
	tasks, err := start(ctx, c)
	err = hintRunning(err)
	e.sayBehind(ctx, c, tasks)
	if o.wait == "" || err != nil || len(tasks) == 0 {
		if err != nil && o.wait == "ended" && len(tasks) == 1 && tasks[0].State == task.Failed {
			err = errors.Join(exitCode(codeOfTask(tasks[0])), err)
		}
		if err != nil && (o.wait == "running" || o.wait == "ready") {
			e.lastLines(tasks)
		}
		if err == nil {
			tasks = e.lookAgain(ctx, c, tasks)
		}
		return joined(err, e.printTouched(tasks))
	}
	var names []string
	for _, t := range tasks {
		names = append(names, t.Name)
	}
	hide := func() {}
	if o.wait != "ended" {
		v := &upView{e: e, names: names, tasks: tasks, since: time.Now()}
		hide = v.show(ctx, c)
	}
	now, err := e.waitOn(ctx, func() []task.Info { return tasks }, client.WaitOptions{Selector: task.Selector{Names: names}, For: o.wait, Once: o.wait != "ended"})
	hide()
	if err == nil {
		tasks = now
	}
	if o.wait == "ended" || err != nil {
		err = joined(err, e.printTouched(tasks))
		if err == nil {
			err = codeOfTasks(tasks)
			e.whyFailed(tasks)
		}
		return err
	}
	var down []task.Info
	for _, t := range tasks {
		if t.State == task.BackingOff || t.State.Ended() && t.State != task.Done || t.State.Ended() && o.wait == "ready" {
			down = append(down, t)
		}
	}
	if down == nil {
		return e.printTouched(tasks)
	}
	return o.notUp(e, c, tasks, down)
}

// hintRunning says what to use for tasks that run already.
func hintRunning(err error) error {
	var all []error
	for _, one := range failures(err) {
		var of *task.Error
		if errors.As(one, &of) && of.Kind == task.ErrConflict && strings.HasSuffix(of.Msg, " is already running.") {
			one = hintedError{one, fmt.Sprintf("use 'tasks restart %s', or for another command 'tasks start %[1]s --replace -- COMMAND'", of.Name)}
		}
		all = append(all, one)
	}
	if all == nil {
		return err
	}
	return errors.Join(all...)
}

// notUp stops a task that did not come up, and shows its last lines.
func (o *startOptions) notUp(e *env, c *client.Client, tasks, down []task.Info) error {
	ctx, done := untilInterrupt(asked)
	defer done()
	var errs []error
	for i := range down {
		t := &down[i]
		err := fmt.Errorf("%s is not %s: it is %s", t.Name, o.wait, t.State)
		if t.Reason != "" {
			err = fmt.Errorf("%s is not %s: %s", t.Name, o.wait, t.Reason)
		}
		if t.TimedOut && o.wait == "ready" {
			err = task.Errorf(task.ErrTimeout, t.Name, "%v", err)
		}
		if errs = append(errs, err); t.State == task.BackingOff { // not again
			stopped, err := c.Stop(ctx, client.StopOptions{Selector: task.Selector{Names: []string{t.Name}}})
			if err != nil {
				errs = append(errs, err)
			} else if len(stopped) == 1 {
				*t = stopped[0]
			}
		}
		for j := range tasks {
			if tasks[j].Name == t.Name {
				tasks[j] = *t
			}
		}
	}
	err := e.printTouched(tasks)
	e.lastLines(down)
	return errors.Join(append(errs, err)...)
}

// joined is errors.Join, without wrapping a single one.
func joined(err, also error) error {
	if also == nil {
		return err
	}
	return errors.Join(err, also)
}

func codeOfTasks(tasks []task.Info) error {
	for _, t := range tasks {
		if code := codeOfTask(t); code != 0 {
			return exitCode(code)
		}
	}
	return nil
}
