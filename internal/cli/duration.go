package cli

import (
	"time"

	"github.com/spf13/pflag"

	"tasks/pkg/task"
)

// durationVar is pflag's DurationVarP with the units that [task.ParseDuration] has.
func durationVar(flags *pflag.FlagSet, to *time.Duration, name, shorthand string, value time.Duration, usage string) {
	*to = value
	flag := flags.VarPF((*durationFlag)(to), name, shorthand, usage)
	if value == 0 {
		flag.DefValue = "" // so that the help shows no default
	}
}

type durationFlag time.Duration

func (d *durationFlag) String() string { return time.Duration(*d).String() }

func (d *durationFlag) Set(text string) (err error) {
	v, err := task.ParseDuration(text)
	*d = durationFlag(v)
	return err
}

func (*durationFlag) Type() string { return "duration" }
