package cli

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"tasks/internal/option"
	"tasks/pkg/client"
	"tasks/pkg/task"
)

// parsed is what a command line is understood as, or its exit code and what it says.
func parsed(line string) (v verb, code int, says string) {
	args := strings.Fields(line)
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "_", " ")
	}
	var errs bytes.Buffer
	e := newEnv()
	e.in, e.out, e.err, e.color = strings.NewReader(""), new(bytes.Buffer), &errs, "never"
	e.do = func(is verb) error { v = is; return nil }
	code = e.run(args)
	return v, code, errs.String()
}

func seconds(n int) *task.Duration { return new(task.Duration(time.Duration(n) * time.Second)) }

// What command lines are understood as; no supervisor is asked.
func TestOptions(t *testing.T) {
	t.Parallel()
	names := func(names ...string) selection { return selection{names: names} }
	for _, tt := range []struct {
		line string
		want verb
	}{
		{"stop web db", &stopOptions{selection: names("web", "db")}},
		{"stop -- web", &stopOptions{selection: names("web")}},
		{"stop -g a -g b -g a --now", &stopOptions{selection: selection{names: []string{}, groups: groupNames{"a", "b"}}, now: true}},
		{"stop web -t 90s", &stopOptions{selection: names("web"), timeout: seconds(90)}},
		{"stop web --timeout 1m --timeout 60s", &stopOptions{selection: names("web"), timeout: seconds(60)}},
		{"restart --all", &restartOptions{selection{names: []string{}, all: true}}},
		{"pause web", &pauseOptions{names("web")}},
		{"start --cron @daily --next 5", &startOptions{names: []string{}, next: 5, taskOptions: taskOptions{spec: task.Spec{When: task.When{Cron: "@daily"}}, given: []string{"cron"}}}},
		{"start backup --next 1", &startOptions{names: []string{"backup"}, next: 1}},
		{"timers", &timersOptions{selection: selection{names: []string{}}}},
		{"timers -g g backup", &timersOptions{selection: selection{names: []string{"backup"}, groups: groupNames{"g"}}}},
		{"enable web", &enableOptions{names("web")}},
		{"disable -a", &disableOptions{selection{names: []string{}, all: true}}},
		{"resume web", &resumeOptions{names("web")}},
		{"list", &listOptions{selection: selection{names: []string{}}, sort: "name"}},
		{"list --sort -ended", &listOptions{selection: selection{names: []string{}}, sort: "-ended"}},
		{"ls web --state running,done --failing", &listOptions{
			selection: names("web"), narrowing: narrowing{stateList{[]string{"running", "done"}, []task.State{task.Running, task.Done}}, true}, sort: "name",
		}},
		{"show web --env --tree", &showOptions{selection: names("web"), env: true, tree: true}},
		{"show web --state failed", &showOptions{selection: names("web"), narrowing: narrowing{stateList: stateList{[]string{"failed"}, []task.State{task.Failed}}}}},
		{"rm web --force", &removeOptions{selection: names("web"), force: true}},
		{"rm web --state lost --state failed", &removeOptions{selection: names("web"), stateList: stateList{[]string{"lost", "failed"}, []task.State{task.Lost, task.Failed}}}},
		{"rm web --state running --force", &removeOptions{selection: names("web"), stateList: stateList{[]string{"running"}, []task.State{task.Running}}, force: true}},
		{"edit web", &editOptions{names: []string{"web"}}},
		{"edit web --priority 5 --timeout 1m -- run -a", &editOptions{
			taskOptions: taskOptions{spec: task.Spec{Priority: 5, Timeout: seconds(60)}, given: []string{"priority", "timeout"}}, names: []string{"web"}, command: []string{"run", "-a"},
		}},
		{"edit job-* -g slow --unset timeout,stop-signal --unset-env A -c run_-a", &editOptions{
			taskOptions: taskOptions{groups: groupNames{"slow"}, given: []string{"group"}}, names: []string{"job-*"}, shell: "run -a", command: []string{"sh", "-c", "run -a"},
			unset: []string{"timeout", "stop_signal"}, unsetEnv: []string{"A"},
		}},
		{"retry web db", &retryOptions{selection: names("web", "db")}},
		{"retry -g g", &retryOptions{selection: selection{names: []string{}, groups: groupNames{"g"}}}},
		{"retry -a --wait", &retryOptions{selection: selection{names: []string{}, all: true}, wait: true}},
		{"logs -g g --state failed", &logOptions{selection: selection{names: []string{}, groups: groupNames{"g"}}, narrowing: narrowing{stateList: stateList{[]string{"failed"}, []task.State{task.Failed}}}}},
		{"logs web --failing", &logOptions{selection: names("web"), narrowing: narrowing{failing: true}}},
		{"timers --failing", &timersOptions{selection: selection{names: []string{}}, failing: true}},
		{"events --failing", &eventOptions{selection: selection{names: []string{}}, failing: true}},
		{"clean -g g --all", &cleanOptions{all: true, groups: groupNames{"g"}}},
		{"wait a b --any --for ready --timeout 0", &waitOptions{names("a", "b"), true, "ready", seconds(0)}},
		{"wait a", &waitOptions{selection: names("a"), state: "ended"}},
		{"signal HUP web", &signalOptions{selection: names("web"), sig: "HUP"}},
		{"kill web", &signalOptions{selection: names("web"), sig: "TERM"}},
		{"kill -9 web", &signalOptions{selection: names("web"), sig: "9"}},
		{"kill HUP web", &signalOptions{selection: names("web"), sig: "HUP", bare: true}},
		{"exit", &exitOptions{}},
		{"quit --timeout 2s", &exitOptions{timeout: seconds(2)}},
		{"exit --keep", &exitOptions{keep: true}},
		{"logs web -n 20 -f", &logOptions{selection: names("web"), lines: new(20), follow: true}},
		{"tail web --run all", &logOptions{selection: names("web"), which: "all"}},
		{"events web -n 0", &eventOptions{selection: names("web"), lines: new(0)}},
		{"group set g --slots 2", &groupSetOptions{name: "g", slots: &task.Slots{N: new(2)}}},
		{"group set g --slots none --on-exit=", &groupSetOptions{name: "g", slots: &task.Slots{}, onExit: new("")}},
		{"serve --keep-ended 5 --log-total none", &serveOptions{limits: client.ReplaceOptions{KeepEnded: new(5), LogTotal: new(task.Size(0))}}},
		{"start web", &startOptions{names: []string{"web"}}},
		{"start web --wait", &startOptions{names: []string{"web"}, wait: "ended"}},
		{"start -g g", &startOptions{taskOptions: taskOptions{groups: groupNames{"g"}, given: []string{"group"}}, names: []string{}}},
		{"start web --state stopped", &startOptions{names: []string{"web"}, stateList: stateList{[]string{"stopped"}, []task.State{task.Stopped}}}},
		{"start -a --state failed,lost --wait", &startOptions{names: []string{}, all: true, wait: "ended", stateList: stateList{[]string{"failed", "lost"}, []task.State{task.Failed, task.Lost}}}},
		{"start web --replace -- run -a", &startOptions{names: []string{"web"}, command: []string{"run", "-a"}, replace: true}},
		{"start web -c run_-a", &startOptions{names: []string{"web"}, command: []string{"sh", "-c", "run -a"}, shell: "run -a"}},
		{"start web -C /srv -e A=1 -e B=2 --env-file f --clear-env -- run", &startOptions{
			taskOptions: taskOptions{cwd: new("/srv"), env: []string{"A=1", "B=2"}, envFiles: []string{"f"}, clearEnv: true, given: []string{"clear-env", "cwd", "env", "env-file"}},
			names:       []string{"web"}, command: []string{"run"},
		}},
		{"each job-{} -j 3 -0 --wait -- run {}", &eachOptions{
			taskOptions: taskOptions{groups: groupNames{"job"}}, jobs: new(3), wait: true, nul: true, name: "job-{}", command: []string{"run", "{}"},
		}},
		{"each job-{} --fail-fast -- run", &eachOptions{taskOptions: taskOptions{groups: groupNames{"job"}}, failFast: new(1), name: "job-{}", command: []string{"run"}}},
		{"each job-{} --fail-fast=3 -- run", &eachOptions{taskOptions: taskOptions{groups: groupNames{"job"}}, failFast: new(3), name: "job-{}", command: []string{"run"}}},
		{"each job-{} -g g -c run_$1", &eachOptions{
			taskOptions: taskOptions{groups: groupNames{"g"}, given: []string{"group"}}, shell: "run $1", name: "job-{}", command: []string{"sh", "-c", "run $1", "sh", "{}"},
		}},
	} {
		got, code, says := parsed(tt.line)
		if code != done || says != "" {
			t.Errorf("%s: exit code %d, %q", tt.line, code, says)
		} else if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s:\n%+v, not\n%+v", tt.line, got, tt.want)
		}
	}
}

// Each flag of start for a task lands in its spec, as the table of options has it.
func TestSpecOfFlags(t *testing.T) {
	t.Parallel()
	values := map[string]task.Spec{
		"--umask 27":                               {Attributes: task.Attributes{Umask: new(task.Umask(0o27))}},
		"--nice -5":                                {Attributes: task.Attributes{Nice: new(-5)}},
		"--ulimit nofile=64 --ulimit core=0:9":     {Attributes: task.Attributes{Ulimit: task.Ulimits{"nofile": {Soft: 64, Hard: 64}, "core": {Soft: 0, Hard: 9}}}},
		"--stop-signal SIGHUP":                     {StopSignal: "HUP"},
		"--stop-timeout 3s":                        {StopTimeout: seconds(3)},
		"--restart always":                         {Restart: task.RestartAlways},
		"--max-restarts 0":                         {MaxRestarts: new(0)},
		"--backoff 2s..4s":                         {Backoff: task.Backoff{Min: 2 * time.Second, Max: 4 * time.Second}},
		"--timeout 1d":                             {Timeout: seconds(86400)},
		"--success-codes 0,3 --success-codes 4":    {SuccessCodes: []int{0, 3, 4}},
		"--leave-children":                         {LeaveChildren: true},
		"--on-exit a --on-failure b":               {Hooks: task.Hooks{OnExit: "a", OnFailure: "b"}},
		"--priority 010":                           {Priority: 10}, // as printf %03d prints it
		"--after a,b --after c --after-ended d":    {Order: task.Order{After: []string{"a", "b", "c"}, AfterEnded: []string{"d"}}},
		"--delay 1s":                               {When: task.When{Delay: seconds(1)}},
		"--at 15:04":                               {When: task.When{At: "15:04"}},
		"--every 5s --overlap queue":               {When: task.When{Every: seconds(5), Overlap: task.OverlapQueue}},
		"--cron @daily":                            {When: task.When{Cron: "@daily"}},
		"--ready-http http://a --ready-timeout 1s": {Ready: task.Ready{ReadyHTTP: "http://a", ReadyTimeout: seconds(1)}},
		"--ready-port 80 --ready-interval 2s":      {Ready: task.Ready{ReadyPort: "80", ReadyInterval: seconds(2)}},
		"--ready-cmd a --ready-log b":              {Ready: task.Ready{ReadyCmd: "a", ReadyLog: "b"}},
		"--ready-notify":                           {Ready: task.Ready{ReadyNotify: true}},
		"--health-http http://a --health-cmd b":    {Health: task.Health{HealthHTTP: "http://a", HealthCmd: "b"}},
		"--health-interval 1s --health-timeout 2s": {Health: task.Health{HealthInterval: seconds(1), HealthTimeout: seconds(2)}},
		"--health-retries 7":                       {Health: task.Health{HealthRetries: new(7)}},
		"--log-max-size 1MiB --log-keep 0":         {LogMaxSize: new(task.Size(1 << 20)), LogKeep: new(0)},
	}
	all := ""
	for line, want := range values {
		all += line + " "
		got, code, says := parsed("start x " + line + " -- run")
		if o, ok := got.(*startOptions); !ok || code != done || says != "" || !reflect.DeepEqual(o.spec, want) {
			t.Errorf("%s: exit code %d, %q\n%+v", line, code, says, got)
		}
	}
	for _, o := range option.All {
		if o.In != nil && o.Fact != "" && !strings.Contains(all, "--"+o.Flag()+" ") {
			t.Errorf("--%s is not in this table", o.Flag())
		}
	}
}

// What is said of a command line that is wrong, to the letter.
func TestWrongOptions(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"stop":                               "no task named: give names, --group GROUP or --all: see 'tasks stop --help'",
		"stop web -a":                        "--all cannot be used with names: leave out --all for web alone",
		"stop -t 1s":                         "no task named: give names, --group GROUP or --all: see 'tasks stop --help'",
		"stop x --now -t 1s":                 "--now kills at once: it goes without --timeout",
		"stop x -t -1s":                      "bad --timeout -1s: use 0 or more",
		"stop x -t soon":                     `bad --timeout "soon": use a number with a unit, such as 10s, 1h30m or 1d`,
		"stop x -t":                          "flag needs an argument: 't' in -t: see 'tasks stop --help'",
		"stop x -x":                          "unknown shorthand flag: 'x' in -x: see 'tasks stop --help'",
		"stop x -xSECRET":                    "unknown shorthand flag: 'x': see 'tasks stop --help'",
		"stop x --nwo":                       "unknown flag: --nwo: did you mean --now?",
		"stop x --what":                      "unknown flag: --what: see 'tasks stop --help'",
		"stop x --now=perhaps":               `bad --now "perhaps": use true or false`,
		"list --state none,done":             `unknown state "none": did you mean done?`,
		"start --next 0 x":                   "bad --next 0: use 1 to 1000",
		"start --next 1001 x":                "bad --next 1001: use 1 to 1000",
		"start --next 3":                     "--next needs a schedule: --cron, --every, --at or --delay, or the name of a task that has one",
		"start x --next 3 -- true":           "--next needs a schedule: --cron, --every, --at or --delay, or the name of a task that has one",
		"start a b --next 3":                 "--next is of one schedule, not 2",
		"start x --every 1h --wait --next 3": "--next starts nothing: it goes without --wait",
		"start --every 1h --cron @daily --next 3": "give either every or cron",
		"list --sort age":                         `bad --sort "age": use name, state, started, ended, duration, next, restarts, priority, place, cpu, memory`,
		"list -o xml":                             `bad output "xml": use table, wide, json or name`,
		"clean --state running":                   "tasks that are running have not ended: use 'tasks rm --force'",
		"wait x --for sleeping":                   `bad --for "sleeping": use ended, running or ready`,
		"signal":                                  "no signal given: use 'tasks signal SIG NAME'",
		"signal NONE x":                           `unknown signal "NONE": use a name such as TERM or HUP, or a number`,
		"exit --keep --timeout 1s":                "--keep stops nothing: it goes without --timeout",
		"exit x":                                  `unexpected "x": exit takes no arguments: see 'tasks exit --help'`,
		"logs x -n many":                          `bad --lines "many": use a number, or all`,
		"logs x -n -1":                            "bad --lines -1: use 0 or more",
		"logs x -f --run 1":                       "--follow shows the newest run: it goes without --run",
		"logs x --json":                           "logs prints text as it is: it goes without --json and --output",
		"group set g":                             "nothing to set: give --slots, --on-exit or --on-failure",
		"group set g --slots many":                `bad --slots "many": use a number, or none for no limit`,
		"serve --log-total much":                  `bad --log-total "much": use a number with a unit, such as 64MiB or 10MB, or none`,
		"serve --foreground --replace":            "--replace replaces a supervisor where it is: it goes without --foreground",
		"start":                                   "no name given: use 'tasks start NAME -- COMMAND', or for a tasks file 'tasks up'",
		"start x --":                              "no command after --",
		"start x --restart always":                "--restart needs a command: use 'tasks start NAME --restart … -- COMMAND'",
		"start x P=hunter2 ls -l":                 "unknown shorthand flag: 'l' in -l: put -- before the command: tasks start x -- P=... ls ...",
		"start x ls -l":                           "unknown shorthand flag: 'l' in -l: put -- before the command: tasks start x -- ls ...",
		"start x y -- run":                        "one command needs one name, not 2: tasks start x -- run",
		"start x -c a -- run":                     "give a command either with -c or after --, not both",
		"start x --wait=soon -- run":              `bad --wait "soon": use running, ready or ended`,
		"start x --umask 8 -- run":                `bad --umask "8": use octal digits from 0 to 777, such as 022`,
		"start x --backoff 1s -- run":             `bad backoff "1s": use MIN..MAX with 0 < MIN <= MAX, such as 1s..1m`,
		"start x --success-codes a -- run":        `bad --success-codes "a": use numbers with commas between them, such as 0,3`,
		"start x --ulimit nofile -- run":          `bad --ulimit "nofile": use NAME=SOFT[:HARD], such as nofile=4096`,
		"start x --ulimit nofile=a -- run":        `bad --ulimit nofile: bad limit "a": use SOFT or SOFT:HARD, each a number or unlimited`,
		"start x --after a,,b -- run":             "--after has no value: leave it out, or give one",
		"start x --nice high -- run":              `bad --nice "high": use a number`,
		"start x --log-max-size big -- run":       `bad --log-max-size "big": use a number with a unit, such as 64MiB or 10MB, or none`,
		"start --all x":                           "--all cannot be used with names: leave out --all for x alone",
		"edit":                                    "no task named: give names, or --all: see 'tasks edit --help'",
		"edit -g enc --priority 5":                "no task named: --group says where tasks go: '*' names all tasks, $(tasks list -q -g enc) those of enc",
		"edit -a -g enc --priority 5":             "--all cannot be used with --group, which says where tasks go: '*' names all tasks, $(tasks list -q -g enc) those of enc",
		"edit web db":                             "say what to change, such as --priority 5, or give one name to change it in your editor: see 'tasks edit --help'",
		"edit w*":                                 "say what to change, such as --priority 5, or give one name to change it in your editor: see 'tasks edit --help'",
		"edit web --":                             "no command after --",
		"edit web -c a -- b":                      "give a command either with -c or after --, not both",
		"edit web --unset timeout --timeout 1s":   "--unset timeout goes without --timeout",
		"edit web --unset env":                    "bad --unset \"env\": use umask, nice, ulimit, stop-signal, stop-timeout, restart, max-restarts, backoff, timeout, success-codes, leave-children, on-exit, on-failure, group, priority, after, after-ended, delay, at, every, cron, overlap, ready-http, ready-port, ready-cmd, ready-log, ready-notify, ready-timeout, ready-interval, health-http, health-cmd, health-interval, health-timeout, health-retries, log-max-size, log-keep",
		"edit web --unset=":                       "--unset has no value: leave it out, or give one",
		"edit web --priority 5 --unset-env=":      "--unset-env has no value: leave it out, or give one",
		"edit web --unset-env A,,B":               "--unset-env has no value: leave it out, or give one",
		"edit web --unset-env PATH=x":             `bad --unset-env "PATH=...": give the name of a variable`,
		"edit web --clear-env":                    "unknown flag: --clear-env: see 'tasks edit --help'",
		"retry":                                   "no task named: give names, --group GROUP or --all: see 'tasks retry --help'",
		"rm --state failed":                       "no task named: give names, --group GROUP or --all: see 'tasks rm --help'",
		"rm web --state running":                  "tasks that are running have not ended: use 'tasks rm --force'",
		"show web --state bad":                    `unknown state "bad": use waiting, queued, starting, running, paused, stopping, backoff, done, failed, stopped, lost`,
		"logs web --state bad":                    `unknown state "bad": use waiting, queued, starting, running, paused, stopping, backoff, done, failed, stopped, lost`,
		"each x -- run":                           "every task would be named x: put {#} into the name: 'x-{#}'",
		"each x-{} --fail-fast=0 -- run":          "bad --fail-fast 0: give 1 or more",
		"each x-{} --jobs 0 -- run":               "bad --jobs 0: give 1 or more",
		"each x-{} -c {}":                         `the line of -c has {} in it: write "$1", which no input can break out of`,
		"sotp x":                                  `unknown command "sotp": see 'tasks --help'`,
		"strat x":                                 `unknown command "strat": did you mean "start"?`,
		"start x --ready-notify=maybe -- ls":      `bad --ready-notify "maybe": use true or false`,
	} {
		if v, code, says := parsed(line); v != nil || code != wrongUsage || says != "tasks: "+want+"\n" {
			t.Errorf("%s: exit code %d, %q, not %q", line, code, says, want)
		}
	}
}
