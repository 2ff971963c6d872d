package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"tasks/internal/typo"
	"tasks/pkg/client"
	"tasks/pkg/task"
)

// selection is the tasks that a command is for: the flags and the arguments that
// name them.
type selection struct {
	names  []string
	all    bool
	groups groupNames
}

func (s *selection) flags(f *pflag.FlagSet) {
	f.BoolVarP(&s.all, "all", "a", false, "every task")
	f.VarP(&s.groups, "group", "g", "every task of `GROUP`; may be repeated")
}

// parse takes the arguments for names; nothing may be named.
func (s *selection) parse(l line) error {
	s.names = l.args
	switch {
	case slices.Contains(s.names, ""):
		return usage("bad name \"\": it is empty")
	case len(s.names) == 1 && s.names[0] == "all":
		return usage("all is not a name: use '%s --all'", l.path)
	case s.all && len(s.names) > 0:
		return usage("--all cannot be used with names: leave out --all for %s alone", strings.Join(s.names, ", "))
	case s.all && len(s.groups) > 0:
		return usage("--all cannot be used with --group: leave out --all for the tasks of %s alone", strings.Join(s.groups, ", "))
	}
	return nil
}

// something is parse where something must be named.
func (s *selection) something(l line) error {
	err := s.parse(l)
	if err == nil && s.selector().Empty() {
		err = usage("no task named: give names, --group GROUP or --all: see '%s --help'", l.path)
	}
	return err
}

func (s *selection) selector() task.Selector { return s.groups.selector(s.names, s.all) }

func ended(t task.Info) bool    { return t.State.Ended() }
func notEnded(t task.Info) bool { return !t.State.Ended() }
func exists(t task.Info) bool   { return t.PID != 0 }

// stateList is the words of --state; none: any state.
type stateList struct {
	words  []string
	states []task.State
}

func (s *stateList) flags(f *pflag.FlagSet, help string) {
	f.StringSliceVar(&s.words, "state", nil, help)
}

// parse understands the words. The flag says something where it is given: an empty
// variable of a script does not mean every state.
func (s *stateList) parse() error {
	if s.words != nil && len(s.words) == 0 {
		s.words = []string{""}
	}
	for _, w := range s.words {
		if like := likeState(w); like != "" && like != w {
			return usage("unknown state %q: did you mean %s?", w, like)
		} else if like == "" {
			return usage("unknown state %q: use %s", w, strings.Join(stateWords(), ", "))
		}
		s.states = append(s.states, task.State(w))
	}
	return nil
}

// narrowing is which of the tasks that are selected a question is about: --state and --failing.
type narrowing struct {
	stateList
	failing bool
}

func (n *narrowing) flags(f *pflag.FlagSet, states string) {
	n.stateList.flags(f, states)
	f.BoolVar(&n.failing, "failing", false, "only tasks that failed, are lost, or whose last run failed")
}

// narrows reports whether it leaves out any task.
func (n *narrowing) narrows() bool { return n.failing || len(n.states) > 0 }

// keep leaves out tasks that are not failing, where that was asked for.
func (n *narrowing) keep(tasks []task.Info) []task.Info {
	return slices.DeleteFunc(tasks, func(t task.Info) bool { return n.failing && !t.Failing() })
}

// text is what the tasks are: "failed or lost".
func (n *narrowing) text() string {
	text := oneOf(n.words)
	switch {
	case text != "" && n.failing:
		return text + " and failing"
	case n.failing:
		return "failing"
	}
	return text
}

// oneOf is words as text: "a, b or c".
func oneOf(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// none says that none of the tasks of sel is what was asked for.
func (e *env) none(c *client.Client, sel task.Selector, asked *narrowing) string {
	all, err := c.List(context.Background(), client.ListOptions{Selector: sel})
	these, group := "tasks", ""
	if groups := sel.InGroups(); len(groups) == 1 && len(sel.Names) == 0 {
		these, group = "tasks of group "+groups[0], groups[0]
	}
	switch {
	case len(all) > 0:
		return noneOf(all, these, asked)
	case group != "" && err == nil:
		return "group " + group + " has no tasks"
	}
	return "no tasks: start one with 'tasks start NAME -- COMMAND'"
}

// noneOf says that none of all these is what was asked for.
func noneOf(all []task.Info, these string, asked *narrowing) string {
	failing := 0
	for i := range all {
		if all[i].Failing() && !asked.failing && slices.Contains(asked.states, task.Failed) {
			failing++
		}
	}
	switch {
	case len(all) == 1 && failing == 1:
		return fmt.Sprintf("%s is %s, not %s: its last run failed: use --failing", all[0].Name, all[0].State, asked.text())
	case len(all) == 1:
		return fmt.Sprintf("%s is %s, not %s", all[0].Name, all[0].State, asked.text())
	case failing > 0:
		return fmt.Sprintf("none of the %d %s is %s, but the last run of %d failed: use --failing", len(all), these, asked.text(), failing)
	}
	return fmt.Sprintf("none of the %d %s is %s", len(all), these, asked.text())
}

// likeState is the state that word is, is the beginning of or may be a slip of, or "".
func likeState(word string) string {
	var begin []string
	for _, state := range stateWords() {
		if strings.HasPrefix(state, word) && word != "" {
			begin = append(begin, state)
		}
	}
	if len(begin) == 1 {
		return begin[0]
	}
	return typo.Nearest(word, stateWords())
}

func stateWords() []string {
	var all []string
	for _, s := range task.States() {
		all = append(all, string(s))
	}
	return all
}
