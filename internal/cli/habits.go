package cli

import (
	"slices"
	"strings"

	"tasks/pkg/task"
)

// A habit is what other tools have that is called otherwise here: its words, each for
// itself, and the line that does the same, where NAME becomes the names that were given. One
// in brackets is left out where there are none.
type habit struct{ of, words, answer string }

// otherCommands are commands of docker, docker compose, systemctl, pm2, pueue,
// supervisorctl and foreman, by the command that they are beneath.
var otherCommands = []habit{
	{"tasks", "create new launch spawn submit enqueue", "use 'tasks start NAME -- COMMAND'"},
	{"tasks", "exec", "a command runs as a task of its own, as in 'tasks start ls --wait -- ls -l'"},
	{"tasks", "inspect cat", "use 'tasks show NAME'"},
	{"tasks", "env", "use 'tasks show --env NAME'"},
	{"tasks", "stats monit dash", "use 'tasks list -o wide'"},
	{"tasks", "is-active is-failed is-running pid", "use 'tasks list NAME'"},
	{"tasks", "list-units jlist prettylist avail", "use 'tasks list'"},
	{"tasks", "follow fg maintail journalctl", "use 'tasks logs -f NAME'"},
	{"tasks", "history watch", "use 'tasks events NAME'"},
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
	{"tasks", "parallel", "use 'tasks group set default --slots 2'"},
	{"tasks", "stash hold suspend", "use 'tasks pause NAME'"},
	{"tasks", "unpause continue cont", "use 'tasks resume NAME'"},
	{"tasks", "daemon server supervisord init", "use 'tasks serve'"},
	{"tasks", "save dump resurrect", "all tasks are kept on disk: 'tasks serve' brings them back"},
	{"tasks", "startup", "let init run 'tasks serve --foreground': see docs/systemd.md"},
	{"tasks", "upgrade", "use 'tasks serve --replace'"},
	{"tasks", "compose container service", "leave it out, as in 'tasks up' or 'tasks list'"},
	{"tasks group", "add create new", "use 'tasks group set NAME --slots 2'"},
}

// otherFlags are flags of the same tools, by the command that they are given to.
var otherFlags = []habit{
	{"tasks start", "name n label l", "the name comes first, as in 'tasks start web -- nginx'"},
	{"tasks start", "detach d background daemon", "a task always runs in the background: 'tasks start NAME -- COMMAND'"},
	{"tasks start", "depends-on depends requires", "use 'tasks start NAME --after OTHER -- COMMAND'"},
	{"tasks start", "working-directory directory w", "use 'tasks start NAME -C DIR -- COMMAND'"},
	{"tasks start", "file procfile f", "use 'tasks up -f FILE'"},
	{"tasks start", "instances formation m i", "set instances of the task in tasks.yaml, then use 'tasks up'"},
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
	{"tasks logs", "failed", "use 'tasks logs NAME --failing'"},
	{"tasks timers", "failed state", "use 'tasks timers [NAME] --failing'"},
	{"tasks events", "failed state errors", "use 'tasks events [NAME] --failing'"},
	{"tasks list", "format", "use 'tasks list --json'"},
	{"tasks list", "long l no-trunc full", "use 'tasks list -o wide'"},
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
	{"tasks each", "max-procs P parallel", "use 'tasks each \"NAME-{#}\" --jobs 4 -- COMMAND'"},
	{"tasks group set", "parallel p", "use 'tasks group set NAME --slots 2'"},
}

// line is the answer with names in it, if they are some, else with the group: of a line with a
// command the first word is the name.
func (h habit) line(words []string, group string) string {
	name, command := strings.Join(words, " "), "COMMAND"
	switch {
	case len(words) == 0 && group != "":
		name = "-g " + quote(group)
	case slices.Equal(words, []string{"all"}):
		name = "--all"
	case len(words) == 0 || slices.ContainsFunc(words, func(n string) bool { return task.CheckName(n) != nil }):
		return strings.NewReplacer("[NAME] ", "").Replace(h.answer)
	case strings.Contains(h.answer, "NAME -- COMMAND") && len(words) > 1:
		name, command = words[0], quoted(words[1:])
	}
	return strings.NewReplacer("[NAME]", name, "NAME", name, "COMMAND", command).Replace(h.answer)
}

// habitOf answers a word given to the command at path with the line of this program;
// "" where there is none.
func habitOf(habits []habit, path, word string, names []string, group string) string {
	for _, h := range habits {
		if h.of == path && slices.Contains(strings.Fields(h.words), word) {
			return h.line(names, group)
		}
	}
	return ""
}

// groupOn is the first group that a command line names with -g, or "".
func groupOn(line []string) string {
	for i, word := range line {
		switch value, long := strings.CutPrefix(word, "--group="); {
		case word == "--":
			return ""
		case long:
			return value
		case (word == "-g" || word == "--group") && i+1 < len(line):
			return line[i+1]
		}
	}
	return ""
}
