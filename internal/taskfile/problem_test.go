package taskfile

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"tasks/pkg/task"
)

// problemsOf is what is wrong with a tasks.yaml, as the user sees it, of the path
// the name alone; "" for nothing.
func problemsOf(t testing.TB, text string) string {
	t.Helper()
	_, err := parse("tasks.yaml", "/nowhere/tasks.yaml", text, nil)
	if err == nil {
		return ""
	}
	var problems Problems
	if !errors.Is(err, task.ErrUsage) || !errors.As(err, &problems) {
		t.Errorf("%q: %v is not reported as a problem of the file", text, err)
	}
	return strings.ReplaceAll(err.Error(), "tasks.yaml:", "")
}

func TestFaults(t *testing.T) {
	t.Parallel()
	one := func(task string) string { return "tasks:\n  a: {command: x, " + task + "}\n  abc: {command: x}\n" }
	for text, want := range map[string]string{
		// keys
		"":                        "1:1: a tasks file is a mapping with the key tasks, not nothing",
		"# nothing":               "1:1: a tasks file is a mapping with the key tasks, not nothing",
		"- a":                     "1:1: a tasks file is a mapping with the key tasks, not a list",
		"a":                       "1:1: a tasks file is a mapping with the key tasks, not a text",
		"project: x":              "1:1: the file has no tasks",
		"tasks:":                  "1:1: tasks: give a mapping, not nothing",
		"tasks: [a]":              "1:8: tasks: give a mapping, not a list",
		"tasks: {a: }":            "1:9: a: give a mapping such as {command: ./a}, not nothing",
		"tasks: {a: x}":           "1:12: a: give a mapping such as {command: ./a}, not a text",
		"tasks: {a: {}}":          "1:9: a has no command",
		"tasks: {}\nservices: {}": `2:1: unknown key "services": did you mean tasks?`,
		"tasks: {}\ngroup: {}":    `2:1: unknown key "group": did you mean groups?`,
		"tasks: {a: {comand: x}}": `1:13: unknown key "comand": did you mean command?`,
		one("restarts: no"):       `2:19: unknown key "restarts": did you mean restart?`,
		one("name: b"):            `2:19: unknown key "name"`,
		one("file: b"):            `2:19: unknown key "file"`,
		one("command: y"):         `2:19: duplicate key "command": it is in line 2 already`,
		one("[a]: b"):             "2:22: found an invalid key for this map",
		"tasks: {a: {command: x}, all: {command: x}}":       `1:26: bad name "all": "all" means every task`,
		"tasks: {-a: {command: x}}":                         `1:9: bad name "-a": use a letter or digit, then letters, digits, '.', '_', '-' or '@'`,
		"project: a/b\ntasks: {}":                           `1:10: project: bad name "a/b": use a letter or digit, then letters, digits, '.', '_', '-' or '@'`,
		"project: 5\ntasks: {}":                             `1:10: project: give a text, not 5`,
		"groups: {g: {slot: 1}}\ntasks: {}":                 `1:14: unknown key "slot": did you mean slots?`,
		"tasks: {a: {command: x, restart: unless-stopped}}": `1:34: restart: give no, on-failure or always, not "unless-stopped": use always, which starts nothing again after a stop`,
		"tasks: {a: {command: x, restart: 'on-failure:3'}}": `1:34: restart: give no, on-failure or always, not "on-failure:3": use on-failure, and max_restarts: 3`,
		"groups: {g: {slots: -1}}\ntasks: {}":               `1:21: slots: give a number from 0 on, or none, not -1`,
		"groups: {g: {slots: many}}\ntasks: {}":             `1:21: slots: give a number from 0 on, or none, not "many"`,
		"groups: {g: 3}\ntasks: {}":                         `1:13: g: give a mapping, not a whole number`,
		"groups: {a b: {}}\ntasks: {}":                      `1:10: bad name "a b": use a letter or digit, then letters, digits, '.', '_', '-' or '@'`,

		// values
		"tasks: {a: {command: }}":                `1:13: command has no value: give a line for sh, or a list of a program and its arguments; an empty text is ""`,
		"tasks: {a: {command: ''}}":              "1:22: command: it is empty",
		"tasks: {a: {command: []}}":              "1:22: command: give a line for sh, or a list of a program and its arguments, not an empty list",
		"tasks: {a: {command: {x: y}}}":          "1:22: command: give a line for sh, or a list of a program and its arguments, not a mapping",
		"tasks: {a: {command: [x, ~]}}":          `1:26: command has no value: give a line for sh, or a list of a program and its arguments; an empty text is ""`,
		"tasks: {a: {command: ['']}}":            "1:22: the command is empty",
		one("cwd: 5"):                            `2:24: cwd: give a text, not 5`,
		one("cwd: ''"):                           `2:24: cwd: it is empty`,
		one(`cwd: "\0"`):                         `2:24: cwd: give a text, not one with a NUL byte or without UTF-8`,
		one("restart: alwyas"):                   `2:28: restart: give no, on-failure or always, not "alwyas": did you mean always?`,
		one("restart: true"):                     `2:28: restart: give no, on-failure or always, not true`,
		one("timeout: 10"):                       `2:28: timeout: give a duration such as 10s, 1h30m or 1d, not 10`,
		one("timeout: 0s"):                       `2:28: bad timeout 0s: give more than 0`,
		one("delay: -1s"):                        `2:26: delay: give a duration such as 10s, 1h30m or 1d, not "-1s"`,
		one("delay: 9999999h"):                   `2:26: delay: bad duration "9999999h": use a number with a unit, such as 10s, 1h30m or 1d`,
		one("backoff: 2s..1s"):                   `2:28: backoff: bad backoff "2s..1s": use MIN..MAX with 0 < MIN <= MAX, such as 1s..1m`,
		one("max_restarts: '3'"):                 `2:33: max_restarts: give a number from 0 on, not "3"`,
		one("max_restarts: 1.5"):                 `2:33: max_restarts: give a number from 0 on, not 1.5`,
		one("priority: x"):                       `2:29: priority: give a whole number, not "x"`,
		one("instances: 0"):                      `2:30: instances: give a number from 1 to 1000, not 0`,
		one("instances: 1001"):                   `2:30: instances: give a number from 1 to 1000, not 1001`,
		one("success_codes: [0, 256]"):           `2:38: success_codes: give an exit code from 0 to 255, not 256`,
		one("ready_port: 0"):                     `2:31: ready_port: give [HOST:]PORT, not 0`,
		one("ready_port: a:99999"):               `2:31: bad port "a:99999": use [HOST:]PORT with a port from 1 to 65535`,
		one("ready_http: https://x"):             `2:31: ready_http: give an http:// URL such as http://localhost:8080/healthz, not "https://x"`,
		one("ready_notify: yes"):                 `2:33: ready_notify: give true or false, not "yes"`,
		one("ready_log: '('"):                    `2:30: bad ready_log "(": missing closing )`,
		one("health_retries: 0"):                 `2:35: health_retries: give a number from 1 on, not 0`,
		one("stop_signal: WHAT"):                 `2:32: stop_signal: unknown signal "WHAT": use a name such as TERM or HUP, or a number`,
		one("log_max_size: 5XB"):                 `2:33: log_max_size: give a size such as 64MiB or 10MB, or none, not "5XB"`,
		one("at: 25:00"):                         `2:23: bad time "25:00": use a time of day such as 15:04, or RFC 3339 such as 2006-01-02T15:04:05Z`,
		one("at: noon"):                          `2:23: at: give a time of day such as 15:04, or RFC 3339, not "noon"`,
		"tasks: {a: {cmd: x, command: x}}":       `1:13: unknown key "cmd": did you mean command?`,
		"services: {a: {command: x}}\ntasks: {}": `1:1: unknown key "services": did you mean tasks?`,
		one("cron: 61 3 * * *"):                  `2:25: bad cron expression "61 3 * * *": minute "61" is not 0 to 59`,
		one("cron: CRON_TZ=No/Where 0 3 * * *"):  `2:25: bad cron expression "CRON_TZ=No/Where 0 3 * * *": time zone "No/Where" is not known here: use a name from /usr/share/zoneinfo, such as Europe/Berlin`,
		one("cron: 0 3 * *"):                     `2:25: cron: give five fields as in crontab(5), or @daily and the like, not "0 3 * *"`,
		one("every: 10ms"):                       "2:26: bad every 10ms: give 1s or more",
		one("env: [A=1]"):                        "2:24: env: give a mapping such as {PORT: 8080}, not a list",
		one("env: {A: [1]}"):                     "2:28: A: give a text, not a list",
		one("env: {A: }"):                        `2:25: A has no value: give a text; an empty text is ""`,
		one("env: {A=B: x}"):                     `2:25: bad name of a variable "A=…": use NAME: VALUE`,
		one("group: b/c"):                        `2:26: bad group: bad name "b/c": use a letter or digit, then letters, digits, '.', '_', '-' or '@'`,

		"groups: {build: }\ntasks: {a: {command: x, group: biuld}}":                      `2:32: group: there is no "biuld" in groups: did you mean build?`,
		"groups: {}\ntasks: {a: {command: x, group: g}}":                                 `2:32: group: there is no "g" in groups`,
		"groups:\n  g: {slots: 1}\nx-a: &a {group: q}\ntasks: {a: {command: x, <<: *a}}": `3:17: group: there is no "q" in groups`,
		"groups: {g: }\ntasks: {a: {command: x, group: '${A:-q}'}}":                      `2:32: group: there is no "q" in groups`,

		// values that go together
		one("cron: '@daily', delay: 5s"):       "2:42: give one of delay, at and cron",
		one("overlap: skip"):                   "2:28: overlap goes with every or cron",
		one("restart: always, every: 5m"):      "2:43: a schedule repeats by itself: use restart on-failure or no with it",
		one("every: 5m, cron: 1 2 3 4 5"):      "2:36: give either every or cron",
		one("every: 5m, overlap: skip, at: 9"): `2:49: at: give a time of day such as 15:04, or RFC 3339, not 9`,

		// variables
		one("cwd: '/${NO}'"):             "2:26: NO is not set: set it, here or in .env, or give a default: ${NO:-…}",
		one("cwd: '/${NO'"):              "2:26: ${ has no } after it: $$ is a dollar",
		one("cwd: '/x/${}'"):             "2:28: bad reference: use ${NAME}, ${NAME:-DEFAULT} or ${NAME:?MESSAGE}; $$ is a dollar",
		one("cwd: '${A:?x}'"):            "2:25: A is not set: x",
		one("cwd: '${A:-${B}}'"):         "2:30: B is not set: set it, here or in .env, or give a default: ${B:-…}",
		one("cwd: '/a${A:-$B}'"):         "2:32: this variable is not set: set it, here or in .env, or write $$ for a dollar",
		one("env: {A: pa$word}"):         "2:30: this variable is not set: set it, here or in .env, or write $$ for a dollar",
		"tasks: {a: {command: [x, $y]}}": "1:26: this variable is not set: set it, here or in .env, or write $$ for a dollar",
		one("timeout: '${A:-x}'"):        `2:28: timeout: give a duration such as 10s, 1h30m or 1d, not "${A:-x}"`,
		one("env: {A: '${NO}'}"):         "2:29: NO is not set: set it, here or in .env, or give a default: ${NO:-…}",
		one(`env: {A: "a\n${NO}"}`):      "2:32: NO is not set: set it, here or in .env, or give a default: ${NO:-…}",

		// order
		one("after: [b]"):     "2:27: there is no task b for a to come after",
		one("after: [abx]"):   "2:27: there is no task abx for a to come after: did you mean abc?",
		one("after: a"):       "2:26: dependency cycle: a -> a",
		one("after_ended: a"): "2:32: dependency cycle: a -> a",
		"tasks:\n  z: {command: x, after: y}\n  a: {command: x, after: [z, b]}\n  b: {command: x, after_ended: c}\n  c: {command: x, after: [z, a]}\n  y: {command: x}": "3:30: dependency cycle: a -> b -> c -> a",
		"tasks:\n  a: {command: x, instances: 2, after: b}\n  b: {command: x, after: a-1}":                                                                              "2:40: dependency cycle: a -> b -> a",
		"tasks:\n  a: {command: x, instances: 2}\n  a-2: {command: x}":                                                                                                  "3:3: a-2 is an instance of a already, in line 2",
		"project: " + strings.Repeat("p", 120) + "\ntasks: {abcdefghi: {command: x}}":                                                                                   `2:9: bad name "pppppppppppppppppppppppppppppppppppppppp…": it has 130 bytes, at most 128 are allowed`,

		// YAML
		one("cwd: /${HOME}"):                            "2:26: a , or the } is missing before this: in { } and [ ], put a value with ${…} in quotes",
		one("cwd: [x, ${H}]"):                           "2:29: a , or the ] is missing before this: in { } and [ ], put a value with ${…} in quotes",
		one("cwd: [x {}, '${']"):                        "2:27: a , or the ] is missing before this",
		"tasks:\n  a: b: c":                             "2:6: a second \": \" on a line: put the text that it is in in quotes",
		"tasks:\n  a: {command: \"x}":                   "2:16: the \" is not closed",
		"tasks:\n  a: {command: 'x}":                    "2:16: the ' is not closed",
		"tasks:\n  a: {command: x}\n b: y":              "3:2: the indentation of this does not fit the lines before it",
		"tasks:\n  a:\n    command: x\n   env: {A: 1}":  "4:4: the indentation of this does not fit the lines before it",
		"tasks:\n  a: {command: @x}":                    "2:16: no text begins with @: put it in quotes",
		"tasks:\n  a: {command: x\n  b: {command: y}\n": "3:3: a , or the } is missing before this",
		one("user: me"):                                 "2:19: unknown key \"user\": every task runs as the user of its supervisor",
		one("schedule: x"):                              "2:19: unknown key \"schedule\": did you mean cron?",
		one("image: x"):                                 "2:19: unknown key \"image\": a task is a program, not a container",
		"tasks: {\n":                                    "1:8: the { is not closed: a } is missing",
		"tasks:\n\ta: b":                                "2:1: a line begins with a tab: indent with blanks",
		"tasks: {}\n--- \na: b":                         "3:1: a second document begins here: one file has one",
		"tasks: *x":                                     "1:8: there is no anchor of this alias before it: put a text that begins with * in quotes",
		"a: &x {b: *x}\ntasks: *x":                      "1:11: there is no anchor of this alias before it: put a text that begins with * in quotes",
		"tasks: !!set {}":                               "1:8: this tag is not supported here: put a text that begins with ! in quotes",
		"tasks: {a: {<<: x}}":                           "1:17: << takes in a mapping, not a text",
		"x-a: &a {nice: 1}\nx-b: &b {nice: 2}\ntasks:\n  a:\n    command: x\n    <<: *a\n    <<: *b": `7:5: duplicate key "<<": give one with a list, as <<: [*a, *b]`,
		"tasks: \"a\tb\"":     "1:8: there is a tab in this: write it as \\t in double quotes",
		"tasks: a\tb":         "1:8: there is a tab in this: write it as \\t in double quotes",
		"tasks: \xff":         "1:8: this is not UTF-8 text",
		`tasks: "\udc00 x"`:   "1:8: this is not UTF-8 text: an escape in it names no character",
		`tasks: "\U00110000"`: "1:8: this is not UTF-8 text: an escape in it names no character",
	} {
		got, _, _ := strings.Cut(problemsOf(t, text), "\n")
		if got != want {
			t.Errorf("%s\n got %s\nwant %s", text, got, want)
		}
	}
}

func TestFaultsShown(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"tasks: {ü: {command: x}, é: }":                   "1:9: bad name \"ü\": use a letter or digit, then letters, digits, '.', '_', '-' or '@'\n1:26: bad name \"é\": use a letter or digit, then letters, digits, '.', '_', '-' or '@'",
		"x-a: '\x1b[31m'\ntasks: {}\n\x1b: 1":             "3:1: unknown key \"\\x1b\"",
		"tasks: {}\n? b\n: c":                             "2:3: unknown key \"b\"",
		"tasks: {}\na: 1\nb: 2\na: 3":                     "2:1: unknown key \"a\"\n3:1: unknown key \"b\"\n4:1: duplicate key \"a\": it is in line 2 already",
		"tasks: {a: {cwd: \"x\n\n  ${NO}\", command: x}}": "1:18: NO is not set: set it, here or in .env, or give a default: ${NO:-…}",
	} {
		if got := problemsOf(t, text); got != want {
			t.Errorf("%s\n got %s\nwant %s", text, got, want)
		}
	}
	got := problemsOf(t, "tasks: {}\n"+manyKeys(12))
	if lines := strings.Split(got, "\n"); len(lines) != 11 || lines[10] != "and 2 more" {
		t.Errorf("%d lines:\n%s", len(lines), got)
	}
}

// What a variable stands for, and what was meant to be one, is in no message.
func TestFaultsShowNoValue(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	var texts []string
	for _, value := range []string{
		"pa$hunter2", "'${hunter2'", "'pa${!hunter2}'", "'pa${hunter2'", "*hunter2", "!hunter2 x", "!!hunter2 x", "&hunter2", "|hunter2", ">hunter2", "\"hunter2", "'hunter2", "\"\\hunter2\"", "@hunter2", "`hunter2",
		"%hunter2", "[hunter2]", "{hunter2}", "{hunter2: x}", "hunter2: x", "'hunter2' x", "\"hunter2\" x", "- hunter2", "? hunter2", "[hunter2", "{hunter2", "hunter2]", "\"hunter2\t\t\tx\"", "hunter2\n  x", "hunter2\nx",
		"\"hunter2\\0\"", "hunter2\xff", "|\n hunter2: x", "!!int hunter2", "!!binary hunter2", "<<hunter2", "'${A:-hunter2}${'", "'hunter2 ${A}'", "'hunter2 ${A:?x}'", "\"hunter2 $A\"",
	} {
		texts = append(texts, "env:\n  K: "+value+"\ntasks: {}", "env: {K: "+value+"}\ntasks: {}", "env: [\n  K="+value+"]\ntasks: {}", "tasks:\n  a:\n    command: [x, --password, "+value+"]", "tasks:\n  a:\n    command: "+value+"\n    nokey: 1", "tasks: {a: {command: x, ready_http: 'https://u:"+value+"@x'}}")
	}
	texts = append(texts,
		"env: {K=hunter2}\ntasks: {}", "tasks: {K=hunter2: x}", "groups: {K=hunter2: x}\ntasks: {}", "tasks: {K=hunter2: {command: x}}", "env:\n  K=hunter2:\ntasks: {}", "env:\n  K=hunter2\ntasks: {}", "K=hunter2: x\ntasks: {}", "tasks: {a: {command: x, K=hunter2: x}}", "env: {K=hunter2: x, K=hunter2: y}\ntasks: {}",
		"env: {A=hunter2: x, ok: y, A=hunter2: z}\ntasks: {}", "env: K=hunter2\ntasks: {}", "tasks: {a: {command: x, comand: hunter2}}", "tasks: {a: {command: x, timeout: '${K}'}}", "tasks: {a: {command: x, ready_port: '${K}'}}",
		"tasks: {a: {command: x, ready_http: '${K}'}}", "tasks: {a: {command: x, ready_http: 'http://u:${K}@'}}", "tasks: {a: {command: x, ready_http: 'http://u:hunter2@ x%'}}", "tasks: {a: {command: x, ready_log: '(${K}'}}", "tasks: {a: {command: x, stop_signal: '${K}'}}",
		"tasks: {a: {command: x, at: '${K}'}}", "tasks: {a: {command: x, cron: '${K} * * * *'}}", "tasks: {a: {command: x, log_max_size: '${K}'}}", "tasks: {a: {command: x, backoff: '${K}'}}", "tasks: {a: {command: x, group: '${K}/x'}}", "project: '${K}/x'\ntasks: {}",
		"tasks: {a: {command: x, restart: '${K}'}}", "tasks: {a: {command: x, cwd: '/${K}\x00'}}", "tasks: {a: {command: x, max_restarts: '${K}'}}", "tasks: {a: {command: x, delay: '${N}h'}}",
		"tasks: {a: {command: x, after: $K}}", "tasks: {a: {command: x, after_ended: ['x-${K}']}}", "tasks: {a: {command: x, after: [A=hunter2]}}", "tasks: {hunter3: {command: x, after: $K}}",
		"tasks: {a: {command: x, env_file: $K}}", "tasks: {a: {command: x, env_file: [/dev/null, $K]}}", "tasks: {a: {command: x, env_file: [A=hunter2]}}", "env_file: $K\ntasks: {a: {command: x}}",
		"tasks: {a: {command: x, env_file: ~$K}}", "tasks: {a: {command: x, cwd: ~$K}}", "tasks: {a: {command: x, cwd: ~A=hunter2}}", "tasks: {a: {command: x, cwd: $K}}", "tasks: {a: {command: x, cwd: A=hunter2}}",
	)
	for _, text := range texts {
		f, err := parse("f", "/nowhere/f", text, []string{"K=" + secret, "N=77777777777"})
		if err == nil {
			err = f.CheckDirs()
		}
		if err != nil && (strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "77777777777")) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// What is named by a variable is named as it is written.
func TestFaultsNameVariables(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"hunter2": "no variable", "sub/x": "X"})
	for text, want := range map[string]string{
		"cwd: $K":         "cwd: $K is not a directory",
		"cwd: sub/$K":     "cwd: there is no directory sub/$K",
		"cwd: ~$K":        "cwd: ~$K: only ~/ stands for a home directory: use the whole path, or ./~$K for a file of that name",
		"after: $K":       "there is no task $K for a to come after",
		"after: [A=x]":    "there is no task A=… for a to come after",
		"env_file: no/$K": "env_file: cannot read no/$K: no such file or directory",
		"env_file: $K":    "env_file: $K:1:4: not NAME=VALUE: a name has letters, digits, '_', '.', '-', '[' and ']'",
		"env_file: A=x":   "env_file: cannot read A=…: no such file or directory",
	} {
		f, err := parse("f", dir+"/f", "tasks:\n  a:\n    command: x\n    "+text, []string{"K=hunter2"})
		if err == nil {
			err = f.CheckDirs()
		}
		if err == nil || !strings.HasSuffix(err.Error(), ": "+want) {
			t.Errorf("%s: %v; want %s", text, err, want)
		}
	}
	f, err := parse("f", dir+"/f", "tasks: {a: {command: x, env_file: sub/$K}}", []string{"K=x"})
	if err != nil || len(f.Remarks) != 1 || !strings.HasPrefix(f.Remarks[0], "sub/$K:1:1: ") {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestEnvAndProcfileShowNoValue(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	for _, text := range []string{
		"K=\"hunter2", "K='hunter2\n", "K='hunter2' hunter2", "K=\"hunter2\"\"hunter2\"", "hunter2 x=1", "x hunter2", "=hunter2", "hunter2", "export hunter2", "K=pa$hunter2", "K=\"pa$hunter2\"", "K=${hunter2", "K=${hunter2!}",
		"K=hunter2\x00", "K='hunter2\xff'", "hunter2\xff=", "K=hunter2${A:?x}", "K=${A:-hunter2${", "K=${A:-${B:-hunter2}${C:?c}}", "K=hunter2\nK=${K:+${A:?x}}", "-----BEGIN\nhunter2/x==\n", "hunter2+/=", "K = 'hunter2\n'hunter2=",
	} {
		remarks, err := parseEnv("f", text, make(map[string]string), nobody)
		if err == nil && remarks == nil {
			t.Errorf("%q is fine", text)
		}
		if got := fmt.Sprint(remarks, err); strings.Contains(got, secret) {
			t.Errorf("%q: %s", text, got)
		}
	}
	for _, text := range []string{"web hunter2", "web: x hunter2\nweb: hunter2", "K=hunter2 psql postgres://h", "web: hunter2\xff", "web: hunter2\x00", "all: hunter2"} {
		if _, err := parse("Procfile", "/nowhere/Procfile", text, nil); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := parse("Procfile", "/nowhere/Procfile", "web: x", []string{"PORT=" + secret}); err == nil || strings.Contains(err.Error(), secret) {
		t.Error(err)
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("key" + string(rune('a'+i)) + ": 1\n")
	}
	return b.String()
}

// How many wait for how many is bounded, and what may be is read.
func TestMaxAfter(t *testing.T) {
	t.Parallel()
	level := func(name string, n int, after string) string {
		return fmt.Sprintf("  %s: {command: x, instances: %d, after: [%s]}\n", name, n, after)
	}
	const first = "tasks:\n  l0: {command: x, instances: 1000}\n"
	full := first + level("l1", 99, "l0") + level("l2", 1000, "l1-7")
	for text, want := range map[string]string{
		full:                           "",
		full + level("l3", 1, "l1-7"):  "5:42: more than 100000 dependencies",
		first + level("l1", 101, "l0"): "3:44: more than 100000 dependencies: let one task come after l0, and l1 after that one",
		first + level("l1", 1000, "sync") + "  sync: {command: x, after: l0}\n": "",
	} {
		if got := problemsOf(t, text); got != want {
			t.Errorf("%s is %q, not %q", text, got, want)
		}
	}
}
