package cli

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"

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
		err = usage("no task named: give names, or --all: see '%s --help'", l.path)
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
		if !slices.Contains(stateWords(), w) {
			return usage("unknown state %q: use %s", w, strings.Join(stateWords(), ", "))
		}
		s.states = append(s.states, task.State(w))
	}
	return nil
}

func stateWords() []string {
	var all []string
	for _, s := range task.States() {
		all = append(all, string(s))
	}
	return all
}
