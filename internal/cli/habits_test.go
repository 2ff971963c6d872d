package cli

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

var update = flag.Bool("update", false, "write the answers to testdata/habits again")

// shownLine finds the lines that an answer shows: within quotes, or as its end, or flags alone.
var shownLine = regexp.MustCompile(`'(?:watch )?tasks ([^']*)'|: tasks (.*)$|use (--[^,\n]*)`)

// Command lines from the habits of other tools are answered by what is wrong and a line
// that is right: testdata/habits. Of the tasks, web runs and job has failed.
func TestHabits(t *testing.T) {
	const path = "testdata/habits"
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var have strings.Builder
	lines := 0
	for text := range strings.Lines(string(file)) {
		command, ok := strings.CutPrefix(text, "$ tasks ")
		if !ok {
			if !strings.HasPrefix(text, "tasks: ") { // which is an answer
				have.WriteString(text)
			}
			continue
		}
		lines++
		args, _ := split(strings.TrimSuffix(command, "\n"))
		r := scripted{
			"info": `{"version":"1","socket":"/nowhere"}`, "list": two, "start": conflict,
			"get": `error:{"code":-32001,"message":"No such task: nope","data":{"kind":"not_found","name":"nope"}}`,
		}.run(t, args...)
		have.WriteString(text + r.errs)
		if r.code != wrongUsage && r.code != wrongState || r.out != "" || !strings.HasPrefix(r.errs, "tasks: ") || strings.Count(r.errs, "\n") > 2 {
			t.Errorf("tasks %s: exit code %d, %q, %q", command, r.code, r.out, r.errs)
		}
		shown := 0
		for answer := range strings.Lines(r.errs) {
			for _, m := range shownLine.FindAllStringSubmatch(strings.TrimSpace(answer), -1) {
				shown++
				right, _ := split(m[1] + m[2])
				if m[3] != "" { // flags in place of those given
					more, _ := split(m[3])
					right = append([]string{args[0], "NAME-{}"}, more...)
					if args[0] == "start" || args[0] == "each" {
						right = append(right, "--", "COMMAND")
					}
				}
				checkShown(t, args, right)
			}
		}
		if shown == 0 {
			t.Errorf("tasks %s: %q shows no line", command, r.errs)
		}
	}
	if lines < 60 {
		t.Errorf("only %d lines", lines)
	}
	if *update {
		if err := os.WriteFile(path, []byte(have.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if have.String() != string(file) {
		for line := range strings.Lines(have.String()) {
			if !strings.Contains(string(file), line) {
				t.Errorf("not in %s: %s", path, line)
			}
		}
		t.Errorf("%s is not what is answered: check it, and use -update", path)
	}
}

// checkShown checks a line that an answer to args shows: it is right, and stops or removes
// nothing where args did not want to.
func checkShown(t *testing.T, args, shown []string) {
	t.Helper()
	var errs bytes.Buffer
	var did verb
	e := newEnv()
	e.in, e.out, e.err, e.color = strings.NewReader(""), new(bytes.Buffer), &errs, "never"
	e.do = func(v verb) error { did = v; return nil }
	e.client.Socket, e.client.Dial = "/nowhere", func(context.Context) (net.Conn, error) { return nil, errors.ErrUnsupported }
	if code := e.run(shown); code != done && !strings.Contains(errs.String(), errors.ErrUnsupported.Error()) {
		t.Errorf("tasks %q: it shows %q, which is wrong as well: %s", args, shown, errs.String())
	}
	switch did.(type) {
	case *stopOptions, *removeOptions, *cleanOptions, *exitOptions, *downOptions:
		wanted := map[string]string{"del": "rm", "stopall": "stop"}
		if args[0] != shown[0] && wanted[args[0]] != shown[0] {
			t.Errorf("tasks %q: it shows %q", args, shown)
		}
	}
}

// No word of other tools is one of this program too.
func TestHabitsAreOfOthers(t *testing.T) {
	t.Parallel()
	root := newRoot(newEnv(), nil)
	everyCommand(root, func(cmd *cobra.Command) {
		for _, h := range otherCommands {
			for word := range strings.FieldsSeq(h.words) {
				if c := cmd.CommandPath(); c == h.of+" "+word || slices.Contains(cmd.Aliases, word) && cmd.Parent().CommandPath() == h.of {
					t.Errorf("%s: %s is a command", h.of, word)
				}
			}
		}
		for _, h := range otherFlags {
			for word := range strings.FieldsSeq(h.words) {
				f := cmd.Flags().Lookup(word)
				if len(word) == 1 {
					f = cmd.Flags().ShorthandLookup(word)
				}
				if f != nil && cmd.CommandPath() == h.of {
					t.Errorf("%s: --%s is a flag", h.of, word)
				}
			}
		}
	})
	for _, h := range otherFlags {
		if cmd, _, err := root.Find(strings.Fields(h.of)[1:]); err != nil || cmd.CommandPath() != h.of {
			t.Errorf("there is no %s", h.of)
		}
	}
}

// A slip of the hand is never taken for what stops or removes.
func TestNothingHarmfulIsSuggested(t *testing.T) {
	t.Parallel()
	root := newRoot(newEnv(), nil)
	for _, c := range root.Commands() {
		for _, name := range append(c.Aliases, c.Name()) {
			for i := range len(name) {
				for _, slip := range []string{name[:i] + name[i+1:], name[:i] + "x" + name[i:], name[:i] + "x" + name[i+1:]} {
					like := likeCommand(root, slip)
					if cmd, _, err := root.Find([]string{like}); like != "" && (err != nil || slices.Contains(unasked, cmd.Name())) {
						t.Errorf("%s may be meant by %s", like, slip)
					}
				}
			}
		}
	}
	for _, word := range []string{"edit", "top", "cleanup", "exot", "dwon", "kil", "qui", "shutdow"} {
		if like := likeCommand(root, word); slices.Contains([]string{"exit", "stop", "clean", "down", "kill", "quit", "shutdown"}, like) {
			t.Errorf("%s may be meant by %s", like, word)
		}
	}
}
