package taskfile

import "math"

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
	list   bool    // a list of scalars, too
	item   *scalar // of that list, where it is another one
	least  int     // length of that list
	fields []field // of a mapping
	def    string  // name of this shape in the schema
	empty  bool    // no value is an empty one of these
	names  string  // what names are, as a pattern: then it is a mapping of names
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
	aRestart  = &scalar{what: "no, on-failure or always", as: isText, words: []string{"no", "on-failure", "always"}, no: true}
	anOverlap = &scalar{what: "skip, queue or replace", as: isText, words: []string{"skip", "queue", "replace"}}
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
	namesShape = &shape{scalar: aWord, list: true}
)

// fileFields are the keys at the top. Any that begins with x- is left alone.
var fileFields = []field{
	{key: "project", holds: &shape{scalar: aText}, own: true, about: "A name that all names of tasks and groups begin with, followed by a dot."},
	{key: "env", holds: envShape, own: true, about: "Variables of all tasks."},
	{key: "env_file", holds: filesShape, own: true, about: "Files of NAME=VALUE lines for all tasks, relative to this one; ~/ is your home."},
	{key: "groups", holds: &shape{fields: groupFields, def: "group", names: namePattern, empty: true}, own: true, about: "Groups of tasks that share slots, by name."},
	{key: "tasks", holds: &shape{fields: taskFields, def: "task", names: namePattern}, own: true, must: true, about: "The tasks, by name."},
}

var groupFields = []field{
	{key: "slots", holds: &shape{scalar: someSlots}, about: "How many of its tasks run at the same time; none: no limit, the default."},
	{key: "on_exit", holds: &shape{scalar: aLine}, about: "Run through sh -c after each run of its tasks."},
	{key: "on_failure", holds: &shape{scalar: aLine}, about: "Run through sh -c after each failed run of its tasks."},
}

// taskFields are the keys of a task: those of task.Spec's JSON, and a few more.
var taskFields = []field{
	{key: "command", holds: &shape{scalar: aCommand, list: true, item: anArg, least: 1}, must: true, about: "What to run: a text goes through sh -c, a list is a program and its arguments, without a shell."},
	{key: "cwd", holds: &shape{scalar: aText}, about: "The directory to run in, relative to that of this file, which is the default; ~/ is your home."},
	{key: "env", holds: envShape, about: "Variables of its environment, on top of all others."},
	{key: "env_file", holds: filesShape, own: true, about: "Files of NAME=VALUE lines for its environment, relative to this one; ~/ is your home."},
	{key: "clear_env", holds: &shape{scalar: aFlag}, own: true, about: "Begin with an empty environment, not that of the caller."},
	{key: "instances", holds: &shape{scalar: instances}, own: true, about: "Run NAME-1 to NAME-N, each with its number in TASKS_INSTANCE; NAME in an after is all of them."},
	{key: "group", holds: &shape{scalar: aWord}, about: "The group whose slots it shares; where the file has groups, one of them."},
	{key: "priority", holds: &shape{scalar: aNumber}, about: "Among those that wait for a slot, higher ones go first; default 0."},
	{key: "after", holds: namesShape, about: "Tasks of this file that must have ended well, or be ready where they are services."},
	{key: "after_ended", holds: namesShape, about: "Tasks of this file that must have ended, however."},
	{key: "delay", holds: &shape{scalar: aDuration}, about: "Time from the start to the first run."},
	{key: "at", holds: &shape{scalar: aTime}, about: "When its first run begins: a time of day, or RFC 3339."},
	{key: "every", holds: &shape{scalar: aDuration}, about: "Time from the beginning of a run to that of the next, 1s or more."},
	{key: "cron", holds: &shape{scalar: aCron}, about: "When runs begin: five fields as in crontab(5), or @daily and the like."},
	{key: "overlap", holds: &shape{scalar: anOverlap}, about: "What becomes of a time that comes while a run lasts: skip it, queue one run, or replace the run; default skip."},
	{key: "stop_signal", holds: &shape{scalar: aWord}, about: "The signal that asks it to end; default TERM."},
	{key: "stop_timeout", holds: &shape{scalar: aDuration}, about: "Time from the stop signal to KILL; default 10s."},
	{key: "restart", holds: &shape{scalar: aRestart}, about: "After which ends it is started again; default no."},
	{key: "max_restarts", holds: &shape{scalar: aCount}, about: "Give up after so many restarts; default: no limit."},
	{key: "backoff", holds: &shape{scalar: aBackoff}, about: "Pause before a restart, doubling from MIN to MAX; default 1s..1m."},
	{key: "timeout", holds: &shape{scalar: aDuration}, about: "A run that lasts longer is stopped and has failed; default: none."},
	{key: "success_codes", holds: &shape{scalar: aCode, list: true}, about: "Exit codes that are no failure; default 0."},
	{key: "ready_http", holds: &shape{scalar: aURL}, about: "It is ready when GET of this URL is answered with 200 to 399."},
	{key: "ready_port", holds: &shape{scalar: aPort}, about: "It is ready when this port takes a connection; default host localhost."},
	{key: "ready_cmd", holds: &shape{scalar: aLine}, about: "It is ready when this ends with 0, run through sh -c."},
	{key: "ready_log", holds: &shape{scalar: aText}, about: "It is ready when a line of its output matches this RE2 expression."},
	{key: "ready_notify", holds: &shape{scalar: aFlag}, about: "It is ready when it says READY=1 as in sd_notify(3)."},
	{key: "ready_timeout", holds: &shape{scalar: aDuration}, about: "A run that is not ready by then is stopped and has failed; default 30s."},
	{key: "ready_interval", holds: &shape{scalar: aDuration}, about: "Time between two tries of whether it is ready; default 500ms."},
	{key: "health_http", holds: &shape{scalar: aURL}, about: "While it is ready, GET of this URL must be answered with 200 to 399."},
	{key: "health_cmd", holds: &shape{scalar: aLine}, about: "While it is ready, this must end with 0, run through sh -c."},
	{key: "health_interval", holds: &shape{scalar: aDuration}, about: "Time from the end of a health check to the next; default 10s."},
	{key: "health_timeout", holds: &shape{scalar: aDuration}, about: "A health check that takes longer has failed; default 5s."},
	{key: "health_retries", holds: &shape{scalar: fromOne}, about: "So many failed health checks in a row end the run; default 3."},
	{key: "on_exit", holds: &shape{scalar: aLine}, about: "Run through sh -c after each run, with TASKS_STATE and TASKS_EXIT."},
	{key: "on_failure", holds: &shape{scalar: aLine}, about: "Run through sh -c after each failed run."},
	{key: "umask", holds: &shape{scalar: aUmask}, about: "The file mode creation mask; default: the caller's."},
	{key: "nice", holds: &shape{scalar: aNice}, about: "Its nice value, from -20 (highest priority) to 19; default: the caller's."},
	{key: "ulimit", holds: &shape{scalar: aLimit, names: limitPattern}, about: "Limits of resources, by their names in prlimit(1): SOFT, or SOFT:HARD."},
	{key: "leave_children", holds: &shape{scalar: aFlag}, about: "Keep what a run started when its main process ends by itself."},
	{key: "log_max_size", holds: &shape{scalar: aSize}, about: "What the log of a run may take up on disk; none: any."},
	{key: "log_keep", holds: &shape{scalar: aCount}, about: "How many runs keep their logs; 0: all."},
}

func keys(fields []field) []string {
	var names []string
	for _, f := range fields {
		names = append(names, f.key)
	}
	return names
}
