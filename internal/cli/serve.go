package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tasks/internal/daemon"
	"tasks/internal/escape"
	"tasks/internal/logs"
	"tasks/internal/process"
	"tasks/internal/socket"
	"tasks/pkg/client"
	"tasks/pkg/task"
)

type serveOptions struct {
	foreground, replace bool
	state               string                // the directory; "": as for all
	limits              client.ReplaceOptions // what was given of them
}

func newServe(e *env) *cobra.Command {
	return e.verb(new(serveOptions), &cobra.Command{
		Use:   "serve [--foreground] [--state-dir DIR]",
		Short: "Start the supervisor in the background",
		Long: `Start the supervisor in the background, and return when its socket answers.
If one answers already, it says so and succeeds; it waits for one that is ending.
The tasks of an earlier supervisor are listed again; the ones that should run and
have a restart policy are restarted.

With --replace this program takes over from the running supervisor; tasks keep
running. --keep-ended and the --log flags set new limits; limits that are not given
stay as they are, and so does the state directory.

The supervisor ends with 'tasks exit', which stops every task for good, or by
TERM or INT, which stops them and lets the next 'tasks serve' start them again.`,
		Example: `  tasks serve
  tasks -s ./build.sock serve          a supervisor of its own, state in ./build.state
  tasks serve --foreground             for systemd and containers; logs to stderr
  tasks serve --replace                after an upgrade of this program
  tasks serve --replace --log-keep 3   another limit from now on`,
		Args: noArgs,
	})
}

// keepEnded is how many done tasks are remembered unless it is said.
const keepEnded = 1000

func (o *serveOptions) flags(f *pflag.FlagSet) {
	f.BoolVar(&o.foreground, "foreground", false, "stay in the foreground and log to stderr")
	f.BoolVar(&o.replace, "replace", false, "take over from the running supervisor; tasks keep running")
	f.StringVar(&o.state, "state-dir", "", "`DIR` of tasks and logs (default: TASKS_STATE_DIR, else by the socket)")
	f.SetAnnotation("state-dir", cobra.BashCompSubdirsInDir, []string{})
	intVar(f, &o.limits.KeepEnded, "keep-ended", "", "remember `N` done tasks; 0: all")
	sizeVar(f, &o.limits.LogMaxSize, "log-max-size", "discard the oldest output of a run above `SIZE`; none: keep all")
	intVar(f, &o.limits.LogKeep, "log-keep", "", "keep the logs of the last `N` runs of a task; 0: all")
	sizeVar(f, &o.limits.LogTotal, "log-total", "delete the oldest logs of ended runs above `SIZE` in all; none: keep all")
	for flag, value := range map[string]any{
		"keep-ended": keepEnded, "log-max-size": logs.DefaultMaxSize, "log-keep": logs.DefaultKeep, "log-total": logs.DefaultTotal,
	} {
		f.Lookup(flag).DefValue = fmt.Sprint(value)
	}
}

func (o *serveOptions) parse(line) error {
	if err := cmp.Or(task.CheckCount("--keep-ended", o.limits.KeepEnded), task.CheckCount("--log-keep", o.limits.LogKeep),
		task.CheckSize("--log-max-size", o.limits.LogMaxSize), task.CheckSize("--log-total", o.limits.LogTotal)); err != nil {
		return usageError{err}
	}
	if o.foreground && o.replace {
		return usage("--replace replaces a supervisor where it is: it goes without --foreground")
	}
	return nil
}

// initialLimits is the limits that a supervisor begins with.
func (o *serveOptions) initialLimits() (keep int, limits logs.Limits) {
	or := func(given *int, otherwise int) int { return *cmp.Or(given, &otherwise) }
	size := func(given *task.Size, otherwise task.Size) task.Size { return *cmp.Or(given, &otherwise) }
	return or(o.limits.KeepEnded, keepEnded), logs.Limits{
		MaxSize: size(o.limits.LogMaxSize, logs.DefaultMaxSize), Keep: or(o.limits.LogKeep, logs.DefaultKeep), Total: size(o.limits.LogTotal, logs.DefaultTotal),
	}
}

func (o *serveOptions) run(e *env) error {
	paths, err := socket.Locate(e.socket, o.state, os.Getenv, os.Getuid())
	if err != nil {
		return err
	}
	if o.state == "" && os.Getenv("TASKS_STATE_DIR") == "" {
		if err := paths.CheckSudo(os.Getenv); err != nil {
			return fmt.Errorf("cannot serve: %w", err)
		}
	}
	e.checkZone()
	keep, limits := o.initialLimits()
	e.dialAt(paths.Socket)
	if o.foreground {
		e.checkState(paths)
		return e.serveHere(paths, keep, limits)
	}
	if o.replace {
		if done, err := o.takeOver(e, paths); done || err != nil {
			return err
		}
	}
	if e.foreign && os.Geteuid() == 0 {
		if info, err := e.client.Info(context.Background()); err == nil {
			o.ignored(e, paths.State)
			return e.sayServing(info, true)
		}
	}
	for {
		already, err := daemon.Start(context.Background(), paths, keep, limits, e.silent, e.waitsFor)
		if err != nil {
			return fmt.Errorf("cannot serve: %w", err)
		}
		info, err := e.client.Info(context.Background())
		switch {
		case already && (errors.Is(err, task.ErrUnavailable) || info.Ending): // only just
			e.dialAt(paths.Socket)
			continue
		case err != nil:
			return err
		case already:
			o.ignored(e, paths.State)
		default:
			e.checkState(paths)
		}
		return e.sayServing(info, already)
	}
}

// checkZone remarks that schedules will not go by the zone that TZ asks for.
func (p *printer) checkZone() {
	if zone := os.Getenv("TZ"); zone != "" && zone != "UTC" && time.Local.String() == "UTC" {
		p.remark("tasks: no time zone is called TZ=%s: the supervisor's times of day are UTC", plain(zone))
	}
}

// checkState remarks that the tasks may be forgotten when the machine is started again.
func (p *printer) checkState(paths socket.Paths) {
	if paths.Fleeting() {
		p.remark("tasks: no HOME of this user: the state is kept in %s, which a reboot may delete: set HOME, or name a directory with --state-dir", plain(paths.State))
	}
}

func (e *env) serveHere(paths socket.Paths, keep int, limits logs.Limits) error {
	if _, err := daemon.Await(context.Background(), paths, e.silent, e.waitsFor); err != nil { // one that serves is in the way of Run
		return fmt.Errorf("cannot serve: %w", err)
	}
	e.console = daemon.NewConsole(os.Stderr)
	e.err = escape.NewWriter(e.console) // which nothing that is said of the end may wait for either
	log := slog.New(slog.NewTextHandler(e.err, nil))
	err := process.OnFirstThread(func(first *process.FirstThread) error {
		return daemon.Run(daemon.Config{Paths: paths, KeepEnded: keep, Logs: limits, Version: version(), Log: log, Console: e.console, First: first}, func() {})
	})
	if err != nil {
		return fmt.Errorf("cannot serve: %w", err)
	}
	return nil
}

func (e *env) sayServing(info client.Info, already bool) error {
	switch {
	case e.output == "json":
		return e.printJSON(info)
	case e.quiet:
		return nil
	}
	how := "serving"
	if already {
		how = "already serving"
	}
	fmt.Fprintf(e.out, "%s on %s (pid %d)\n", how, plain(info.Socket), info.PID)
	return nil
}

// noArgs is cobra.NoArgs in our words.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage("unexpected %q: %s takes no arguments: see '%s --help'", args[0], cmd.Name(), cmd.CommandPath())
	}
	return nil
}
