package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"tasks/internal/option"
	"tasks/pkg/task"
)

// optionFlag is the value of a flag that sets an option of a task.
type optionFlag struct {
	*option.Option
	spec *task.Spec
}

func (v optionFlag) String() string {
	if v.Option == nil { // as pflag makes one
		return ""
	}
	return v.Text(v.spec)
}

func (v optionFlag) Set(text string) error {
	err := v.Option.Set(v.spec, text)
	if err == nil {
		return nil
	}
	switch v.Kind {
	case option.Umask, option.Codes:
		return flagError(fmt.Sprintf("bad --%s %q: %v", v.Flag(), text, err))
	case option.Backoff:
		return flagError(err.Error())
	case option.Limits:
		if errors.As(err, new(*option.TwiceError)) {
			return flagError("--ulimit " + err.Error())
		}
		name, _, ok := strings.Cut(text, "=")
		if !ok {
			name = fmt.Sprintf("%q", text)
		}
		return flagError(fmt.Sprintf("bad --ulimit %s: %v", name, err))
	}
	return err
}

// Type is what a value is, for completions and for what is said of a wrong one.
func (v optionFlag) Type() string {
	switch v.Kind {
	case option.Yes:
		return "bool"
	case option.Duration:
		return "duration"
	case option.Size:
		return "size"
	case option.Number, option.Count, option.FromOne, option.Nice:
		return "int"
	case option.Names:
		return "stringSlice"
	case option.Codes, option.Limits:
		return "stringArray"
	}
	return "string"
}

// optionList is an optionFlag whose values add up.
type optionList struct{ optionFlag }

func (v optionList) Set(text string) error {
	if text == "" && v.Kind != option.Codes || v.Kind == option.Names && strings.Contains(","+text+",", ",,") {
		return noValue(v.Flag())
	}
	return v.optionFlag.Set(text)
}

// Append is for pflag.SliceValue.
func (v optionList) Append(text string) error { return v.Set(text) }

// GetSlice is for pflag.SliceValue.
func (v optionList) GetSlice() []string {
	if v.String() == "" {
		return nil
	}
	return strings.FieldsFunc(v.String(), func(r rune) bool { return r == ',' || r == ' ' })
}

// Replace is for pflag.SliceValue.
func (v optionList) Replace([]string) error { return errors.ErrUnsupported }

// ofTopic annotates a flag with the topic under which help shows it.
const ofTopic = "tasks_topic"

// addOption makes the flag of an option of spec.
func addOption(f *pflag.FlagSet, o *option.Option, spec *task.Spec) {
	var value pflag.Value = optionFlag{o, spec}
	switch o.Kind {
	case option.Names, option.Codes, option.Limits:
		value = optionList{optionFlag{o, spec}}
	}
	flag := f.VarPF(value, o.Flag(), o.Letter, o.Help)
	if flag.DefValue = o.Default; o.Kind == option.Yes {
		flag.DefValue, flag.NoOptDefVal = "false", "true"
	}
}
