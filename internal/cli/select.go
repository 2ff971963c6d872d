package cli

import (
	"context"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tasks/internal/escape"
	"tasks/pkg/client"
	"tasks/pkg/task"
)

// selection is the flags that name tasks beside the arguments.
type selection struct {
	all    bool
	groups groupNames
}

func (s *selection) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&s.all, "all", "a", false, "every task")
	cmd.Flags().VarP(&s.groups, "group", "g", "every task of `GROUP`; may be repeated")
	cmd.RegisterFlagCompletionFunc("group", completeGroups)
}

// given is what the arguments and flags name together; nothing may be given.
func (s *selection) given(args []string) (task.Selector, error) {
	switch {
	case slices.Contains(args, ""):
		return task.Selector{}, usage("bad name \"\": it is empty")
	case s.all && len(args) > 0:
		return task.Selector{}, usage("--all cannot be used with names: leave out --all for %s alone", strings.Join(args, ", "))
	case s.all && len(s.groups) > 0:
		return task.Selector{}, usage("--all cannot be used with --group: leave out --all for the tasks of %s alone", strings.Join(s.groups, ", "))
	}
	return s.groups.selector(args, s.all), nil
}

// selector is given, of a command that needs something named.
func (s *selection) selector(cmd *cobra.Command, args []string) (task.Selector, error) {
	sel, err := s.given(args)
	if err == nil && sel.Empty() {
		err = usage("no task named: give names, or --all: see '%s --help'", cmd.CommandPath())
	}
	return sel, err
}

// duration is a flag's value, within its bounds.
func duration(flag string, d time.Duration) (*task.Duration, error) {
	given := task.Duration(d)
	if err := task.CheckDuration("--"+flag, &given); err != nil {
		return nil, usage("%v", err)
	}
	return &given, nil
}

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

type completer = func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective)

// completeNames offers the tasks in these states (none: any) that were not named yet.
func completeNames(is func(task.Info) bool) completer {
	return func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
		named := make(map[string]bool)
		for _, a := range args {
			named[a] = true
		}
		var names []string
		for _, t := range live(cmd) {
			if !named[t.Name] && strings.HasPrefix(t.Name, toComplete) && (is == nil || is(t)) {
				names = append(names, t.Name+"\t"+string(t.State))
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeNameLists offers the tasks for a list with commas between them.
func completeNameLists(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, t := range live(cmd) {
		names = append(names, t.Name)
	}
	return listed(names...)(cmd, args, toComplete)
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

// typed tells whether word is on the line to complete. The library says neither
// where its -- is, nor by which of its names the command was called.
func typed(word string) bool { return slices.Contains(os.Args, word) }

// describeFlags takes the quotes, which name a flag's value in help, out of the
// descriptions that completions show.
func describeFlags(cmd *cobra.Command) {
	unquote := func(f *pflag.Flag) { f.Usage = strings.ReplaceAll(f.Usage, "`", "") }
	cmd.Flags().VisitAll(unquote)
	cmd.PersistentFlags().VisitAll(unquote)
	for _, c := range cmd.Commands() {
		describeFlags(c)
	}
}

func ended(t task.Info) bool    { return t.State.Ended() }
func notEnded(t task.Info) bool { return !t.State.Ended() }
func exists(t task.Info) bool   { return t.PID != 0 }

// parseStates understands the words of --state, which says something where it
// is given: an empty variable of a script does not mean every state.
func parseStates(cmd *cobra.Command, words []string) ([]task.State, error) {
	if len(words) == 0 && cmd.Flags().Changed("state") {
		words = []string{""}
	}
	var states []task.State
	for _, w := range words {
		known := false
		for _, s := range task.States() {
			known = known || string(s) == w
		}
		if !known {
			return nil, usage("unknown state %q: use %s", w, strings.Join(stateWords(), ", "))
		}
		states = append(states, task.State(w))
	}
	return states, nil
}

func stateWords() []string {
	var all []string
	for _, s := range task.States() {
		all = append(all, string(s))
	}
	return all
}
