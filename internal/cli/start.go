package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tasks/internal/logs"
	"tasks/pkg/client"
	"tasks/pkg/task"
)

// startFlags are the flags of start as they were given.
type startFlags struct {
	shell, cwd, envFile, group   string
	env                          []string
	clearEnv, replace, leave     bool
	stopSignal, restart, backoff string
	stopTimeout, timeout         time.Duration
	maxRestarts                  int
	wait                         string
	all                          bool
	logMaxSize                   task.Size
	logKeep                      int
}

func newStart(e *env) *cobra.Command {
	var f startFlags
	cmd := &cobra.Command{
		Use:     "start NAME [flags] -- COMMAND [ARG...] | NAME...",
		Short:   "Start a task: a command under a name",
		Aliases: []string{"run", "add"},
		Long: `Start a task: run a command in the background under a name. The command is run
as given, without a shell; -c runs a line through sh instead. 'tasks start'
returns when the process exists; a program that cannot be executed is an error.

The task gets the directory and the environment of the caller. The environment
is kept on disk with the task, readable for the user alone.

NAMEs alone start ended tasks again as they were, and so do --all and, without a
command, --group. A single new name without a command runs the built-in
heartbeat, which logs a line every two seconds.`,
		Example: `  tasks start web -- python3 -m http.server 8000
  tasks start db --restart always -C /srv/db -- ./postgres -D data
  tasks start report --wait -c 'make report | tee report.txt'
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
	fl.StringVarP(&f.cwd, "cwd", "C", "", "`DIR` to run in (default: this one)")
	fl.StringArrayVarP(&f.env, "env", "e", nil, "set `NAME=VALUE` in its environment; may be repeated")
	fl.StringVar(&f.envFile, "env-file", "", "set the variables in `FILE`")
	fl.BoolVar(&f.clearEnv, "clear-env", false, "begin with an empty environment, not this one")
	fl.StringVarP(&f.group, "group", "g", "", "`GROUP` of the task; without a command: every ended task of it")
	fl.StringVar(&f.stopSignal, "stop-signal", "TERM", "`SIGNAL` that asks it to end")
	fl.DurationVar(&f.stopTimeout, "stop-timeout", task.DefaultStopTimeout, "`TIME` from the stop signal to KILL")
	fl.StringVar(&f.wait, "wait", "", "return when it is in `STATE`: running, ready or ended; alone: ended, with its exit code")
	fl.Lookup("wait").NoOptDefVal = "ended"
	fl.BoolVar(&f.replace, "replace", false, "stop first what has this name")
	fl.StringVar(&f.restart, "restart", "no", "start it again after it ended: `WHEN` is no, on-failure or always")
	fl.IntVar(&f.maxRestarts, "max-restarts", 0, "give up after `N` restarts (default: no limit)")
	fl.StringVar(&f.backoff, "backoff", "1s..1m", "pause before a restart, doubling from `MIN..MAX`")
	fl.DurationVar(&f.timeout, "timeout", 0, "stop it after `TIME`; it has failed then (default: none)")
	fl.BoolVar(&f.leave, "leave-children", false, "keep what it started when its main process ends")
	fl.TextVar(&f.logMaxSize, "log-max-size", task.Size(0), "free the head of a run's log above `SIZE`; none: keep all (default: by serve)")
	fl.Lookup("log-max-size").DefValue = ""
	fl.IntVar(&f.logKeep, "log-keep", 0, "keep the logs of the last `N` runs; 0: all (default: by serve)")
	fl.BoolVarP(&f.all, "all", "a", false, "start every ended task again")
	cmd.RegisterFlagCompletionFunc("group", completeGroups)
	cmd.RegisterFlagCompletionFunc("restart", words("no", "on-failure", "always"))
	cmd.RegisterFlagCompletionFunc("wait", words("running", "ready", "ended"))
	cmd.RegisterFlagCompletionFunc("stop-signal", words(task.SignalNames()...))
	cmd.MarkFlagDirname("cwd")
	return cmd
}

// specFlags are those that describe a task, and so need a command.
var specFlags = []string{"cwd", "env", "env-file", "clear-env", "group", "stop-signal", "stop-timeout", "restart", "max-restarts", "backoff", "timeout", "leave-children", "log-max-size", "log-keep"}

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
	switch {
	case f.all && (command != nil || len(names) > 0):
		return usage("--all goes with no names and no command")
	case len(names) == 0 && !f.all && (command != nil || f.group == ""):
		return usage("no name given: use 'tasks start NAME -- COMMAND'")
	case command != nil && len(names) > 1:
		return usage("one command needs one name, not %d: %s", len(names), strings.Join(names, " "))
	}
	if command == nil {
		group := len(names) == 0 && !f.all
		for _, flag := range specFlags {
			if cmd.Flags().Changed(flag) && !(group && flag == "group") {
				return usage("--%s needs a command: use 'tasks start NAME --%s … -- COMMAND'", flag, flag)
			}
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
		return c.Start(ctx, spec, f.replace)
	})
}

// startAgain starts known tasks, or a new one that has only a name.
func (e *env) startAgain(f *startFlags, names []string) error {
	if len(names) == 1 && !strings.ContainsAny(names[0], "*?[") {
		return e.started(f, func(ctx context.Context, c *client.Client) ([]task.Info, error) {
			tasks, err := c.Start(ctx, task.Spec{Name: names[0]}, f.replace)
			if err == nil && tasks[0].Engine == task.EngineFunc && tasks[0].Run == 1 {
				e.remark("tasks: no command given: %s is the built-in heartbeat", names[0])
			}
			return tasks, err
		})
	}
	c, err := e.dial()
	if err != nil {
		return err
	}
	known, err := c.List(context.Background(), client.ListOptions{Selector: task.Selector{Names: names}})
	if err != nil && len(known) == 0 && !f.all && errors.Is(err, task.ErrNotFound) && !strings.ContainsAny(strings.Join(names, ""), "*?[") {
		return usage("no such tasks: %s: put -- before the command: tasks start %s -- %s", strings.Join(names, ", "), names[0], strings.Join(names[1:], " "))
	}
	return e.started(f, func(ctx context.Context, c *client.Client) ([]task.Info, error) {
		return c.StartAgain(ctx, task.Selector{Names: names, All: f.all})
	})
}

// startGroup starts the ended tasks of a group again.
func (e *env) startGroup(f *startFlags) error {
	return e.started(f, func(ctx context.Context, c *client.Client) ([]task.Info, error) {
		tasks, err := c.List(ctx, client.ListOptions{Selector: task.Selector{Group: f.group}})
		var names []string
		for _, t := range tasks {
			if t.State.Ended() {
				names = append(names, t.Name)
			}
		}
		if err != nil || names == nil {
			return nil, err
		}
		return c.StartAgain(ctx, task.Selector{Names: names})
	})
}

// started runs a start, waits as far as was asked for, and prints the tasks.
func (e *env) started(f *startFlags, start func(context.Context, *client.Client) ([]task.Info, error)) error {
	c, err := e.dial()
	if err != nil {
		return err
	}
	ctx, done := untilInterrupt(unchanged)
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
	now, err := c.Wait(ctx, client.WaitOptions{Selector: task.Selector{Names: names}, For: f.wait})
	if err == nil {
		tasks = now
	}
	err = joined(err, e.printTouched(tasks))
	if err != nil {
		return err
	}
	if f.wait != "ended" {
		for _, t := range tasks {
			if t.State.Ended() && t.State != task.Done {
				e.lastLines(tasks)
				return fmt.Errorf("%s did not stay up: %s", t.Name, t.Reason)
			}
		}
		return nil
	}
	return codeOfTasks(tasks)
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
func (e *env) lastLines(tasks []task.Info) {
	for _, t := range tasks {
		if t.Log == "" || !t.State.Ended() {
			continue
		}
		if text, err := logs.Last(t.Log, 10); err == nil && len(text) > 0 {
			fmt.Fprintf(e.err, "last lines of %s:\n%s\n", t.Name, strings.TrimRight(string(text), "\n"))
		}
	}
}

// spec is the task that the flags describe.
func (f *startFlags) spec(e *env, cmd *cobra.Command, name string, command []string) (task.Spec, error) {
	s := task.Spec{Name: name, Command: command, Group: f.group, Restart: task.Restart(f.restart), LeaveChildren: f.leave}
	changed := cmd.Flags().Changed
	var err error
	if s.Cwd, err = directory(f.cwd, changed("cwd")); err != nil {
		return s, err
	}
	if s.Env, err = f.environment(e); err != nil {
		return s, err
	}
	if changed("stop-signal") {
		s.StopSignal = f.stopSignal
		if sig, err := task.ParseSignal(f.stopSignal); err == nil {
			s.StopSignal = strings.TrimPrefix(task.SignalName(sig), "SIG")
		}
	}
	if changed("stop-timeout") {
		s.StopTimeout = new(task.Duration(f.stopTimeout))
	}
	if changed("timeout") {
		s.Timeout = new(task.Duration(f.timeout))
	}
	if changed("log-max-size") {
		s.LogMaxSize = new(f.logMaxSize)
	}
	if changed("log-keep") {
		s.LogKeep = new(f.logKeep)
	}
	if changed("max-restarts") {
		s.MaxRestarts = new(f.maxRestarts)
	}
	if err := s.Backoff.UnmarshalText([]byte(f.backoff)); err != nil {
		return s, usageError{err}
	}
	return s, s.Check()
}

func directory(dir string, given bool) (string, error) {
	if !given {
		wd, err := os.Getwd()
		if err != nil {
			return "", fmt.Errorf("cannot find this directory: %w: give one with -C", err)
		}
		return wd, nil
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(abs)
	switch {
	case dir == "":
		return "", usage("bad --cwd \"\": it is empty")
	case errors.Is(err, os.ErrNotExist):
		return "", usage("bad --cwd: there is no directory %s", abs)
	case err != nil:
		return "", usageError{fmt.Errorf("bad --cwd: %w", err)}
	case !info.IsDir():
		return "", usage("bad --cwd: %s is not a directory", abs)
	}
	return abs, nil
}
