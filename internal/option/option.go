// Package option is the table of what can be set of a task. The flags of start, the
// keys of tasks.yaml and their schema, the facts of show, and the tables in docs/ are
// made of it.
package option

import (
	"slices"
	"strings"

	"tasks/pkg/task"
)

// An Option is one thing that can be set of a task.
type Option struct {
	Key     string   // in tasks.yaml and as JSON; the flag has - in place of _
	Letter  string   // the flag in short, if it has one
	Topic   Topic    // under which help shows it
	Kind    Kind     // what a value is
	Words   []string // the values that there are, of Choice
	Default string   // the value that it has unless it is set
	Fact    string   // the line of show that has it; "": show has it beside the spec
	Help    string   // of the flag, with the name of its value in `quotes`; "": there is no flag
	File    string   // help in tasks.yaml, where that is not the flag's

	// In is a pointer to the field of s; nil where a spec has none.
	In func(s *task.Spec) any
}

// A Topic is what options have in common.
type Topic string

// The topics, in the order of the table.
const (
	Command   Topic = "Command"
	Ends      Topic = "Stopping and restarting"
	Order     Topic = "Time, order and slots"
	Readiness Topic = "Readiness"
	Output    Topic = "Output"
)

// Topics lists them.
func Topics() []Topic { return []Topic{Command, Ends, Order, Readiness, Output} }

// A Kind is what the values of an option are.
type Kind int

// The kinds.
const (
	Text Kind = iota // a string of YAML alone
	Word             // also one that YAML takes for a number or a boolean, as 5 or on
	Line             // for sh -c
	Argv
	Path
	Paths
	Variables
	Names
	Yes // or not
	Choice
	Signal
	Number
	Count   // from 0 on
	FromOne // as a count
	Instances
	Nice
	Umask
	Limits
	Codes
	Duration
	Backoff
	Size
	Clock
	Cron
	URL
	Port
	Expression
)

// Flag is the name of the option's flag.
func (o *Option) Flag() string { return strings.ReplaceAll(o.Key, "_", "-") }

// InFile is the help of the option in tasks.yaml, as a sentence.
func (o *Option) InFile() string {
	if o.File != "" {
		return o.File
	}
	text := strings.ReplaceAll(o.Help, "`", "")
	if o.Default != "" && !strings.Contains(text, "(default") {
		text += " (default " + o.Default + ")"
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// Place is where in the table the option is that has the flag; -1: there is none.
func Place(flag string) int {
	return slices.IndexFunc(All, func(o Option) bool { return o.Help != "" && o.Flag() == flag })
}
