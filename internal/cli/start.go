package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tasks/internal/escape"
	"tasks/internal/logs"
	"tasks/pkg/client"
	"tasks/pkg/task"
)

// startFlags are the flags of start as they were given.
type startFlags struct {
	specFlags
	shell, wait  string
	replace, all bool
}

func newStart(e *env) *cobra.Command {
	var f startFlags
	cmd := &cobra.Command{
		Use:     "start NAME [flags] -- COMMAND [ARG...] | NAME...",
		Short:   "Start a task: a command under a name",
		Aliases: []string{"run", "add"},
		Long: `Start a task: run a command in the background under a name. The command is run
as given, without a shell; -c runs a line through sh instead. 'tasks start'
returns when the process exists, or once it waits for its time, for other tasks
or for a slot; a program that cannot be executed is an error.

The task gets the directory and the environment of the caller. The environment
is kept on disk with the task, readable for the user alone.

NAMEs alone start ended tasks again as they were, and so do --all and, without a
command, --group. A new name is looked up in the tasks file, if there is one here or
in a directory above; without one, a single new name without a command runs the
built-in heartbeat, which logs a line every two seconds. The name of a task that was
removed is not new: give its command again.`,
		Example: `  tasks start web -- python3 -m http.server 8000
  tasks start db --restart always -C /srv/db -- ./postgres -D data
  tasks start report --wait -c 'make report | tee report.txt'
  tasks start api --after db --ready-port 8080 --wait=ready -- ./api
  tasks start backup --cron '0 3 * * *' -- ./backup.sh
  tasks start web db                   again, as they were`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.start(cmd, &f, args)
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
			if typed("--") {
				return nil, cobra.ShellCompDirectiveDefault
			}
			return completeNames(ended)(cmd, args, toComplete)
		},
	}
	fl := cmd.Flags()
	fl.StringVarP(&f.shell, "command", "c", "", "run `STRING` through sh -c, in place of a command after --")
	fl.StringVar(&f.wait, "wait", "", "return when it is in `STATE`: running, ready or ended; alone: ended, with its exit code")
	fl.Lookup("wait").NoOptDefVal = "ended"
	fl.BoolVar(&f.replace, "replace", false, "stop first what has this name")
	f.flags(cmd)
	fl.BoolVarP(&f.all, "all", "a", false, "start every ended task again")
	cmd.RegisterFlagCompletionFunc("wait", words("running", "ready", "ended"))
	return cmd
}

func (e *env) start(cmd *cobra.Command, f *startFlags, args []string) error {
	if f.wait != "" && f.wait != "ended" && f.wait != "running" && f.wait != "ready" {
		return usage("bad --wait %q: use running, ready or ended", f.wait)
	}
	if f.wait == "ended" {
		cmd.Annotations = map[string]string{"exit": "task"}
	}
	names, command := args, []string(nil)
	if at := cmd.ArgsLenAtDash(); at >= 0 {
		names, command = args[:at], args[at:]
		if len(command) == 0 {
			return usage("no command after --")
		}
	}
	if cmd.Flags().Changed("command") {
		if command != nil {
			return usage("give a command either with -c or after --, not both")
		}
		command = []string{"sh", "-c", f.shell}
	}
	if f.all {
		if _, err := (&selection{f.all, f.groups}).given(names); err != nil {
			return err
		}
	}
	switch {
	case f.all && command != nil:
		return usage("--all starts ended tasks again: it goes without a command")
	case len(names) == 0 && !f.all && (command != nil || len(f.groups) == 0):
		return usage("no name given: use 'tasks start NAME -- COMMAND'")
	case command != nil && len(names) > 1:
		return usage("one command needs one name, not %d: %s", len(names), strings.Join(names, " "))
	}
	if command == nil {
		group := len(names) == 0 && !f.all
		for _, flag := range f.given(cmd) {
			if !(group && flag == "group") {
				return usage("--%s needs a command: use 'tasks start NAME --%s … -- COMMAND'", flag, flag)
			}
		}
		if f.replace && (group || f.all) {
			return usage("--all and --group start what has ended: they go without --replace")
		}
		if group {
			return e.startGroup(f)
		}
		return e.startAgain(f, names)
	}
	spec, err := f.spec(e, cmd, names[0], command)
	if err != nil {
		return err
	}
	return e.started(f, func(ctx context.Context, c *client.Client) ([]task.Info, error) {
		var err error
		if spec.Caller, err = e.caller(ctx, c); err != nil {
			return nil, err
		}
		return c.Start(ctx, spec, client.StartOptions{Replace: f.replace})
	})
}

// started runs a start, waits as far as was asked for, and prints the tasks.
func (e *env) started(f *startFlags, start func(context.Context, *client.Client) ([]task.Info, error)) error {
	c, err := e.dial()
	if err != nil {
		return err
	}
	then := unchanged
	if f.replace {
		then = asked
	}
	ctx, done := untilInterrupt(then)
	defer done()
	tasks, err := start(ctx, c)
	if f.wait == "" || err != nil || len(tasks) == 0 {
		if err != nil && f.wait == "ended" && len(tasks) == 1 && tasks[0].State == task.Failed {
			err = errors.Join(exitCode(codeOfTask(tasks[0])), err)
		}
		if err != nil && (f.wait == "running" || f.wait == "ready") {
			e.lastLines(tasks)
		}
		return joined(err, e.printTouched(tasks))
	}
	var names []string
	for _, t := range tasks {
		names = append(names, t.Name)
	}
	now, err := e.waitOn(ctx, func() []task.Info { return tasks }, client.WaitOptions{Selector: task.Selector{Names: names}, For: f.wait, Once: f.wait != "ended"})
	if err == nil {
		tasks = now
	}
	if f.wait == "ended" || err != nil {
		err = joined(err, e.printTouched(tasks))
		if err == nil {
			err = codeOfTasks(tasks)
		}
		return err
	}
	var down []task.Info
	for _, t := range tasks {
		if t.State == task.BackingOff || t.State.Ended() && t.State != task.Done || t.State.Ended() && f.wait == "ready" {
			down = append(down, t)
		}
	}
	if down == nil {
		return e.printTouched(tasks)
	}
	return e.notUp(c, tasks, down, f.wait)
}

// notUp stops what was to come up and did not, and shows the last it said.
func (e *env) notUp(c *client.Client, tasks, down []task.Info, want string) error {
	ctx, done := untilInterrupt(asked)
	defer done()
	var errs []error
	for i := range down {
		t := &down[i]
		err := fmt.Errorf("%s is not %s: it is %s", t.Name, want, t.State)
		if t.Reason != "" {
			err = fmt.Errorf("%s is not %s: %s", t.Name, want, t.Reason)
		}
		if t.TimedOut && want == "ready" {
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

// lastLines shows on stderr how the output of tasks that went wrong ended.
func (p *printer) lastLines(tasks []task.Info) {
	for _, t := range tasks {
		if t.Log == "" || !t.State.Ended() {
			continue
		}
		if text, err := logs.Last(t.Log, 10); err == nil && len(text) > 0 {
			fmt.Fprintf(p.err, "last lines of %s:\n%s\n", plain(t.Name), escape.Colours(bytes.TrimRight(text, "\n")))
		}
	}
}
