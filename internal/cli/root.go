package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tasks/internal/daemon"
	"tasks/internal/process"
	"tasks/internal/socket"
	"tasks/internal/taskfile"
	"tasks/pkg/client"
)

// Main runs the command line and returns the exit code.
func Main(args []string) int {
	if len(args) > 0 && args[0] == process.ShimCommand {
		return process.Shim(args[1:])
	}
	supervisor := len(args) > 0 && args[0] == daemon.Command
	if supervisor || slices.Contains(args, "--foreground") {
		// Its engine needs the first thread, which this goroutine may leave at the first
		// wait.
		runtime.LockOSThread()
	}
	if supervisor {
		if err := daemon.Child(args[1:], version()); err != nil {
			fmt.Fprintln(newEnv().err, "tasks:", err)
			return failed
		}
		return done
	}
	// A command lives for milliseconds: collecting garbage costs more than it frees.
	debug.SetGCPercent(400)
	e := newEnv()
	defer e.close()
	return e.run(args)
}

// run executes one command line.
func (e *env) run(args []string) int {
	e.args = args
	root := newRoot(e, args)
	if len(args) > 0 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) {
		offerFlags(root)
	}
	root.SetArgs(signalFlag(args))
	root.SetIn(e.in)
	root.SetOut(e.out)
	root.SetErr(e.err)
	err := root.Execute()
	if err == nil {
		err = e.unknown
	}
	if lost := e.unwritten(err); lost != nil {
		err = joined(err, lost)
	}
	for _, line := range e.lines(err) {
		fmt.Fprintln(e.err, "tasks: "+line)
	}
	return e.code(err)
}

// startsTasks tells a command that has a NAME and a COMMAND.
func startsTasks(cmd *cobra.Command) bool { return cmd.Name() == "start" || cmd.Name() == "each" }

// lines is err as text, one line per failure, each with what to do next.
func (e *env) lines(err error) (all []string) {
	for _, one := range failures(err) {
		text := strings.ReplaceAll(strings.TrimSpace(one.Error()), "\n", "; ")
		absent, path := new(socket.AbsentError), new(fs.PathError)
		switch {
		case errors.As(one, &absent) && one.Error() == absent.Error(): // that alone
			text = e.absent("no supervisor answers on "+absent.Socket, "start one with ")
		case errors.Is(one, client.ErrLost):
			text = e.lost()
		case errors.Is(one, client.ErrUnknown):
			text += e.otherVersion()
		case errors.As(one, &path) && one == error(path):
			text = fmt.Sprintf("cannot %s %s: %v", path.Op, path.Path, path.Err)
		case errors.As(one, new(taskfile.Problems)): // a line each
			all = append(all, strings.Split(one.Error(), "\n")...)
			continue
		}
		all = append(all, text)
		if hint := new(hintedError); errors.As(one, hint) {
			all = append(all, hint.hint)
		}
	}
	return all
}

// absent is head with what to do where no supervisor answers, which begins with how if no
// task is left.
func (e *env) absent(head, how string) string {
	serve := "'tasks serve'"
	if e.shell != nil {
		serve = "'serve'"
	}
	survivors, _ := e.survivors() // only a hint
	switch n := len(survivors); n {
	case 0:
		return head + ": " + how + serve
	case 1:
		return head + ": one of its tasks still runs: " + serve + " takes it back"
	default:
		return fmt.Sprintf("%s: %d of its tasks still run: %s takes them back", head, n, serve)
	}
}

// lost says what to do where the supervisor ended before it answered.
func (e *env) lost() string {
	const head = "the supervisor ended before it answered"
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if _, err := e.client.Info(ctx); err == nil {
		return head + ", and the next one serves: see 'tasks list' for what was done"
	}
	return e.absent(head, "start the next one with ")
}

// otherVersion says which version the supervisor is, and how it becomes this one.
func (d *dialer) otherVersion() string {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	info, err := d.client.Info(ctx)
	switch {
	case err != nil:
		return ""
	case info.Program != "":
		return fmt.Sprintf(": the supervisor is part of %s, with version %s of this library", info.Program, info.Version)
	}
	return fmt.Sprintf(": the supervisor is version %s: run 'tasks serve --replace'", info.Version)
}

const about = `tasks runs named programs side by side in the background: it starts, stops,
lists and restarts them, keeps their output, and waits for them.

  tasks serve                          start the supervisor
  tasks start web -- python3 -m http.server
  tasks list                           what runs
  tasks logs -f web                    its output
  tasks stop web                       stop it, and all that it started
  tasks exit                           stop everything
`

// frequent are the commands that scripts call again and again.
var frequent = map[string]func(*env) *cobra.Command{
	"start": newStart, "stop": newStop, "restart": newRestart, "list": newList, "ls": newList, "ps": newList, "wait": newWait,
}

// newRoot makes the command that args name, or all of them where it is not one
// of the plain ones: making all takes a tenth of the time that a list takes.
func newRoot(e *env, args []string) *cobra.Command {
	root := &cobra.Command{
		Use:           "tasks",
		Short:         "Run named programs side by side in the background",
		Long:          about,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		CompletionOptions: cobra.CompletionOptions{
			DisableDefaultCmd: true,
		},
		PersistentPreRunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Annotations["prints"] == "text" && outputGiven(cmd) {
				return usage("%s prints text as it is: it goes without --json and --output", cmd.Name())
			}
			if cmd.Flags().Changed("socket") && e.socket == "" {
				return noValue("socket")
			}
			if cmd.Name() == "signal" && isSignal(e.socket) && cmd.Flags().Changed("socket") { // of kill(1) and docker
				return usage("-s is the socket of the supervisor: tasks kill -%s %s", e.socket, cmp.Or(strings.Join(args, " "), "NAME"))
			}
			if err := checkUTF8(cmd, args); err != nil {
				return err
			}
			return e.checkFlags(cmd)
		},
	}
	showVersion := root.Flags().Bool("version", false, "print the version of this program")
	root.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) > 0:
			return unknownCommand(root, e, args)
		case *showVersion:
			return e.printVersion()
		}
		return cmd.Help()
	}
	f := root.PersistentFlags()
	e.dialer.flags(f)
	e.printer.flags(f)
	root.RegisterFlagCompletionFunc("output", words("table", "wide", "json", "name"))
	root.RegisterFlagCompletionFunc("color", words("auto", "never", "always"))
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if words := cmd.Flags().Args(); cmd == root && len(words) > 0 { // whose flags they are
			return unknownCommand(root, e, words)
		}
		return usage("%s", flagMessage(cmd, e.args, err))
	})
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
		if words := root.Flags().Args(); cmd == root && len(words) > 0 {
			e.unknown = unknownCommand(root, e, words)
			return
		}
		e.printHelp(cmd)
	})
	root.SetUsageFunc(func(cmd *cobra.Command) error { e.printHelp(cmd); return nil })
	root.SetHelpCommand(&cobra.Command{
		Use: "help [COMMAND]", Short: "Help about a command", Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			about, _, err := root.Find(args)
			if err != nil || about == root && len(args) > 0 {
				return unknownCommand(root, e, args)
			}
			return about.Help()
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return commandNames(root), cobra.ShellCompDirectiveNoFileComp
		},
	})
	all := []func(*env) *cobra.Command{
		newServe, newStart, newEach, newUp, newDown, newSchema, newStop, newRestart, newRetry, newEdit, newPause, newResume, newTimers, newEnable, newDisable, newList, newShow, newLogs, newEvents, newWait,
		newSignal, newGroup, newRemove, newClean, newExit, newInfo, newShell, newCompletion, newVersion,
	}
	if len(args) > 0 {
		if c, ok := frequent[args[0]]; ok {
			all = []func(*env) *cobra.Command{c}
		}
	}
	for _, c := range all {
		root.AddCommand(c(e))
	}
	refuseSecondValues(root)
	return root
}

// version is this program's, from its build info.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return strings.TrimPrefix(info.Main.Version, "v")
}
