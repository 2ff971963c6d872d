package cli

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"tasks/internal/escape"
)

// TestOutputThatIsLost holds that no command succeeds without its output.
func TestOutputThatIsLost(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	socket := hostileSupervisor(t)
	commands := []string{
		"list", "list -q", "list -o name", "list --json", "show web", "show web --json", "info", "info --json", "stop -o name web", "rm -o name web",
		"signal -o name TERM web", "group list", "group list -o name", "version", "schema", "completion bash", "help", "help start", "--version", "__complete stop ",
	}
	for _, c := range newRoot(newEnv(), nil).Commands() {
		commands = append(commands, c.Name()+" --help")
	}
	for _, c := range commands {
		var errs bytes.Buffer
		e := newEnv()
		e.in, e.out, e.err, e.raw, e.tty, e.errTTY = strings.NewReader(""), escape.NewWriter(full), escape.NewWriter(&errs), full, false, false
		code := e.run(append([]string{"-s", socket}, strings.Split(c, " ")...))
		e.client.Close()
		if want := "tasks: cannot write /dev/full: no space left on device\n"; code == done || strings.Count(errs.String(), want) != 1 {
			t.Errorf("%s: exit code %d, %q", c, code, errs.String())
		}
	}
}
