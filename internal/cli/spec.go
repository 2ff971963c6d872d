package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tasks/internal/each"
	"tasks/internal/home"
	"tasks/pkg/task"
)

// specFlags are the flags that describe a task, as they were given.
type specFlags struct {
	cwd                          string
	groups                       groupNames
	env, envFiles                []string
	clearEnv, leave              bool
	stopSignal, restart, backoff string
	stopTimeout, timeout         time.Duration
	maxRestarts, priority        int
	logMaxSize                   task.Size
	logKeep                      int
	success                      []string
	umask                        string
	nice                         int
	ulimits                      []string

	after, afterEnded []string
	when              task.When
	delay, every      time.Duration
	overlap           string

	ready                         task.Ready
	readyTimeout, readyInterval   time.Duration
	health                        task.Health
	healthInterval, healthTimeout time.Duration
	healthRetries                 int
	hooks                         task.Hooks
	names                         []string // of all these flags
}

func (f *specFlags) flags(cmd *cobra.Command) {
	fl := pflag.NewFlagSet("", pflag.ContinueOnError)
	fl.StringVarP(&f.cwd, "cwd", "C", "", "`DIR` to run in (default: this one)")
	fl.StringArrayVarP(&f.env, "env", "e", nil, "set `NAME=VALUE` in its environment; may be repeated")
	fl.StringArrayVar(&f.envFiles, "env-file", nil, "set the variables in `FILE`; may be repeated")
	fl.BoolVar(&f.clearEnv, "clear-env", false, "begin with an empty environment, not this one")
	fl.VarP(&f.groups, "group", "g", "`GROUP` of the task; without a command: every ended task of it")
	fl.IntVar(&f.priority, "priority", 0, "among those that are queued in the group, higher `N` first")
	fl.StringVar(&f.stopSignal, "stop-signal", "TERM", "`SIGNAL` that asks it to end")
	durationVar(fl, &f.stopTimeout, "stop-timeout", "", task.DefaultStopTimeout, "`TIME` from the stop signal to KILL")
	fl.StringVar(&f.restart, "restart", "no", "start it again after it ended: `WHEN` is no, on-failure or always")
	fl.IntVar(&f.maxRestarts, "max-restarts", 0, "give up after `N` restarts (default: no limit)")
	fl.StringVar(&f.backoff, "backoff", "1s..1m", "pause before a restart, doubling from `MIN..MAX`")
	durationVar(fl, &f.timeout, "timeout", "", 0, "stop it after `TIME`; it has failed then (default: none)")
	fl.StringArrayVar(&f.success, "success-codes", nil, "exit `CODES` that are no failure, such as 0,3 (default: 0)")
	fl.StringVar(&f.umask, "umask", "", "file mode creation `MASK`, such as 027 (default: the caller's)")
	fl.IntVar(&f.nice, "nice", 0, "run with nice value `N`, -20 to 19 (default: the caller's)")
	fl.Lookup("nice").DefValue = ""
	fl.StringArrayVar(&f.ulimits, "ulimit", nil, "limit a resource: `NAME=SOFT[:HARD]`, such as nofile=4096; may be repeated")
	fl.BoolVar(&f.leave, "leave-children", false, "keep what it started when its main process ends")

	fl.StringSliceVar(&f.after, "after", nil, "begin once all of `NAMES` have ended well, or are ready if they are services")
	fl.StringSliceVar(&f.afterEnded, "after-ended", nil, "begin once all of `NAMES` have ended, however")
	durationVar(fl, &f.delay, "delay", "", 0, "begin after `TIME`")
	fl.StringVar(&f.when.At, "at", "", "begin at `TIME`: 15:04, or RFC 3339")
	durationVar(fl, &f.every, "every", "", 0, "begin a run every `TIME`")
	fl.StringVar(&f.when.Cron, "cron", "", "begin a run at the times of crontab `FIELDS`, such as '0 3 * * *'")
	fl.StringVar(&f.overlap, "overlap", "skip", "what a time does that comes while a run lasts: `WHAT` is skip, queue or replace")

	fl.StringVar(&f.ready.ReadyHTTP, "ready-http", "", "it is ready once a GET of `URL` succeeds")
	fl.StringVar(&f.ready.ReadyPort, "ready-port", "", "it is ready once `[HOST:]PORT` takes connections")
	fl.StringVar(&f.ready.ReadyCmd, "ready-cmd", "", "it is ready once `STRING`, run through sh -c, succeeds")
	fl.StringVar(&f.ready.ReadyLog, "ready-log", "", "it is ready once a line of its output matches `RE`")
	fl.BoolVar(&f.ready.ReadyNotify, "ready-notify", false, "it is ready once it says READY=1, as sd_notify(3) does")
	durationVar(fl, &f.readyTimeout, "ready-timeout", "", task.DefaultReadyTimeout, "it has failed if it is not ready after `TIME`")
	durationVar(fl, &f.readyInterval, "ready-interval", "", task.DefaultReadyInterval, "`TIME` between two tries")
	fl.StringVar(&f.health.HealthHTTP, "health-http", "", "check it, once ready, by a GET of `URL`")
	fl.StringVar(&f.health.HealthCmd, "health-cmd", "", "check it, once ready, by `STRING`, run through sh -c")
	durationVar(fl, &f.healthInterval, "health-interval", "", task.DefaultHealthInterval, "`TIME` between two checks")
	durationVar(fl, &f.healthTimeout, "health-timeout", "", task.DefaultHealthTimeout, "a check that takes `TIME` has failed")
	fl.IntVar(&f.healthRetries, "health-retries", task.DefaultHealthRetries, "stop it, as failed, after `N` failures in a row")
	fl.StringVar(&f.hooks.OnExit, "on-exit", "", "run `STRING` through sh -c after each run")
	fl.StringVar(&f.hooks.OnFailure, "on-failure", "", "run `STRING` through sh -c after each run that failed")

	fl.TextVar(&f.logMaxSize, "log-max-size", task.Size(0), "free the head of a run's log above `SIZE`; none: keep all (default: by serve)")
	fl.Lookup("log-max-size").DefValue = ""
	fl.IntVar(&f.logKeep, "log-keep", 0, "keep the logs of the last `N` runs; 0: all (default: by serve)")
	fl.VisitAll(func(flag *pflag.Flag) { f.names = append(f.names, flag.Name) })
	cmd.Flags().AddFlagSet(fl)

	cmd.RegisterFlagCompletionFunc("group", completeGroups)
	cmd.RegisterFlagCompletionFunc("after", completeNameLists)
	cmd.RegisterFlagCompletionFunc("after-ended", completeNameLists)
	cmd.RegisterFlagCompletionFunc("restart", words("no", "on-failure", "always"))
	cmd.RegisterFlagCompletionFunc("overlap", words("skip", "queue", "replace"))
	cmd.RegisterFlagCompletionFunc("stop-signal", words(task.SignalNames()...))
	cmd.RegisterFlagCompletionFunc("ulimit", completeLimits)
	cmd.MarkFlagDirname("cwd")
	cmd.Flags().SetAnnotation("cwd", mayBeEmpty, nil) // which says so itself
}

// given names those of the flags that were given.
func (f *specFlags) given(cmd *cobra.Command) []string {
	var names []string
	for _, name := range f.names {
		if cmd.Flags().Changed(name) {
			names = append(names, name)
		}
	}
	return names
}

// spec is the task that the flags describe.
func (f *specFlags) spec(e *env, cmd *cobra.Command, name string, command []string) (task.Spec, error) {
	group, err := f.groups.one()
	if err != nil {
		return task.Spec{}, err
	}
	s := task.Spec{
		Name: name, Command: command, Group: group, Priority: f.priority, Restart: task.Restart(f.restart), LeaveChildren: f.leave,
		Order: task.Order{After: f.after, AfterEnded: f.afterEnded}, When: f.when, Ready: f.ready, Health: f.health, Hooks: f.hooks,
	}
	changed := cmd.Flags().Changed
	if err := f.listsNotEmpty(cmd); err != nil {
		return s, err
	}
	if s.Cwd, err = directory(f.cwd, changed("cwd")); err != nil {
		return s, err
	}
	if s.Env, err = f.environment(e); err != nil {
		return s, err
	}
	if changed("stop-signal") {
		s.StopSignal = f.stopSignal
		if sig, err := task.ParseSignal(f.stopSignal); err == nil {
			s.StopSignal = strings.TrimPrefix(task.SignalName(sig), "SIG")
		}
	}
	for _, d := range []struct {
		flag string
		to   **task.Duration
		from time.Duration
	}{
		{"stop-timeout", &s.StopTimeout, f.stopTimeout}, {"timeout", &s.Timeout, f.timeout}, {"delay", &s.Delay, f.delay}, {"every", &s.Every, f.every},
		{"ready-timeout", &s.ReadyTimeout, f.readyTimeout}, {"ready-interval", &s.ReadyInterval, f.readyInterval},
		{"health-interval", &s.HealthInterval, f.healthInterval}, {"health-timeout", &s.HealthTimeout, f.healthTimeout},
	} {
		if changed(d.flag) {
			*d.to = new(task.Duration(d.from))
		}
	}
	if changed("overlap") {
		s.Overlap = task.Overlap(f.overlap)
	}
	if changed("health-retries") {
		s.HealthRetries = new(f.healthRetries)
	}
	if changed("success-codes") {
		if s.SuccessCodes, err = codes(strings.Join(f.success, ",")); err != nil {
			return s, err
		}
	}
	if changed("log-max-size") {
		s.LogMaxSize = new(f.logMaxSize)
	}
	if changed("log-keep") {
		s.LogKeep = new(f.logKeep)
	}
	if err := f.attributes(cmd, &s.Attributes); err != nil {
		return s, err
	}
	if changed("max-restarts") {
		s.MaxRestarts = new(f.maxRestarts)
	}
	if err := s.Backoff.UnmarshalText([]byte(f.backoff)); err != nil {
		return s, usageError{err}
	}
	if err := f.needed(cmd); err != nil {
		return s, err
	}
	return s, checkTemplate(s)
}

// listsNotEmpty refuses lists without a value, see [singleValue].
func (f *specFlags) listsNotEmpty(cmd *cobra.Command) error {
	for name, list := range map[string][]string{"after": f.after, "after-ended": f.afterEnded, "env-file": f.envFiles, "ulimit": f.ulimits} {
		if cmd.Flags().Changed(name) && (len(list) == 0 || slices.Contains(list, "")) {
			return noValue(name)
		}
	}
	return nil
}

// needed refuses flags that say how where nothing says what.
func (f *specFlags) needed(cmd *cobra.Command) error {
	for _, of := range []struct {
		flags []string
		what  string
		is    bool
	}{
		{[]string{"ready-timeout", "ready-interval"}, "a check: --ready-http, -port, -cmd, -log or -notify", f.ready.Checked()},
		{[]string{"health-interval", "health-timeout", "health-retries"}, "a check: --health-http or --health-cmd", f.health.Checked()},
		{[]string{"priority"}, "--group", len(f.groups) > 0},
	} {
		for _, flag := range of.flags {
			if cmd.Flags().Changed(flag) && !of.is {
				return usage("--%s goes with %s", flag, of.what)
			}
		}
	}
	return nil
}

// checkTemplate checks s, whose name may have marks in it.
func checkTemplate(s task.Spec) error {
	s.Name = each.Expand(s.Name, "x", 1)
	return s.Check()
}

func codes(text string) ([]int, error) {
	var all []int
	for _, part := range strings.Split(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil {
			return nil, usage("bad --success-codes %q: use numbers with commas between them, such as 0,3", text)
		}
		all = append(all, n)
	}
	return all, nil
}

func directory(dir string, given bool) (string, error) {
	if !given {
		wd, err := os.Getwd()
		if err != nil {
			return "", fmt.Errorf("cannot find this directory: %w: give one with -C", err)
		}
		if !utf8.ValidString(wd) {
			return "", usage("the name of this directory, %q, is not UTF-8 text: give another with -C", wd)
		}
		return wd, nil
	}
	path, err := homePath("cwd", dir)
	if err != nil {
		return "", err
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(abs)
	switch {
	case dir == "":
		return "", usage("bad --cwd \"\": it is empty")
	case errors.Is(err, os.ErrNotExist):
		return "", usage("bad --cwd: there is no directory %s", abs)
	case err != nil:
		return "", usageError{fmt.Errorf("bad --cwd: %w", err)}
	case !info.IsDir():
		return "", usage("bad --cwd: %s is not a directory", abs)
	case !utf8.ValidString(abs):
		return "", usage("bad --cwd %q: it is not UTF-8 text", abs)
	}
	return abs, nil
}

// homePath is the value of a flag with its ~ expanded, which a shell leaves behind a =.
func homePath(flag, path string) (string, error) {
	expanded, err := home.Expand(path, os.Getenv("HOME"))
	if err != nil {
		return "", usage("bad --%s %v", flag, err)
	}
	return expanded, nil
}
