package cli

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tasks/pkg/task"
)

// A flag of a command is one of three kinds, by the type of its value: a list,
// whose values add up, as those of groupNames do, or else a single value. Of the
// global ones, which are the persistent ones, the last counts.

// flagError is what is wrong with a flag, in full.
type flagError string

func (e flagError) Error() string { return string(e) }

// noValue refuses a flag with an empty value, which an unset variable of a script
// gives it: to take that for no flag would be a surprise.
func noValue(flag string) error {
	return usageError{flagError("--" + flag + " has no value: leave it out, or give one")}
}

// mayBeEmpty annotates flags for which an empty value is one.
const mayBeEmpty = "tasks_may_be_empty"

// singleValue refuses an empty value, and a second one that differs: one of them would be
// ignored.
type singleValue struct {
	pflag.Value
	flag  *pflag.Flag
	given bool
}

func (v *singleValue) Set(text string) error {
	if _, may := v.flag.Annotations[mayBeEmpty]; text == "" && !may && v.Type() == "string" {
		return noValue(v.flag.Name)
	}
	before := v.Value.String()
	err := v.Value.Set(text)
	if v.given && (err != nil || v.Value.String() != before) {
		return flagError("--" + v.flag.Name + " given twice: give one value")
	}
	v.given = true
	return err
}

// refuseSecondValues makes the flags of cmd, and of its subcommands, that are no
// lists single values.
func refuseSecondValues(cmd *cobra.Command) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) { // its own: those for all commands join them later
		if _, list := f.Value.(pflag.SliceValue); !list {
			f.Value = &singleValue{Value: f.Value, flag: f}
		}
	})
	for _, c := range cmd.Commands() {
		refuseSecondValues(c)
	}
}

// alsoCalled has a flag of f understood by another name as well, which no help has.
func alsoCalled(f *pflag.FlagSet, name, other string) {
	f.SetNormalizeFunc(func(_ *pflag.FlagSet, given string) pflag.NormalizedName {
		if given == other {
			given = name
		}
		return pflag.NormalizedName(given)
	})
}

// checkUTF8 refuses flags and names that are not UTF-8 text: nothing could be sent,
// stored and printed as it is. The words of a command are checked with its spec.
func checkUTF8(cmd *cobra.Command, args []string) (err error) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		text := f.Value.String()
		if list, ok := f.Value.(pflag.SliceValue); ok {
			text = strings.Join(list.GetSlice(), ",")
		}
		if err == nil && !utf8.ValidString(text) {
			err = usage("bad --%s: it is not UTF-8 text", f.Name) // which may be a secret
		}
	})
	if at := cmd.ArgsLenAtDash(); at >= 0 {
		args = args[:at]
	}
	for _, word := range args {
		if err == nil && !utf8.ValidString(word) {
			err = usage("bad argument %q: it is not UTF-8 text", word)
		}
	}
	return err
}

// groupNames is the groups of --group: each adds to those before it.
type groupNames []string

// Set adds a group.
func (g *groupNames) Set(name string) error {
	if name == "" {
		return noValue("group")
	}
	return g.Append(name)
}

// Append adds a group that is not among them yet.
func (g *groupNames) Append(name string) error {
	if !slices.Contains(*g, name) {
		*g = append(*g, name)
	}
	return nil
}

// Replace is for pflag.SliceValue.
func (g *groupNames) Replace(names []string) error {
	*g = names
	return nil
}

// GetSlice is for pflag.SliceValue.
func (g *groupNames) GetSlice() []string { return *g }

func (g *groupNames) String() string { return strings.Join(*g, ",") }

// Type says that there may be several, for completions.
func (*groupNames) Type() string { return "stringArray" }

// selector names tasks by names, or all, or these groups.
func (g groupNames) selector(names []string, all bool) task.Selector {
	sel := task.Selector{Names: names, All: all}
	if len(g) == 1 {
		sel.Group = g[0] // as earlier versions have it
		return sel
	}
	sel.Groups = g
	return sel
}

// one is the only group that was given; "" for none.
func (g groupNames) one() (string, error) {
	switch len(g) {
	case 0:
		return "", nil
	case 1:
		return g[0], nil
	}
	return "", usage("--group given twice: a task is in one group")
}
