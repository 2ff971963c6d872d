package cli

import (
	"context"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tasks/internal/escape"
	"tasks/internal/option"
	"tasks/pkg/client"
	"tasks/pkg/task"
)

// completeWithin is how long a completion may take: TASKS_COMPLETION_TIMEOUT, or
// as long as a typist does not notice.
func completeWithin() time.Duration {
	if d, err := task.ParseDuration(os.Getenv("TASKS_COMPLETION_TIMEOUT")); err == nil && d > 0 {
		return d
	}
	return 150 * time.Millisecond
}

// live asks the supervisor for its tasks.
func live(cmd *cobra.Command) (tasks []task.Info) {
	asks(cmd, func(ctx context.Context, c *client.Client) { tasks, _ = c.List(ctx, client.ListOptions{}) })
	// A shell takes what is offered apart at line ends and tabs.
	return slices.DeleteFunc(tasks, func(t task.Info) bool { return escape.Needed(t.Name + string(t.State)) })
}

// asks asks the supervisor, for a completion: quickly, or not at all.
func asks(cmd *cobra.Command, ask func(context.Context, *client.Client)) {
	d := &dialer{says: newPrinter()}
	d.socket, _ = cmd.Flags().GetString("socket")
	d.foreign, _ = cmd.Flags().GetBool("allow-foreign")
	defer d.client.Close()
	within := completeWithin()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	if c, err := d.dialWithin(within / 2); err == nil {
		ask(ctx, c)
	}
}

// valuesOf offers values of a flag of a command; nil: there are none to offer.
func valuesOf(command, flag string) completer {
	switch flag {
	case "group":
		return completeGroups
	case "after", "after-ended":
		return completeNameLists
	case "stop-signal":
		return words(task.SignalNames()...)
	case "ulimit":
		return completeLimits
	case "run":
		return completeRuns
	case "unset":
		return listed(flagNames(resettable())...)
	case "state":
		if command == "clean" || command == "start" {
			return listed("done", "failed", "stopped", "lost")
		}
		return listed(stateWords()...)
	case "wait":
		if command == "start" {
			return words("running", "ready", "ended")
		}
	case "sort":
		return words(sortWords()...)
	case "for":
		return words("ended", "running", "ready")
	}
	if at := option.Place(flag); at >= 0 && option.All[at].Words != nil {
		return words(option.All[at].Words...)
	}
	return nil
}

type completer = func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective)

// completeNames offers the tasks in these states (none: any) that were not named yet.
func completeNames(is func(task.Info) bool) completer {
	return func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
		named := make(map[string]bool)
		for _, a := range args {
			named[a] = true
		}
		var names []string
		tasks := live(cmd)
		for _, t := range tasks {
			if !named[t.Name] && strings.HasPrefix(t.Name, toComplete) && (is == nil || is(t)) {
				names = append(names, t.Name+"\t"+string(t.State))
			}
		}
		if len(names) == 0 && toComplete != "" {
			names = shortOffers(tasks, toComplete, is)
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

// shortOffers are names that begin with word once the project of this directory is left out.
func shortOffers(tasks []task.Info, word string, is func(task.Info) bool) (names []string) {
	file, err := nearestFile()
	if err != nil {
		return nil
	}
	path := file.RealPath()
	for _, t := range tasks {
		_, short, _ := strings.Cut(t.Name, ".")
		if t.Spec.File == path && strings.HasPrefix(short, word) && (is == nil || is(t)) {
			names = append(names, short+"\t"+string(t.State))
		}
	}
	return names
}

// completeNameLists offers the tasks for a list with commas between them.
func completeNameLists(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, t := range live(cmd) {
		names = append(names, t.Name)
	}
	return listed(names...)(cmd, args, toComplete)
}

// completeRuns offers all, and the runs of the first task that was named.
func completeRuns(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	runs := []string{"all"}
	for _, t := range live(cmd) {
		if len(args) > 0 && t.Name == args[0] {
			for n := t.Run; n > max(0, t.Run-10); n-- {
				runs = append(runs, strconv.Itoa(n))
			}
		}
	}
	return runs, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}

func completeGroups(cmd *cobra.Command, _ []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	var names []string
	asks(cmd, func(ctx context.Context, c *client.Client) {
		groups, _ := c.Groups(ctx)
		for _, g := range groups {
			if strings.HasPrefix(g.Name, toComplete) && !escape.Needed(g.Name) {
				names = append(names, g.Name)
			}
		}
	})
	return names, cobra.ShellCompDirectiveNoFileComp
}

// words offers fixed ones.
func words(all ...string) completer {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return all, cobra.ShellCompDirectiveNoFileComp
	}
}

// listed offers fixed words for a list with commas between them.
func listed(all ...string) completer {
	return func(_ *cobra.Command, _ []string, toComplete string) ([]string, cobra.ShellCompDirective) {
		before := toComplete[:strings.LastIndexByte(toComplete, ',')+1]
		var offers []string
		for _, w := range all {
			if !slices.Contains(strings.Split(before, ","), w) {
				offers = append(offers, before+w)
			}
		}
		return offers, cobra.ShellCompDirectiveNoFileComp
	}
}

// typed reports whether word is on the line to complete. The library says neither
// where its -- is, nor by which of its names the command was called.
func (e *env) typed(word string) bool { return slices.Contains(e.args, word) }

// offerFlags gives the flags of cmd, and of its commands, the values that a shell
// completes, and takes the quotes, which name a flag's value in help, out of their
// descriptions. No other command pays for it.
func offerFlags(cmd *cobra.Command) {
	unquote := func(f *pflag.Flag) { f.Usage = strings.ReplaceAll(f.Usage, "`", "") }
	cmd.PersistentFlags().VisitAll(unquote)
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		unquote(f)
		complete := valuesOf(cmd.Name(), f.Name)
		if complete == nil && slices.Contains([]string{"duration", "int", "size"}, f.Value.Type()) {
			complete = words()
		}
		if complete != nil {
			cmd.RegisterFlagCompletionFunc(f.Name, complete)
		}
	})
	if cmd.ValidArgsFunction == nil && cmd.ValidArgs == nil && !cmd.HasSubCommands() { // else files
		cmd.ValidArgsFunction = words()
	}
	for _, c := range cmd.Commands() {
		offerFlags(c)
	}
}

// completeLimits offers the names of limits.
func completeLimits(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
	if strings.Contains(word, "=") {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, name := range task.LimitNames() {
		names = append(names, name+"=")
	}
	return names, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}
