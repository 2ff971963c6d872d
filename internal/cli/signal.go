package cli

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tasks/pkg/client"
	"tasks/pkg/task"
)

type signalOptions struct {
	selection
	sig  string
	bare bool // it came to 'tasks kill' without a dash
}

func newSignal(e *env) *cobra.Command {
	return e.verb(new(signalOptions), &cobra.Command{
		Use:     "signal SIG NAME... | --all | --group G",
		Aliases: []string{"kill"},
		Short:   "Send a signal to tasks",
		Long: `Send a signal, by name or number, to the process groups of tasks: TERM, SIGTERM
and 15 are one. As 'tasks kill' it is written as for kill(1): 'tasks kill -9 web',
and 'tasks kill web' for TERM. To end a task use 'tasks stop', which does not let
it be started again and returns when it is gone.`,
		Example: "  tasks signal HUP web\n  tasks kill -USR1 web db",
		ValidArgsFunction: func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 0 && !e.typed("kill") {
				return task.SignalNames(), cobra.ShellCompDirectiveNoFileComp
			}
			names, directive := completeNames(exists)(cmd, args, toComplete)
			if len(args) == 0 && toComplete != "" { // of 'tasks kill', which is mostly for TERM
				names = append(names, task.SignalNames()...)
			}
			return names, directive
		},
	})
}

func (o *signalOptions) flags(f *pflag.FlagSet) {
	o.selection.flags(f)
	f.StringVar(&o.sig, signalFlagName, "", "the signal")
	f.MarkHidden(signalFlagName)
}

func (o *signalOptions) parse(l line) error {
	if o.sig == "" {
		kill, more := l.called == "kill", len(l.args) > 1 || o.all || len(o.groups) > 0
		switch {
		case kill && more && len(l.args) > 0 && isSignal(l.args[0]):
			o.sig, l.args, o.bare = l.args[0], l.args[1:], true
		case kill:
			o.sig = "TERM"
		case len(l.args) > 0:
			o.sig, l.args = l.args[0], l.args[1:]
		default:
			return usage("no signal given: use 'tasks signal SIG NAME'")
		}
	}
	if _, err := task.ParseSignal(o.sig); err != nil {
		if len(l.args) == 1 && isSignal(l.args[0]) {
			return usage("the signal comes first: tasks signal %s %s", l.args[0], quote(o.sig))
		}
		return usageError{err}
	}
	if len(l.args) == 1 && l.args[0] == "all" {
		return usage("all is not a name: use 'tasks signal %s --all'", o.sig)
	}
	return o.something(l)
}

func (o *signalOptions) run(e *env) error {
	if o.bare {
		if err := e.onlySignal(o.sig); err != nil {
			return err
		}
	}
	return e.request(func(ctx context.Context, c *client.Client) ([]task.Info, error) {
		return c.Signal(ctx, o.selector(), o.sig)
	})
}

const signalFlagName = "signal"

// onlySignal refuses a signal of 'tasks kill' that a task is called as well: kill(1) takes
// only words with '-' as signals.
func (e *env) onlySignal(word string) error {
	c, err := e.dial()
	if err != nil {
		return err
	}
	_, err = c.List(context.Background(), client.ListOptions{Selector: task.Selector{Names: []string{word}}})
	switch {
	case err == nil:
		return usage("%s is a signal and a task: use 'tasks kill -%s NAME' for the signal, 'tasks kill -TERM %s NAME' for the task", word, word, word)
	case errors.Is(err, task.ErrNotFound):
		return nil
	}
	return err
}

func isSignal(word string) bool {
	_, err := task.ParseSignal(word)
	return err == nil
}

// valueFlags are those before a command whose value is the next word.
var valueFlags = []string{"-s", "--socket", "-o", "--output", "--color"}

// signalFlag makes the -9 of `kill -9 NAME` a flag for cobra.
func signalFlag(args []string) []string {
	for i, a := range args {
		if a != "kill" && a != "signal" {
			if strings.HasPrefix(a, "-") || i > 0 && slices.Contains(valueFlags, args[i-1]) {
				continue
			}
			return args
		}
		for j := i + 1; j < len(args) && args[j] != "--"; j++ {
			if word, ok := strings.CutPrefix(args[j], "-"); ok && len(word) > 0 && isSignal(word) {
				out := append([]string(nil), args...)
				out[j] = "--" + signalFlagName + "=" + word
				return out
			}
		}
		return args
	}
	return args
}
