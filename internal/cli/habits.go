package cli

import (
	"cmp"
	"slices"
	"strings"

	"tasks/pkg/task"
)

// A habit is what other tools have that is called otherwise here: its words, each for
// itself, and the line that does the same. There NAME becomes the names that were given, or
// the group, [NAME] is left out where there are none, and GROUP and N become the group and the
// number that were given.
type habit struct{ of, words, answer string }

// otherCommands are commands of docker, docker compose, systemctl, pm2, pueue,
// supervisorctl and foreman, by the command that they are beneath.
var otherCommands = []habit{
	{"tasks", "create new launch spawn submit enqueue", "use 'tasks start NAME -- COMMAND'"},
	{"tasks", "exec", "a command runs as a task of its own, as in 'tasks start ls --wait -- ls -l'"},
	{"tasks", "inspect cat desc", "use 'tasks show NAME'"},
	{"tasks", "env", "use 'tasks show --env NAME'"},
	{"tasks", "stats monit dash top", "use 'tasks list -o wide'"},
	{"tasks", "is-active is-failed is-running pid", "use 'tasks list NAME'"},
	{"tasks", "list-units jlist prettylist avail jobs", "use 'tasks list'"},
	{"tasks", "queue", "use 'tasks list [NAME] --state queued -o wide --sort place'"},
	{"tasks", "del unlink", "use 'tasks rm NAME'"},
	{"tasks", "startall", "use 'tasks start --all'"},
	{"tasks", "stopall", "use 'tasks stop --all'"},
	{"tasks", "restartall", "use 'tasks restart --all'"},
	{"tasks", "move switch first front", "the highest priority comes first: 'tasks edit NAME --priority 1'"},
	{"tasks", "send input", "a task reads no terminal: 'tasks start job -c \"./job < answers\"' gives it a file"},
	{"tasks", "reset reset-failed", "see 'tasks clean --help', which forgets what has ended"},
	{"tasks", "next", "use 'tasks start NAME --next 3'"},
	{"tasks", "follow fg maintail journalctl", "use 'tasks logs -f NAME'"},
	{"tasks", "history watch journal", "use 'tasks events NAME'"},
	{"tasks", "reload", "use 'tasks restart NAME', or 'tasks signal HUP NAME' if it reloads its configuration on HUP"},
	{"tasks", "try-restart reload-or-restart", "use 'tasks restart NAME'"},
	{"tasks", "hup", "use 'tasks signal HUP NAME'"},
	{"tasks", "sendSignal", "as in 'tasks signal HUP web'"},
	{"tasks", "update set", "use 'tasks edit NAME --restart always' and the like, or for a tasks file 'tasks up'"},
	{"tasks", "apply deploy sync", "change tasks.yaml, then use 'tasks up'"},
	{"tasks", "mask", "use 'tasks disable NAME'"},
	{"tasks", "unmask", "use 'tasks enable NAME'"},
	{"tasks", "list-timers schedule schedules cron", "use 'tasks timers'"},
	{"tasks", "rerun resubmit", "use 'tasks retry NAME', or 'tasks restart NAME' if it did not fail"},
	{"tasks", "daemon-reload reread startOrReload startOrRestart", "use 'tasks up', which reads tasks.yaml"},
	{"tasks", "diff plan config check validate", "use 'tasks up --check'"},
	{"tasks", "scale", "set instances of the task in tasks.yaml, then use 'tasks up'"},
	{"tasks", "parallel", "use 'tasks group set GROUP --slots N'"},
	{"tasks", "stash hold suspend", "use 'tasks pause NAME' for what runs, 'tasks group pause GROUP' for what is queued"},
	{"tasks", "unpause continue cont", "use 'tasks resume NAME'"},
	{"tasks", "daemon server supervisord init", "use 'tasks serve'"},
	{"tasks", "save dump resurrect", "all tasks are kept on disk: 'tasks serve' brings them back"},
	{"tasks", "startup", "let init run 'tasks serve --foreground': see docs/systemd.md"},
	{"tasks", "upgrade", "use 'tasks serve --replace'"},
	{"tasks", "compose container service", "leave it out, as in 'tasks up' or 'tasks list'"},
	{"tasks group", "add create new parallel", "use 'tasks group set NAME --slots N'"},
}

// otherFlags are flags of the same tools, by the command that they are given to.
var otherFlags = []habit{
	{"tasks start", "name n label l", "the name comes first, as in 'tasks start web -- nginx'"},
	{"tasks start", "detach d background daemon", "a task always runs in the background: 'tasks start NAME -- COMMAND'"},
	{"tasks start", "depends-on depends requires", "use 'tasks start NAME --after OTHER -- COMMAND'"},
	{"tasks start", "working-directory directory w", "use 'tasks start NAME -C DIR -- COMMAND'"},
	{"tasks start", "file procfile f", "use 'tasks up -f FILE'"},
	{"tasks start", "instances formation m i", "set instances of the task in tasks.yaml, then use 'tasks up'"},
	{"tasks start", "interval", "use 'tasks start NAME --every 15m -- COMMAND'"},
	{"tasks start", "cron-restart schedule", "use 'tasks start NAME --cron \"0 3 * * *\" -- COMMAND'"},
	{"tasks start", "restart-delay restart-sec", "use 'tasks start NAME --restart always --backoff 1s..1m -- COMMAND'"},
	{"tasks start", "wait-ready", "use 'tasks start NAME --wait=ready -- COMMAND'"},
	{"tasks start", "autorestart", "use 'tasks start NAME --restart always -- COMMAND'"},
	{"tasks start", "no-autorestart", "that is the default: 'tasks start NAME -- COMMAND'"},
	{"tasks start", "exitcodes", "use 'tasks start NAME --success-codes 0,3 -- COMMAND'"},
	{"tasks start", "shell", "use 'tasks start NAME -c \"COMMAND | COMMAND\"'"},
	{"tasks up", "wait", "up waits until all are ready: 'tasks up'"},
	{"tasks up", "build no-build pull", "up builds nothing: 'tasks up'"},
	{"tasks up", "remove-orphans", "up takes care of tasks that the file no longer has: 'tasks up'"},
	{"tasks up", "force-recreate", "use 'tasks restart NAME'"},
	{"tasks up", "scale", "set instances of the task in tasks.yaml, then use 'tasks up'"},
	{"tasks up", "dry-run diff", "use 'tasks up --check'"},
	{"tasks logs", "unit u", "use 'tasks logs NAME'"},
	{"tasks logs", "no-pager pager-end e", "there is no pager: 'tasks logs NAME'"},
	{"tasks logs", "no-log-prefix raw nostream", "the log of a single task is printed as it was written: 'tasks logs NAME'"},
	{"tasks logs", "err out", "stdout and stderr are one log: 'tasks logs NAME'"},
	{"tasks list", "filter status", "use 'tasks list --state running,failed'"},
	{"tasks list", "failed", "use 'tasks list [NAME] --failing'"},
	{"tasks show", "failed", "use 'tasks show NAME --failing'"},
	{"tasks logs", "since until timestamps t", "the lines of a log have no times: 'tasks events NAME --since 1h' has those of its runs"},
	{"tasks logs", "previous p", "'tasks show NAME' lists its runs, and 'tasks logs --run N NAME' shows one"},
	{"tasks logs", "failed", "use 'tasks logs NAME --failing'"},
	{"tasks timers", "failed state", "use 'tasks timers [NAME] --failing'"},
	{"tasks events", "failed state errors", "use 'tasks events [NAME] --failing'"},
	{"tasks list", "format", "use 'tasks list --json'"},
	{"tasks list", "long l no-trunc full wide", "use 'tasks list -o wide'"},
	{"tasks timers", "next", "use 'tasks start NAME --next 3'"},
	{"tasks timers", "sort", "the next due comes first: for another order 'tasks list [NAME] --sort duration'"},
	{"tasks enable", "now", "use 'tasks enable NAME', then 'tasks restart NAME' for a run now"},
	{"tasks disable", "now", "a run under way finishes: 'tasks disable NAME', then 'tasks signal TERM NAME' ends it"},
	{"tasks clean", "dry-run n", "there is no dry run: 'tasks list [NAME] --state done,failed,stopped,lost' has what it may forget"},
	{"tasks edit", "first front top", "the highest priority comes first: 'tasks edit NAME --priority 1'"},
	{"tasks edit", "fail-fast", "--fail-fast is of each alone: 'tasks edit --help' has what can be changed"},
	{"tasks edit", "slots jobs j", "use 'tasks group set GROUP --slots N'"},
	{"tasks list", "watch w", "use 'watch tasks list'"},
	{"tasks list", "tree", "use 'tasks show --tree NAME'"},
	{"tasks show", "property p format f", "use 'tasks show --json NAME'"},
	{"tasks wait", "status condition", "use 'tasks wait --for running NAME'"},
	{"tasks retry", "state stopped", "retry takes what failed or is lost: 'tasks start NAME --state stopped'"},
	{"tasks restart", "all-failed failed", "use 'tasks retry --all'"},
	{"tasks restart", "in-place i", "a restart keeps the task: 'tasks restart NAME'"},
	{"tasks rm", "f s stop", "use 'tasks rm --force NAME'"},
	{"tasks rm", "v volumes", "rm deletes the logs as well: 'tasks rm NAME'"},
	{"tasks stop", "force f", "use 'tasks stop --now NAME'"},
	{"tasks stop", "time", "use 'tasks stop --timeout 30s NAME'"},
	{"tasks down", "v volumes remove-orphans", "down keeps the logs: 'tasks down'"},
	{"tasks signal", "l list", "see 'kill -l' for the signals, and use 'tasks signal HUP NAME'"},
	{"tasks serve", "daemon d detach background", "serve always returns once its supervisor answers: 'tasks serve'"},
	{"tasks serve", "nodaemon n", "use 'tasks serve --foreground'"},
	{"tasks serve", "config c file f", "use 'tasks serve', then 'tasks up -f FILE'"},
	{"tasks each", "max-procs P parallel slots", "use 'tasks each \"NAME-{#}\" --jobs N -- COMMAND'"},
	{"tasks group set", "parallel p jobs j", "use 'tasks group set NAME --slots N'"},
}

// answered is the answer with what was given in it: of a line with a command the first of the
// words is the name.
func (h habit) answered(words, line []string) string {
	group, number := givenOn(line)
	words = slices.DeleteFunc(slices.Clone(words), isNumber)
	name, command := strings.Join(words, " "), "COMMAND"
	switch {
	case len(words) == 0 && group != "":
		name = "-g " + quote(group)
	case slices.Equal(words, []string{"all"}):
		name = "--all"
	case len(words) == 0 || slices.ContainsFunc(words, func(n string) bool { return task.CheckName(n) != nil }):
		name = ""
	case strings.Contains(h.answer, "NAME -- COMMAND") && len(words) > 1:
		name, command = words[0], quoted(words[1:])
	}
	optional, inGroup := name+" ", "GROUP"
	if name == "" {
		name, optional = "NAME", ""
	}
	if group != "" {
		inGroup = quote(group)
	}
	answer := strings.NewReplacer("[NAME] ", optional, "NAME", name, "COMMAND", command, "GROUP", inGroup).Replace(h.answer)
	return strings.NewReplacer("--slots N", "--slots "+cmp.Or(number, "2"), "--jobs N", "--jobs "+cmp.Or(number, "4")).Replace(answer)
}

// habitOf answers a word given to the command at path, with words beside it on a line, by the
// line of this program; "" where there is none.
func habitOf(habits []habit, path, word string, words, line []string) string {
	for _, h := range habits {
		if h.of == path && slices.Contains(strings.Fields(h.words), word) {
			return h.answered(words, line)
		}
	}
	return ""
}

// givenOn is the first group that a command line names with -g, and the first number on it.
func givenOn(line []string) (group, number string) {
	for i, word := range line {
		value, long := strings.CutPrefix(word, "--group=")
		last := i > 0 && (line[i-1] == "-g" || line[i-1] == "--group")
		switch {
		case word == "--":
			return group, number
		case group == "" && last:
			group = word
		case group == "" && long:
			group = value
		case number == "" && isNumber(word):
			number = word
		}
	}
	return group, number
}

func isNumber(word string) bool { return word != "" && strings.Trim(word, "0123456789") == "" }
