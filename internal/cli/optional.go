package cli

import (
	"fmt"
	"strconv"

	"github.com/spf13/pflag"

	"tasks/pkg/task"
)

// optional is the value of a flag that stays nil unless it is given.
type optional[T any] struct {
	to    **T
	parse func(string) (T, error)
	kind  string
}

func (o optional[T]) Set(text string) error {
	v, err := o.parse(text)
	if err == nil {
		*o.to = &v
	}
	return err
}

func (o optional[T]) String() string {
	if o.to == nil || *o.to == nil {
		return ""
	}
	return fmt.Sprint(**o.to)
}

func (o optional[T]) Type() string { return o.kind }

// durationVar is a flag for a duration with the units that [task.ParseDuration] has.
func durationVar(f *pflag.FlagSet, to **task.Duration, name, shorthand, help string) {
	f.VarP(optional[task.Duration]{to, parseDuration, "duration"}, name, shorthand, help)
}

func parseDuration(text string) (task.Duration, error) {
	d, err := task.ParseDuration(text)
	return task.Duration(d), err
}

// intVar is a flag for a whole number.
func intVar(f *pflag.FlagSet, to **int, name, shorthand, help string) {
	f.VarP(optional[int]{to, strconv.Atoi, "int"}, name, shorthand, help)
}

// sizeVar is a flag for a number of bytes.
func sizeVar(f *pflag.FlagSet, to **task.Size, name, help string) {
	f.Var(optional[task.Size]{to, parseSize, "size"}, name, help)
}

func parseSize(text string) (size task.Size, err error) {
	err = size.UnmarshalText([]byte(text))
	return size, err
}
