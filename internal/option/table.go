package option

import "tasks/pkg/task"

// All are the options, by topics.
var All = []Option{
	{
		Key: "command", Topic: Command, Kind: Argv,
		File: "What to run: a text goes through sh -c, a list is a program and its arguments, without a shell.",
		In:   func(s *task.Spec) any { return &s.Command },
	},
	{
		Key: "cwd", Letter: "C", Topic: Command, Kind: Path,
		Help: "`DIR` to run in (default: this one)",
		File: "The directory to run in, relative to this file's directory, which is the default; ~/ is your home.",
		In:   func(s *task.Spec) any { return &s.Cwd },
	},
	{
		Key: "env", Letter: "e", Topic: Command, Kind: Variables,
		Help: "set `NAME=VALUE` in its environment; may be repeated",
		File: "Variables of its environment, on top of all others.",
		In:   func(s *task.Spec) any { return &s.Env },
	},
	{
		Key: "env_file", Topic: Command, Kind: Paths,
		Help: "set the variables in `FILE`; may be repeated",
		File: "Files of NAME=VALUE lines for its environment, relative to this one; ~/ is your home.",
	},
	{
		Key: "clear_env", Topic: Command, Kind: Yes,
		Help: "start with an empty environment, not the caller's",
	},
	{
		Key: "instances", Topic: Command, Kind: Instances,
		File: "Run NAME-1 to NAME-N, each with its number in TASKS_INSTANCE; NAME in an after is all of them.",
	},
	{
		Key: "umask", Topic: Command, Kind: Umask, Fact: "Umask",
		Help: "file mode creation `MASK`, such as 027 (default: the caller's)",
		File: "The file mode creation mask (default: the caller's).",
		In:   func(s *task.Spec) any { return &s.Umask },
	},
	{
		Key: "nice", Topic: Command, Kind: Nice, Fact: "Nice",
		Help: "nice value `N`, from -20 (highest priority) to 19 (default: the caller's)",
		In:   func(s *task.Spec) any { return &s.Nice },
	},
	{
		Key: "ulimit", Topic: Command, Kind: Limits, Fact: "Limits",
		Help: "limit a resource: `NAME=SOFT[:HARD]`, such as nofile=4096; may be repeated",
		File: "Limits of resources, by their names in prlimit(1): SOFT, or SOFT:HARD.",
		In:   func(s *task.Spec) any { return &s.Ulimit },
	},

	{
		Key: "stop_signal", Topic: Ends, Kind: Signal, Default: "TERM", Fact: "Stop",
		Help: "`SIGNAL` that asks it to end",
		File: "The signal that asks it to end (default TERM).",
		In:   func(s *task.Spec) any { return &s.StopSignal },
	},
	{
		Key: "stop_timeout", Topic: Ends, Kind: Duration, Default: "10s", Fact: "Stop",
		Help: "`TIME` from the stop signal to KILL",
		In:   func(s *task.Spec) any { return &s.StopTimeout },
	},
	{
		Key: "restart", Topic: Ends, Kind: Choice, Words: []string{"no", "on-failure", "always"}, Default: "no", Fact: "Restart",
		Help: "start it again after it ended: `WHEN` is no, on-failure or always",
		In:   func(s *task.Spec) any { return &s.Restart },
	},
	{
		Key: "max_restarts", Topic: Ends, Kind: Count, Fact: "Restart",
		Help: "give up after `N` restarts (default: no limit)",
		In:   func(s *task.Spec) any { return &s.MaxRestarts },
	},
	{
		Key: "backoff", Topic: Ends, Kind: Backoff, Default: "1s..1m", Fact: "Restart",
		Help: "pause before a restart, doubling from `MIN..MAX`",
		File: "Pause before a restart, doubling from MIN to MAX (default 1s..1m).",
		In:   func(s *task.Spec) any { return &s.Backoff },
	},
	{
		Key: "timeout", Topic: Ends, Kind: Duration, Fact: "Timeout",
		Help: "stop a run that lasts longer than `TIME`: it has failed (default: none)",
		In:   func(s *task.Spec) any { return &s.Timeout },
	},
	{
		Key: "success_codes", Topic: Ends, Kind: Codes, Default: "0", Fact: "Success",
		Help: "exit `CODES` that count as success, such as 0,3 (default: 0)",
		File: "Exit codes that count as success (default 0).",
		In:   func(s *task.Spec) any { return &s.SuccessCodes },
	},
	{
		Key: "leave_children", Topic: Ends, Kind: Yes, Fact: "Children",
		Help: "keep what a run started when its main process ends by itself",
		In:   func(s *task.Spec) any { return &s.LeaveChildren },
	},
	{
		Key: "on_exit", Topic: Ends, Kind: Line, Fact: "On exit",
		Help: "run `STRING` through sh -c after each run, with TASKS_STATE and TASKS_EXIT",
		In:   func(s *task.Spec) any { return &s.OnExit },
	},
	{
		Key: "on_failure", Topic: Ends, Kind: Line, Fact: "On failure",
		Help: "run `STRING` through sh -c after each run that failed",
		In:   func(s *task.Spec) any { return &s.OnFailure },
	},

	{
		Key: "group", Letter: "g", Topic: Order, Kind: Word,
		Help: "run in `GROUP`, whose slots limit how many tasks run at a time",
		File: "The group whose slots it shares; where the file has groups, one of them.",
		In:   func(s *task.Spec) any { return &s.Group },
	},
	{
		Key: "priority", Topic: Order, Kind: Number, Default: "0", Fact: "Priority",
		Help: "order within the group's queue, higher `N` first",
		In:   func(s *task.Spec) any { return &s.Priority },
	},
	{
		Key: "after", Topic: Order, Kind: Names, Fact: "After",
		Help: "start once all of `NAMES` have ended well, or are ready if they are services",
		File: "Tasks of this file that must have ended well, or be ready where they are services.",
		In:   func(s *task.Spec) any { return &s.After },
	},
	{
		Key: "after_ended", Topic: Order, Kind: Names, Fact: "After the end of",
		Help: "start once all of `NAMES` have ended, however",
		File: "Tasks of this file that must have ended, however.",
		In:   func(s *task.Spec) any { return &s.AfterEnded },
	},
	{
		Key: "delay", Topic: Order, Kind: Duration, Fact: "When",
		Help: "wait for `TIME` before the first run",
		In:   func(s *task.Spec) any { return &s.Delay },
	},
	{
		Key: "at", Topic: Order, Kind: Clock, Fact: "When",
		Help: "start the first run at `TIME`: 15:04 of the supervisor's time zone, or RFC 3339",
		In:   func(s *task.Spec) any { return &s.At },
	},
	{
		Key: "every", Topic: Order, Kind: Duration, Fact: "When",
		Help: "start a run every `TIME`, 1s or more",
		In:   func(s *task.Spec) any { return &s.Every },
	},
	{
		Key: "cron", Topic: Order, Kind: Cron, Fact: "When",
		Help: "start runs at the times of crontab `FIELDS`, such as '0 3 * * *', in the supervisor's time zone",
		In:   func(s *task.Spec) any { return &s.Cron },
	},
	{
		Key: "overlap", Topic: Order, Kind: Choice, Words: []string{"skip", "queue", "replace"}, Default: "skip", Fact: "When",
		Help: "what to do when a run is still active at the next scheduled time: `WHAT` is skip, queue or replace",
		File: "What to do when a run is still active at the next scheduled time: skip it, queue one run, or replace the run (default skip).",
		In:   func(s *task.Spec) any { return &s.Overlap },
	},

	{
		Key: "ready_http", Topic: Readiness, Kind: URL, Fact: "Ready when",
		Help: "it is ready once a GET of `URL` is answered with 200 to 399",
		In:   func(s *task.Spec) any { return &s.ReadyHTTP },
	},
	{
		Key: "ready_port", Topic: Readiness, Kind: Port, Fact: "Ready when",
		Help: "it is ready once `[HOST:]PORT` takes connections",
		File: "It is ready once this port takes connections; the default host is localhost.",
		In:   func(s *task.Spec) any { return &s.ReadyPort },
	},
	{
		Key: "ready_cmd", Topic: Readiness, Kind: Line, Fact: "Ready when",
		Help: "it is ready once `STRING`, run through sh -c, succeeds",
		In:   func(s *task.Spec) any { return &s.ReadyCmd },
	},
	{
		Key: "ready_log", Topic: Readiness, Kind: Expression, Fact: "Ready when",
		Help: "it is ready once a line of its output matches `RE`",
		File: "It is ready once a line of its output matches this RE2 expression.",
		In:   func(s *task.Spec) any { return &s.ReadyLog },
	},
	{
		Key: "ready_notify", Topic: Readiness, Kind: Yes, Fact: "Ready when",
		Help: "it is ready once it says READY=1, as sd_notify(3) does",
		In:   func(s *task.Spec) any { return &s.ReadyNotify },
	},
	{
		Key: "ready_timeout", Topic: Readiness, Kind: Duration, Default: "30s", Fact: "Ready when",
		Help: "stop a run that is not ready after `TIME`: it has failed",
		In:   func(s *task.Spec) any { return &s.ReadyTimeout },
	},
	{
		Key: "ready_interval", Topic: Readiness, Kind: Duration, Default: "500ms", Fact: "Ready when",
		Help: "`TIME` between two checks whether it is ready",
		In:   func(s *task.Spec) any { return &s.ReadyInterval },
	},
	{
		Key: "health_http", Topic: Readiness, Kind: URL, Fact: "Healthy while",
		Help: "once it is ready, check its health by a GET of `URL`",
		In:   func(s *task.Spec) any { return &s.HealthHTTP },
	},
	{
		Key: "health_cmd", Topic: Readiness, Kind: Line, Fact: "Healthy while",
		Help: "once it is ready, check its health by `STRING`, run through sh -c",
		In:   func(s *task.Spec) any { return &s.HealthCmd },
	},
	{
		Key: "health_interval", Topic: Readiness, Kind: Duration, Default: "10s", Fact: "Healthy while",
		Help: "`TIME` from the end of a health check to the next",
		In:   func(s *task.Spec) any { return &s.HealthInterval },
	},
	{
		Key: "health_timeout", Topic: Readiness, Kind: Duration, Default: "5s", Fact: "Healthy while",
		Help: "a health check that takes longer than `TIME` has failed",
		In:   func(s *task.Spec) any { return &s.HealthTimeout },
	},
	{
		Key: "health_retries", Topic: Readiness, Kind: FromOne, Default: "3", Fact: "Healthy while",
		Help: "stop a run after `N` failed health checks in a row: it has failed",
		In:   func(s *task.Spec) any { return &s.HealthRetries },
	},

	{
		Key: "log_max_size", Topic: Output, Kind: Size, Fact: "Log size",
		Help: "discard the oldest output of a run above `SIZE`; none: keep all (default: by serve)",
		In:   func(s *task.Spec) any { return &s.LogMaxSize },
	},
	{
		Key: "log_keep", Topic: Output, Kind: Count, Fact: "Logs kept",
		Help: "keep the logs of the last `N` runs; 0: all (default: by serve)",
		In:   func(s *task.Spec) any { return &s.LogKeep },
	},
}
