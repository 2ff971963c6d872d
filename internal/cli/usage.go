package cli

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tasks/internal/typo"
)

// hintedError is an error with a second line: what to do about it.
type hintedError struct {
	error
	hint string
}

func (e hintedError) Unwrap() error { return e.error }

// unknownCommand says of the first of words that it is not a command; the others were given
// to it.
func unknownCommand(root *cobra.Command, e *env, words []string) error {
	word := words[0]
	meant := habitOf(otherCommands, root.CommandPath(), word, words[1:], e.args)
	if like := likeCommand(root, word); meant == "" && like != "" {
		meant = fmt.Sprintf("did you mean %q?", like)
	}
	if e.shell == nil {
		return usage("unknown command %q: %s", word, cmp.Or(meant, "see 'tasks --help'"))
	}
	all := "Unknown command. Available commands: " + strings.Join(commandNames(root), ", ")
	this := fmt.Sprintf("%q is not a command: %s", word, cmp.Or(meant, "see 'help'"))
	if meant != "" && e.shell.ask != nil { // who types looks at the first line
		return hintedError{usage("%s", this), all}
	}
	return hintedError{usage("%s", all), this}
}

// unasked are the commands that stop or remove: a slip of the hand is never taken for one.
var unasked = []string{"clean", "down", "exit", "rm", "signal", "stop"}

// likeCommand is the command of root that word may be a slip of, or "".
func likeCommand(root *cobra.Command, word string) string {
	var names []string
	for _, c := range root.Commands() {
		if !c.Hidden && !slices.Contains(unasked, c.Name()) {
			names = append(append(names, c.Name()), c.Aliases...)
		}
	}
	return typo.Nearest(word, names)
}

func commandNames(root *cobra.Command) []string {
	var names []string
	for _, c := range root.Commands() {
		if !c.Hidden {
			names = append(names, c.Name())
		}
	}
	return names
}

// flagMessage says what is wrong with a flag and what may be meant.
func flagMessage(cmd *cobra.Command, line []string, err error) string {
	var value *pflag.InvalidValueError
	var own flagError
	if errors.As(err, &own) {
		return string(own)
	}
	if errors.As(err, &value) {
		f, text := value.GetFlag(), value.GetValue()
		if f.Value.Type() == "duration" && text != "" && strings.Trim(text, "0123456789") == "" {
			return fmt.Sprintf("bad --%s %q: it has no unit: use --%[1]s %ss", f.Name, text, text)
		}
		return fmt.Sprintf("bad --%s %q: use %s", f.Name, text, valuesOfType(f.Value.Type()))
	}
	msg, see := err.Error(), fmt.Sprintf(": see '%s --help'", cmd.CommandPath())
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return msg + see
	}
	name, letters := unknown.GetSpecifiedName(), unknown.GetSpecifiedShortnames()
	if len(letters) > 1 { // as in mysql -pPASSWORD
		msg = fmt.Sprintf("unknown shorthand flag: '%s'", name)
	}
	words := cmd.Flags().Args()
	if startsTasks(cmd) && len(words) > 1 { // a flag of the command
		return fmt.Sprintf("%s: put -- before the command: %s %s -- %s ...", msg, cmd.CommandPath(), words[0], strings.Join(withoutValues(words[1:]), " "))
	}
	if n := strings.TrimLeft(letters, "0123456789"); n == "" && letters != "" && cmd.Name() == "logs" { // as in tail -100
		return fmt.Sprintf("%s: use 'tasks logs -n %s %s'", err, letters, cmp.Or(strings.Join(words, " "), "NAME"))
	}
	if meant := habitOf(otherFlags, cmd.CommandPath(), name, words, line); meant != "" {
		return fmt.Sprintf("%s: %s", msg, meant)
	}
	if letters == "" {
		if like := likeFlag(cmd, name); like != "" {
			return fmt.Sprintf("%s: did you mean --%s?", msg, like)
		}
	}
	return msg + see
}

// valuesOfType says what flags of a type take.
func valuesOfType(kind string) string {
	switch kind {
	case "duration":
		return "a number with a unit, such as 10s, 1h30m or 1d"
	case "int":
		return "a number"
	case "size":
		return "a number with a unit, such as 64MiB or 10MB, or none"
	case "bool", "boolfunc":
		return "true or false"
	}
	return "another value"
}

// likeFlag is the flag of cmd that name may be a slip of, or of its own flags the
// beginning, or "".
func likeFlag(cmd *cobra.Command, name string) string {
	var beginning []string
	cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		if strings.HasPrefix(f.Name, name) {
			beginning = append(beginning, f.Name)
		}
	})
	if len(beginning) == 1 {
		return beginning[0]
	}
	return typo.Nearest(name, flagsOf(cmd))
}
