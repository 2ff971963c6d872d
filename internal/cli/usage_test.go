package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// Wrong usage is 2 whatever the command's exit code is otherwise, without a
// supervisor, and in one line.
func TestUsageErrors(t *testing.T) {
	t.Parallel()
	var lines []string
	root := newRoot(newEnv(), nil)
	everyCommand(root, func(cmd *cobra.Command) {
		path, _ := strings.CutPrefix(cmd.CommandPath(), "tasks")
		lines = append(lines, path+" --no-such-flag", path+" --output", path+" --output nothing", path+" --color= x")
	})
	lines = append(lines,
		"start", "start x --", "start a b --wait -- true", "start x --wait=soon -- true", "start --wait", "start x --wait --timeout soon -- true",
		"start x --wait --timeout -1s -- true", "start ../x --wait -- true", "start x --wait -C /no/such/dir -- true", "start x --wait -e novalue -- true",
		"start x --wait -g bad/group -- true", "start x --wait --restart sometimes -- true", "start x --wait --max-restarts -1 -- true", "start x --max-restarts 2 -- true", "start x --restart no --backoff 1s..2s -- true", "each x-{} --max-restarts 2 -- true",
		"start x --wait --env-file /no/such/file -- true", "start x --wait --success-codes 256 -- true", "start x --wait --backoff 1s -- true",
		"start x --wait --at never -- true", "start x --wait --every 1ms -- true", "start x --wait --after x -- true",
		"start x --wait --ready-timeout 1s -- true", "start x --wait -c true -- true", "start x --wait --all", "start x --wait --restart always",
		"start x --wait --log-max-size large -- true", "start x --wait --priority 1 -- true", "start x --wait --stop-signal NONE -- true",
		"each", "each x --wait -- true", "each x-{} --wait", "each x-{} --wait --jobs 0 -- true", "each x-{} y --wait -- true", "each x-{} --wait -c {}",
		"wait", "wait x --for sleeping", "wait x --timeout soon", "wait x --timeout -1s", "wait x --any=perhaps", "wait =",
		"start --all --replace", "start x --state none", "start x --state stopped -- true", "start x --state running", "start x --state stopped --replace", "start --state stopped", "start x --state stopped --next 1", "start x --state=", "start --group g --replace", "stop", "stop x -t -1s", "stop x --now -t 1s", "restart", "rm", "pause", "resume", "enable", "disable", "show", "signal", "signal NONE x", "kill -9", "signal TERM",
		"logs", "logs x -n -1", "logs x --grep (", "logs x -f --run 1", "events x -n -1", "events --since never",
		"list --state none", "clean --state running", "clean x", "info x", "exit --timeout -1s", "exit x",
		"group set", "group set a b --slots 1", "group set g", "group set g --slots -1", "group pause", "group rm", "group no",
		"serve x", "serve --keep-ended -1", "completion", "completion none", "version x", "schema x", "nothing", "help nothing",
		"up -f /no/such/tasks.yaml", "down -f /no/such/tasks.yaml",
	)
	for _, line := range lines {
		args := strings.Fields(line)
		for i := range args {
			if args[i] == "=" {
				args[i] = ""
			}
		}
		var errs bytes.Buffer
		e := newEnv()
		e.in, e.out, e.err, e.color = strings.NewReader(""), new(bytes.Buffer), &errs, "never"
		e.socket = "/nowhere/socket"
		if code := e.run(args); code != wrongUsage || strings.Count(errs.String(), "\n") != 1 {
			t.Errorf("tasks %s: exit code %d, %q", line, code, errs.String())
		}
	}
}
