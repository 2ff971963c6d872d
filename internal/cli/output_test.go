package cli

import (
	"fmt"
	"strings"
	"testing"
)

// two are tasks as a supervisor tells of them, without times, which the clock changes.
const two = `[{"name":"job","state":"failed","wish":"up","engine":"process","command":["false"],"run":3,"restarts":2,"priority":0,"exit_code":1,"reason":"exit code 1","spec":{"name":"job"}},
	{"name":"web","state":"running","wish":"up","engine":"process","group":"g","command":["serve","a b"],"cwd":"/srv","pid":7,"run":1,"restarts":0,"priority":0,"ready":true,"log":"/l/1","spec":{"name":"web"}}]`

// waiting are a task whose time is to come, and one that has a time and waits for another.
const waiting = `[{"name":"due","state":"waiting","next_at":"2999-01-01T00:00:00Z","spec":{"name":"due"}},
	{"name":"held","state":"waiting","next_at":"2999-01-01T00:00:00Z","waits_for":["due"],"reason":"anything","spec":{"name":"held"}}]`

// jobs are tasks with times and places: the run of d was recorded by an earlier supervisor,
// which does not say how long it lasted.
const jobs = `[{"name":"a","group":"g","state":"queued","priority":2,"place":1,"reason":"waits for a slot of g","spec":{"name":"a"}},
	{"name":"b","state":"failed","run":1,"signal":"SIGTERM","reason":"timed out after 2s","started_at":"2026-11-27T03:00:00Z","ended_at":"2026-11-27T03:00:02.5Z","duration":"2.5s","spec":{"name":"b"}},
	{"name":"c","state":"running","run":1,"pid":7,"ready":false,"cpu_percent":1.5,"memory_bytes":2048,"processes":1,"spec":{"name":"c","ready_port":"80"}},
	{"name":"d","state":"done","run":1,"exit_code":0,"priority":-1,"started_at":"2026-11-27T03:00:01Z","ended_at":"2026-11-27T05:00:00Z","spec":{"name":"d"}}]`

// schedules are some that run, wait, and are disabled, and a task that waits for its time. Of
// old, an earlier supervisor does not say how its last run ended.
const schedules = `[{"name":"night","state":"running","next_at":"2999-01-02T00:00:00Z","zone":"Europe/Berlin","spec":{"name":"night","cron":"CRON_TZ=Europe/Berlin 0 3 * * *"},
		"last_exit":{"run":7,"state":"failed","signal":"SIGTERM","reason":"timed out after 2s","started_at":"2026-11-27T03:00:00Z","ended_at":"2026-11-27T03:00:02.5Z"}},
	{"name":"off","state":"stopped","disabled":true,"reason":"schedule disabled","spec":{"name":"off","every":"5m"},
		"last_exit":{"run":1,"state":"done","exit_code":0,"started_at":"2026-11-27T03:00:00Z","ended_at":"2026-11-27T03:00:00.015Z"}},
	{"name":"old","state":"waiting","next_at":"2999-01-02T00:00:00Z","run":2,"exit_code":1,"started_at":"2026-11-27T03:00:00Z","ended_at":"2026-11-27T03:00:02Z","spec":{"name":"old","every":"1d","at":"00:10"}},
	{"name":"job","state":"waiting","waits_for":["db"],"next_at":"2999-01-01T00:00:00Z","spec":{"name":"job"}},
	{"name":"done","state":"done","spec":{"name":"done"}},
	{"name":"once","state":"waiting","next_at":"2999-01-01T00:00:00Z","zone":"Asia/Tokyo","spec":{"name":"once","at":"18:30"}}]`

const conflict = `error:{"code":-32002,"message":"Task web is already running.","data":{"kind":"conflict","name":"web"}}`

// unbegunJobs are jobs that were stopped before they began, and later, and a schedule that was stopped.
func unbegunJobs(before, later int) string {
	jobs := []string{`{"name":"backup","state":"stopped","spec":{"name":"backup","every":"1h"}}`}
	for i := range before + later {
		started := ""
		if i >= before {
			started = `"started_at":"2026-11-27T03:00:00Z",`
		}
		jobs = append(jobs, fmt.Sprintf(`{"name":"job-%d","state":"stopped",%s"spec":{"name":"job-%d"}}`, i+1, started, i+1))
	}
	return "[" + strings.Join(jobs, ",") + "]"
}

// waitingSchedules are schedules whose last runs ended with these codes.
func waitingSchedules(codes ...int) string {
	var all []string
	for i, code := range codes {
		all = append(all, fmt.Sprintf(`{"name":"m-%d","state":"waiting","next_at":"2999-01-01T00:00:00Z","exit_code":%d,"command":["x"],"spec":{"name":"m-%[1]d","every":"1h"}}`, i+1, code))
	}
	return "[" + strings.Join(all, ",") + "]"
}

// What a command prints, to the letter, and what it asks of the supervisor.
func TestOutput(t *testing.T) {
	t.Parallel()
	table := "NAME  STATE    PID  UPTIME  RESTARTS  EXIT  COMMAND\njob   failed   -    -       2         1     false\nweb   running  7    -       0         -     serve 'a b'\n"
	for _, tt := range []struct {
		line   string
		script scripted
		code   int
		out    string
		errs   string
		asked  string
	}{
		{"list", scripted{"list": two}, done, table, "", `list {}`},
		{"list -q", scripted{"list": two}, done, "job\nweb\n", "", `list {}`},
		{"list --no-headers -g g --state running", scripted{"list": two}, done, "job  failed   -  -  2  1  false\nweb  running  7  -  0  -  serve 'a b'\n", "", `list {"group":"g","states":["running"]}`},
		{"list --failing -o name", scripted{"list": two}, done, "job\n", "", `list {}`},
		{"list -o wide", scripted{"list": two}, done,
			"NAME  GROUP  STATE    READY  PID  UPTIME  RESTARTS  EXIT  CPU  MEM  PROCS  RUN  ENDED  DURATION  PRIORITY  PLACE  CWD   LOG   REASON       COMMAND\n" +
				"job   -      failed   -      -    -       2         1     -    -    -      3    -      -         0         -      -     -     exit code 1  false\n" +
				"web   g      running  -      7    -       0         -     -    -    -      1    -      -         0         -      /srv  /l/1  -            serve 'a b'\n", "", `list {"stats":true}`},
		{"list -o wide --no-headers", scripted{"list": jobs}, done,
			"a  g  queued   -   -  -  0  -        -     -       -  -  -                     -      2   1  -  -  waits for a slot of g\n" +
				"b  -  failed   -   -  -  0  SIGTERM  -     -       -  1  2026-11-27T03:00:02Z  2.5s   0   -  -  -  timed out after 2s\n" +
				"c  -  running  no  7  -  0  -        1.5%  2.0KiB  1  1  -                     -      0   -  -  -  -\n" +
				"d  -  done     -   -  -  0  0        -     -       -  1  2026-11-27T05:00:00Z  1h59m  -1  -  -  -  -\n", "", `list {"stats":true}`},
		{"list --sort ended -o name", scripted{"list": jobs}, done, "d\nb\na\nc\n", "", `list {}`},
		{"list --sort -ended -o name", scripted{"list": jobs}, done, "b\nd\na\nc\n", "", `list {}`},
		{"list --sort duration --json", scripted{"list": `[]`}, done, "[]\n", "", `list {}`},
		{"list --sort duration -q", scripted{"list": jobs}, done, "d\nb\na\nc\n", "", `list {}`},
		{"list --sort place -q", scripted{"list": jobs}, done, "a\nb\nc\nd\n", "", `list {}`},
		{"list --sort priority -q", scripted{"list": jobs}, done, "a\nb\nc\nd\n", "", `list {}`},
		{"list --sort -priority -q", scripted{"list": jobs}, done, "d\nb\nc\na\n", "", `list {}`},
		{"list --sort memory -q", scripted{"list": jobs}, done, "c\na\nb\nd\n", "", `list {"stats":true}`},
		{"list --sort state -q", scripted{"list": jobs}, done, "a\nc\nd\nb\n", "", `list {}`},
		{"list --sort -name -q", scripted{"list": jobs}, done, "d\nc\nb\na\n", "", `list {}`},
		{"list --no-headers", scripted{"list": waiting}, done, "due   waiting  -  in 106751d23h  0  -\nheld  waiting  -  -              0  -\n", "", `list {}`},
		{"list", scripted{"list": "[]"}, done, "NAME  STATE  PID  UPTIME  RESTARTS  EXIT  COMMAND\n", "", `list {}`},
		{"list --json", scripted{"list": "[]"}, done, "[]\n", "", `list {}`},
		{"list x", scripted{"list": `error:{"code":-32001,"message":"No such task: x","data":{"kind":"not_found","name":"x"}}`}, noSuchTask, "", "tasks: No such task: x\n", `list {"names":["x"]}`},
		{"stop web job --now", scripted{"stop": two}, done, table, "", `stop {"names":["web","job"],"now":true}`},
		{"stop -a -t 3s -q", scripted{"stop": two}, done, "", "", `stop {"all":true,"timeout":"3s"}`},
		{"stop -a", scripted{"stop": "[]"}, done, "", "", `stop {"all":true}`},
		{"restart web", scripted{"restart": conflict}, wrongState, "", "tasks: Task web is already running.\n", `restart {"names":["web"]}`},
		{"edit job --priority 0 --restart on-failure --ulimit core=0 -e A=1 --unset-env B --unset group -q -- run", scripted{"edit": `[{"name":"job","spec":{"name":"job"}}]`}, done, "", "",
			`edit {"names":["job"],"set":{"command":["run"],"env":{"A":"1","B":null},"group":null,"priority":null,"restart":"on-failure","ulimit":{"core":"0"}}}`},
		{"edit * --timeout 1h -g g", scripted{"edit": `[{"name":"a","state":"running","command":["x"],"pid":7,"restarts":0,"spec":{"name":"a"},"edited":{"name":"a"}},{"name":"b","state":"running","command":["x"],"pid":8,"restarts":0,"spec":{"name":"b"},"edited":{"name":"b"}}]`}, done,
			"NAME  STATE    PID  UPTIME  RESTARTS  EXIT  COMMAND\na     running  7    -       0         -     x\nb     running  8    -       0         -     x\n",
			"tasks: a, b are running: the change takes effect at their next runs: 'tasks restart a b' begins these now\n", `edit {"names":["*"],"set":{"group":"g","timeout":"1h0m0s"}}`},
		{"retry web job", scripted{"retry": two, "list": "[]"}, done, table, "", `list {"names":["web","job"]}; retry {"names":["web","job"]}; list {"names":["web","job"],"states":["stopped","waiting","backoff"]}`},
		{"retry -q -a", scripted{"retry": two}, done, "", "", `retry {"all":true}`},
		{"retry -g g", scripted{"retry": "[]", "list": unbegunJobs(1, 0)}, done, "", "tasks: nothing to retry: no task failed or is lost\ntasks: job-1 was stopped before it began: start it with 'tasks start job-1'\n", `retry {"group":"g"}; list {"group":"g","states":["stopped","waiting","backoff"]}`},
		{"retry -a --json", scripted{"retry": "[]", "list": unbegunJobs(3, 4)}, done, "[]\n", "tasks: nothing to retry: no task failed or is lost\ntasks: job-1, job-2, job-3 were stopped before they began: start them with 'tasks start job-1 job-2 job-3'\n", `retry {"all":true}; list {"all":true,"states":["stopped","waiting","backoff"]}`},
		{"retry -g g -g h job-*", scripted{"retry": two, "list": unbegunJobs(4, 0)}, done, table, "tasks: 4 tasks were stopped before they began: start them, and 1 more that were stopped, with tasks start -g g -g h 'job-*' --state stopped\n", `retry {"names":["job-*"],"groups":["g","h"]}; list {"names":["job-*"],"groups":["g","h"],"states":["stopped","waiting","backoff"]}`},
		{"retry -a", scripted{"retry": two, "list": unbegunJobs(5, 2)}, done, table, "tasks: 5 tasks were stopped before they began: start them, and 3 more that were stopped, with 'tasks start --all --state stopped'\n", `retry {"all":true}; list {"all":true,"states":["stopped","waiting","backoff"]}`},
		{"retry m-*", scripted{"retry": waitingSchedules(7), "list": waitingSchedules(7, 0)}, done, "NAME  STATE    PID  UPTIME         RESTARTS  EXIT  COMMAND\nm-1   waiting  -    in 106751d23h  0         7     x\n", "tasks: m-1 runs again in 106751d23h: 'tasks restart m-1' runs it now\n", `retry {"names":["m-*"]}; list {"names":["m-*"],"states":["stopped","waiting","backoff"]}`},
		{"retry -g g", scripted{"retry": "[]", "list": waitingSchedules(1, 2, 0, 4, 5)}, done, "", "tasks: nothing to retry: no task failed or is lost\ntasks: the last runs of 4 tasks failed, and they run again by themselves: 'tasks restart NAME' runs one now\n", `retry {"group":"g"}; list {"group":"g","states":["stopped","waiting","backoff"]}`},
		{"start -g g --state lost,stopped", scripted{"list": two, `list {"group":"g","states":["lost","stopped"]}`: "[]"}, done, "", "tasks: nothing to start: none of the 2 tasks of group g is lost or stopped\n", `list {"group":"g","states":["lost","stopped"]}; list {"group":"g"}`},
		{"retry -a", scripted{"retry": `error:{"code":-32601,"message":"no such method: retry","data":{"kind":"usage"}}`, "info": `{"version":"v","socket":"/s"}`}, wrongUsage, "", "tasks: no such method: retry: the supervisor is version v: run 'tasks serve --replace'\n", `retry {"all":true}; info {}`},
		{"rm -g g --state failed", scripted{"remove": two}, done, "job\nweb\n", "", `remove {"group":"g","states":["failed"]}`},
		{"show -g g --state failed -o name", scripted{"get": two}, done, "job\nweb\n", "", `get {"group":"g","states":["failed"],"stats":true}`},
		{"signal HUP web job -o name", scripted{"signal": two}, done, "job\nweb\n", "", `signal {"names":["web","job"],"signal":"HUP"}`},
		{"rm web job", scripted{"remove": two}, done, "job\nweb\n", "", `remove {"names":["web","job"]}`},
		{"clean -g g", scripted{"remove": two, "list": "[]"}, done, "job\nweb\n", "forgot 2 tasks\n", `remove {"group":"g","finished":true}; list {"group":"g"}`},
		{"disable backup", scripted{"disable": `[{"name":"backup","state":"stopped","reason":"schedule disabled","disabled":true,"command":["./backup"]}]`}, done,
			"NAME    STATE    PID  UPTIME  RESTARTS  EXIT  COMMAND\nbackup  stopped  -    -       0         -     ./backup\n", "", `disable {"names":["backup"]}`},
		{"timers", scripted{"list": schedules}, done,
			"NAME   STATE    NEXT                  LAST                  RESULT                      DURATION  SCHEDULE            ZONE\n" +
				"once   waiting  2999-01-01T00:00:00Z  -                     -                           -         at 18:30            Asia/Tokyo\n" +
				"night  running  2999-01-02T00:00:00Z  2026-11-27T03:00:00Z  failed: timed out after 2s  2.5s      0 3 * * *           Europe/Berlin\n" +
				"old    waiting  2999-01-02T00:00:00Z  2026-11-27T03:00:00Z  failed                      2.0s      every 24h at 00:10  -\n" +
				"off    stopped  disabled              2026-11-27T03:00:00Z  done                        15ms      every 5m            -\n", "", "list {}"},
		{"timers -q", scripted{"list": schedules}, done, "once\nnight\nold\noff\n", "", "list {}"},
		{"timers -o name job web", scripted{"list": two}, done, "", "", `list {"names":["job","web"]}`},
		{"timers", scripted{"list": two}, done, "NAME  STATE  NEXT  LAST  RESULT  DURATION  SCHEDULE  ZONE\n", "", "list {}"},
		{"timers --json", scripted{"list": two}, done, "[]\n", "", "list {}"},
		{"start --cron @daily --next 2", scripted{"next": `[{"at":"2999-01-02T23:00:00Z","offset":"+01:00"},{"at":"2999-01-03T23:00:00Z","offset":"+00:00"}]`}, done,
			"2999-01-03 00:00:00 +01:00\n2999-01-03 23:00:00 +00:00\n", "", `next {"cron":"@daily","count":2}`},
		{"start backup --next 1", scripted{"next": `[]`, "list": `[{"name":"backup","state":"stopped","disabled":true,"spec":{"name":"backup"}}]`}, done, "", "tasks: backup is disabled, and starts no run at these times before 'tasks enable backup'\n", `next {"name":"backup","count":1}; list {"names":["backup"]}`},
		{"start backup --next 1 --json", scripted{"next": `[{"at":"2999-01-02T23:00:00Z","offset":"-05:30"}]`}, done,
			"[\n  {\n    \"at\": \"2999-01-02T23:00:00.000000000Z\",\n    \"offset\": \"-05:30\"\n  }\n]\n", "", `next {"name":"backup","count":1}; list {"names":["backup"]}`},
		{"start backup --next 1", scripted{"next": `[{"at":"2999-01-02T23:00:00Z","offset":"now"}]`}, 1, "", "tasks: cannot read the supervisor's reply: parsing time \"now\" as \"-07:00\": cannot parse \"now\" as \"-07:00\"\n", `next {"name":"backup","count":1}`},
		{"pause a", scripted{"pause": `error:{"code":-32002,"message":"Task a is queued: cannot pause it.","data":{"kind":"conflict","name":"a"}}`, "list": `[{"name":"a","state":"queued","group":"enc","spec":{"name":"a"}}]`}, wrongState, "",
			"tasks: Task a is queued: cannot pause it.\ntasks: 'tasks group pause enc' holds what is queued\n", `pause {"names":["a"]}; list {"names":["a"]}`},
		{"pause a", scripted{"pause": `error:{"code":-32002,"message":"Task a is waiting: cannot pause it.","data":{"kind":"conflict","name":"a"}}`, "list": `[{"name":"a","state":"waiting","spec":{"name":"a","every":"1h"}}]`}, wrongState, "",
			"tasks: Task a is waiting: cannot pause it.\ntasks: 'tasks disable a' has its schedule start no run\n", `pause {"names":["a"]}; list {"names":["a"]}`},
		{"enable -g g", scripted{"enable": "[]"}, done, "", "", `enable {"group":"g"}`},
		{"pause -g g -g h", scripted{"pause": "[]"}, done, "", "", `pause {"groups":["g","h"]}`},
		{"wait job web", scripted{"wait": two}, 1, "", "", `wait {"names":["job","web"],"for":"ended"}`},
		{"group", scripted{"group.list": `[{"name":"g","slots":2,"running":1,"queued":3,"waiting":0,"paused":true}]`}, done,
			"GROUP  SLOTS  RUNNING  QUEUED  WAITING  STATE\ng      2      1        3       0        paused\n", "", "group.list {}"},
		{"group set g --slots none", scripted{"group.set": `{"name":"g","slots":null,"running":0,"queued":0,"waiting":0}`}, done,
			"GROUP  SLOTS  RUNNING  QUEUED  WAITING  STATE\ng      none   0        0       0        open\n", "", `group.set {"name":"g","slots":"none"}`},
		{"info -o name", scripted{"info": `{"version":"v","socket":"/s"}`}, done, "/s\n", "tasks: the supervisor is version v, this command " + version() + "\n", "info {}"},
		{"info --json", scripted{"info": `{"version":"` + version() + `","protocol":1,"pid":7,"started_at":"2026-11-23T10:15:30Z","uptime":"1s","socket":"/s","state_dir":"/d","counts":{"running":1}}`}, done,
			`{
  "client_version": "` + version() + `",
  "version": "` + version() + `",
  "protocol": 1,
  "pid": 7,
  "started_at": "2026-11-23T10:15:30.000000000Z",
  "uptime": "1s",
  "socket": "/s",
  "state_dir": "/d",
  "counts": {
    "running": 1
  }
}
`, "", "info {}"},
	} {
		r := tt.script.run(t, strings.Fields(tt.line)...)
		if r.code != tt.code || r.out != tt.out || r.errs != tt.errs {
			t.Errorf("%s: exit code %d, not %d\n%s---\n%s---\nnot\n%s---\n%s", tt.line, r.code, tt.code, r.out, r.errs, tt.out, tt.errs)
		}
		if asked := strings.Join(r.asked, "; "); asked != tt.asked {
			t.Errorf("%s: it asks %s, not %s", tt.line, asked, tt.asked)
		}
	}
}
