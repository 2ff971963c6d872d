package cli

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"tasks/internal/daemon"
	"tasks/internal/escape"
	"tasks/internal/logs"
	"tasks/internal/process"
	"tasks/internal/socket"
	"tasks/pkg/task"
)

func newServe(e *env) *cobra.Command {
	var state string
	var foreground, replace bool
	keep := 1000
	limits := logs.Limits{MaxSize: logs.DefaultMaxSize, Keep: logs.DefaultKeep, Total: logs.DefaultTotal}
	cmd := &cobra.Command{
		Use:   "serve [--foreground] [--state-dir DIR]",
		Short: "Start the supervisor in the background",
		Long: `Start the supervisor in the background, and return when its socket answers.
Where one answers already, that is said and is no error. The tasks of an earlier
supervisor are listed again; those that should run and have a restart policy are
started again.

With --replace this program takes over from the supervisor that runs, and tasks go
on. What --keep-ended and the --log flags limit is then as they say; limits that are
not given stay as they are, and so does the state directory.

The supervisor ends with 'tasks exit', which stops every task for good, or by
TERM or INT, which stops them and lets the next 'tasks serve' start them again.`,
		Example: `  tasks serve
  tasks -s ./build.sock serve          a supervisor of its own, state in ./build.state
  tasks serve --foreground             for systemd and containers; logs to stderr
  tasks serve --replace                after an upgrade of this program
  tasks serve --replace --log-keep 3   another limit from now on`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cmp.Or(task.CheckCount("--keep-ended", &keep), task.CheckCount("--log-keep", &limits.Keep),
				task.CheckSize("--log-max-size", &limits.MaxSize), task.CheckSize("--log-total", &limits.Total)); err != nil {
				return usage("%v", err)
			}
			paths, err := socket.Locate(e.socket, state, os.Getenv, os.Getuid())
			if err != nil {
				return err
			}
			if state == "" && os.Getenv("TASKS_STATE_DIR") == "" {
				if err := paths.CheckSudo(os.Getenv); err != nil {
					return fmt.Errorf("cannot serve: %w", err)
				}
			}
			e.checkZone()
			if foreground && replace {
				return usage("--replace replaces a supervisor where it is: it goes without --foreground")
			}
			if foreground {
				return e.serveHere(paths, keep, limits)
			}
			if replace {
				if done, err := e.replace(paths, stateGiven(cmd), limitsGiven(cmd, &keep, &limits)); done || err != nil {
					return err
				}
			}
			e.dialAt(paths.Socket)
			if e.foreign && os.Geteuid() == 0 {
				if _, err := e.client.Info(context.Background()); err == nil {
					e.ignored(cmd, paths.State)
					return e.sayServing(true)
				}
			}
			already, err := daemon.Start(context.Background(), paths, keep, limits, e.silent)
			if err != nil {
				return fmt.Errorf("cannot serve: %w", err)
			}
			if already {
				e.ignored(cmd, paths.State)
			}
			return e.sayServing(already)
		},
	}
	cmd.Flags().BoolVar(&foreground, "foreground", false, "stay in the foreground and log to stderr")
	cmd.Flags().BoolVar(&replace, "replace", false, "have this program take over from the supervisor that runs; tasks go on")
	cmd.Flags().StringVar(&state, "state-dir", "", "`DIR` of tasks and logs (default: TASKS_STATE_DIR, else by the socket)")
	cmd.Flags().IntVar(&keep, "keep-ended", keep, "remember `N` done tasks; 0: all")
	cmd.Flags().TextVar(&limits.MaxSize, "log-max-size", limits.MaxSize, "free the head of a run's log above `SIZE`; none: keep all")
	cmd.Flags().IntVar(&limits.Keep, "log-keep", limits.Keep, "keep the logs of the last `N` runs of a task; 0: all")
	cmd.Flags().TextVar(&limits.Total, "log-total", limits.Total, "delete the oldest logs of ended runs above `SIZE` in all; none: keep all")
	cmd.MarkFlagDirname("state-dir")
	return cmd
}

// checkZone remarks that schedules will not go by the zone that TZ asks for.
func (p *printer) checkZone() {
	if zone := os.Getenv("TZ"); zone != "" && zone != "UTC" && time.Local.String() == "UTC" {
		p.remark("tasks: no time zone is called TZ=%s: the supervisor's times of day are UTC", plain(zone))
	}
}

func (e *env) serveHere(paths socket.Paths, keep int, limits logs.Limits) error {
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

func (e *env) sayServing(already bool) error {
	info, err := e.client.Info(context.Background())
	if err != nil {
		return err
	}
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
