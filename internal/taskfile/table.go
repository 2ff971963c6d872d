package taskfile

import (
	"math"
	"slices"
	"strings"
	"sync"

	"tasks/internal/option"
)

// A field is one key of a mapping. The tables of them are what the reader goes
// by, what the JSON Schema is made of, and what docs/tasks-file.md lists.
type field struct {
	key   string
	holds *shape
	about string
	must  bool // it may not be missing
	own   bool // of the file alone: task.Spec has no such key
}

// A shape is what a value may be: a scalar, a list of them or either, a mapping
// with fields, or one of names to one of these.
type shape struct {
	scalar *scalar
	list   bool           // a list of scalars, too
	item   *scalar        // of that list, where it is another one
	least  int            // length of that list
	fields func() []field // of a mapping
	def    string         // name of this shape in the schema
	empty  bool           // no value is an empty one of these
	names  string         // what names are, as a pattern: then it is a mapping of names
}

// A scalar is a text, a number, or true or false.
type scalar struct {
	what     string   // to give, for people
	as       kind     // what it becomes: isText, isInt or isBool
	loose    bool     // a text may be written as a number, or as true or false
	number   bool     // a text may be written as a whole number from min to max
	min, max int      // of whole numbers
	pattern  string   // of texts; "" for any
	words    []string // the texts that there are; nil for any
	no       bool     // false stands for "no"
	line     bool     // variables are left as they are, for the shell to expand
}

// namePattern is what CheckName in pkg/task allows, but "all".
const namePattern = `^[A-Za-z0-9][A-Za-z0-9._@-]{0,127}$`

// limitPattern is task.LimitNames.
const limitPattern = `^(as|core|cpu|data|fsize|locks|memlock|msgqueue|nice|nofile|nproc|rss|rtprio|rttime|sigpending|stack)$`

// One number with its unit; a whole duration is several.
const span = `([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h|d|w)`

var (
	aText     = &scalar{what: "a text", as: isText}
	aWord     = &scalar{what: "a text", as: isText, loose: true}
	aLine     = &scalar{what: "a line for sh", as: isText, loose: true, line: true}
	anArg     = &scalar{what: aCommand.what, as: isText, loose: true}
	aCommand  = &scalar{what: "a line for sh, or a list of a program and its arguments", as: isText, loose: true, line: true}
	aFlag     = &scalar{what: "true or false", as: isBool}
	aDuration = &scalar{what: "a duration such as 10s, 1h30m or 1d", as: isText, number: true, pattern: `^(0|(` + span + `)+)$`}
	aBackoff  = &scalar{what: "a range of durations such as 1s..1m", as: isText, pattern: `^(` + span + `)+\.\.(` + span + `)+$`}
	aSize     = &scalar{what: "a size such as 64MiB or 10MB, or none", as: isText, number: true, max: 1 << 53, pattern: `^([Nn][Oo][Nn][Ee]|([0-9]+(\.[0-9]*)?|\.[0-9]+) *([KkMmGgTt]([Ii]?[Bb])?|[Bb])?)$`}
	aPort     = &scalar{what: "[HOST:]PORT", as: isText, number: true, min: 1, max: 65535, pattern: `^([^:]*:|\[[^\]]*\]:)?[0-9]{1,5}$`}
	aURL      = &scalar{what: "an http:// URL such as http://localhost:8080/healthz", as: isText, pattern: `^http://[^/]`}
	aTime     = &scalar{what: "a time of day such as 15:04, or RFC 3339", as: isText, pattern: `^[0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?$|^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{1,2}:[0-9]{2}:[0-9]{2}([.,][0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$`}
	aCron     = &scalar{what: "five fields as in crontab(5), or @daily and the like", as: isText, pattern: `^((CRON_)?TZ=\S+\s+)?(@[a-z]+(\s+\S+)?|\S+(\s+\S+){4})$`}
	someSlots = &scalar{what: "a number from 0 on, or none", as: isText, number: true, max: math.MaxInt32, words: []string{"none"}}
	aNumber   = &scalar{what: "a whole number", as: isInt, min: math.MinInt32, max: math.MaxInt32}
	aCount    = &scalar{what: "a number from 0 on", as: isInt, max: math.MaxInt32}
	fromOne   = &scalar{what: "a number from 1 on", as: isInt, min: 1, max: math.MaxInt32}
	instances = &scalar{what: "a number from 1 to 1000", as: isInt, min: 1, max: MaxInstances}
	aUmask    = &scalar{what: `octal digits in quotes, such as "022"`, as: isText, pattern: `^0*[0-7]{1,3}$`}
	aNice     = &scalar{what: "a number from -20 to 19", as: isInt, min: -20, max: 19}
	aLimit    = &scalar{what: "a limit such as 4096, 1024:4096 or unlimited", as: isText, number: true, max: 1 << 53, pattern: `^([0-9]+|unlimited)(:([0-9]+|unlimited))?$`}
	aCode     = &scalar{what: "an exit code from 0 to 255", as: isInt, max: 255}
)

var (
	envShape   = &shape{scalar: aWord, names: `^[^=]+$`}
	filesShape = &shape{scalar: aText, list: true}
)

// fileFields are the keys at the top. Any that begins with x- is left alone.
var fileFields = []field{
	{key: "project", holds: &shape{scalar: aText}, own: true, about: "A name that all names of tasks and groups begin with, followed by a dot."},
	{key: "env", holds: envShape, own: true, about: "Variables of all tasks."},
	{key: "env_file", holds: filesShape, own: true, about: "Files of NAME=VALUE lines for all tasks, relative to this one; ~/ is your home."},
	{key: "groups", holds: &shape{fields: func() []field { return groupFields }, def: "group", names: namePattern, empty: true}, own: true, about: "Groups of tasks that share slots, by name."},
	{key: "tasks", holds: &shape{fields: taskFields, def: "task", names: namePattern}, own: true, must: true, about: "The tasks, by name."},
}

var groupFields = []field{
	{key: "slots", holds: &shape{scalar: someSlots}, about: "How many of its tasks run at the same time; none: no limit, the default."},
	{key: "on_exit", holds: &shape{scalar: aLine}, about: "Run through sh -c after each run of its tasks."},
	{key: "on_failure", holds: &shape{scalar: aLine}, about: "Run through sh -c after each failed run of its tasks."},
}

// taskFields are the keys of a task: the options that there are. A command that reads no
// file does without.
var taskFields = sync.OnceValue(func() []field {
	var fields []field
	for i := range option.All {
		o := &option.All[i]
		fields = append(fields, field{key: o.Key, holds: holding(o), about: o.InFile(), must: o.Key == "command", own: o.In == nil})
	}
	return fields
})

// holding is what a value of o may be.
func holding(o *option.Option) *shape {
	switch o.Kind {
	case option.Argv:
		return &shape{scalar: aCommand, list: true, item: anArg, least: 1}
	case option.Variables:
		return envShape
	case option.Paths:
		return filesShape
	case option.Names:
		return &shape{scalar: aWord, list: true}
	case option.Codes:
		return &shape{scalar: aCode, list: true}
	case option.Limits:
		return &shape{scalar: aLimit, names: limitPattern}
	case option.Choice:
		last := len(o.Words) - 1
		what := strings.Join(o.Words[:last], ", ") + " or " + o.Words[last]
		return &shape{scalar: &scalar{what: what, as: isText, words: o.Words, no: slices.Contains(o.Words, "no")}}
	}
	return &shape{scalar: scalarOf(o.Kind)}
}

// scalarOf is for any other kind.
func scalarOf(kind option.Kind) *scalar {
	switch kind {
	case option.Word, option.Signal:
		return aWord
	case option.Line:
		return aLine
	case option.Yes:
		return aFlag
	case option.Number:
		return aNumber
	case option.Count:
		return aCount
	case option.FromOne:
		return fromOne
	case option.Instances:
		return instances
	case option.Nice:
		return aNice
	case option.Umask:
		return aUmask
	case option.Duration:
		return aDuration
	case option.Backoff:
		return aBackoff
	case option.Size:
		return aSize
	case option.Clock:
		return aTime
	case option.Cron:
		return aCron
	case option.URL:
		return aURL
	case option.Port:
		return aPort
	}
	return aText // a path, an expression
}

func keys(fields []field) []string {
	var names []string
	for _, f := range fields {
		names = append(names, f.key)
	}
	return names
}
