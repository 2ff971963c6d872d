package cli

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// A verb is the options of a command: flags fills them in, parse takes the words
// beside the flags and says what is wrong with the whole, and run does it.
type verb interface {
	flags(*pflag.FlagSet)
	parse(line) error
	run(*env) error
}

// line is what is on a command line beside the flags.
type line struct {
	args   []string
	dash   int      // how many of them are before the --; negative: there is none
	called string   // by which of its names
	path   string   // such as "tasks group set"
	given  []string // names of the flags, in the order of the alphabet
	typed  []string // all of it
}

func lineOf(cmd *cobra.Command, args []string) line {
	l := line{args: args, dash: cmd.ArgsLenAtDash(), called: cmd.CalledAs(), path: cmd.CommandPath()}
	cmd.Flags().Visit(func(f *pflag.Flag) { l.given = append(l.given, f.Name) })
	return l
}

// parts are the words before the --, and those after it: nil where there is none.
func (l line) parts() (names, command []string) {
	if l.dash < 0 {
		return l.args, nil
	}
	return l.args[:l.dash], l.args[l.dash:]
}

// verb gives cmd its flags, and what it does.
func (e *env) verb(v verb, cmd *cobra.Command) *cobra.Command {
	v.flags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		l := lineOf(cmd, args)
		l.typed = e.args
		if err := v.parse(l); err != nil {
			return err
		}
		return e.do(v)
	}
	return cmd
}
