package taskfile

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"tasks/internal/option"
	"tasks/pkg/task"
)

// What is written of a spec is read as that: each option of the table, and texts that YAML
// would take for something else.
func TestSpecText(t *testing.T) {
	t.Parallel()
	all := task.Spec{Name: "a", Command: []string{"run", "-x", "5", "yes", "$HOME", "a b", "é\u2028", "#no"}, Cwd: "/srv/a b", Group: "on"}
	for i := range option.All {
		o := &option.All[i]
		if o.In == nil || o.Kind == option.Variables || o.Text(&all) != "" {
			continue
		}
		value := map[option.Kind]string{
			option.Text: "x", option.Line: "echo $1 # x", option.Names: "b,c", option.Yes: "true", option.Signal: "HUP", option.Number: "-3", option.Count: "2", option.FromOne: "4",
			option.Nice: "5", option.Umask: "27", option.Limits: "core=0", option.Codes: "0,3", option.Duration: "90s", option.Backoff: "2s..3s", option.Size: "1MiB",
			option.URL: "http://localhost:80/x?a=b", option.Port: "80", option.Expression: "up: .*",
		}[o.Kind]
		if o.Kind == option.Choice {
			value = o.Words[1]
		}
		if value != "" {
			if err := o.Set(&all, value); err != nil {
				t.Fatalf("%s: %v", o.Key, err)
			}
		}
	}
	all.Delay, all.ReadyHTTP = nil, "http://localhost/" // with every
	for _, s := range []task.Spec{
		all,
		{Name: "a", Command: []string{"sh", "-c", "echo $HOME"}, Order: task.Order{After: []string{"b-1"}}},
		{Name: "a", Command: []string{"sh", "-c", "set -e\n  one\n\ntwo"}, When: task.When{At: "15:04", Delay: nil}},
		{Name: "a", Command: []string{"sh", "-c", "one\ntwo\n"}, When: task.When{Cron: "0 3 * * *"}},
		{Name: "a", Command: []string{"sh", "-c", " one\n\ttwo"}},
		{Name: "a", Command: []string{"sh", "-c", ""}, Timeout: new(task.Duration(90 * time.Second))},
	} {
		text := SpecText(&s)
		got, env, err := ReadSpec("/x.yaml", "a", text)
		if err != nil || env != nil || !reflect.DeepEqual(got, s) {
			t.Errorf("%v\n%s\nis\n%+v, not\n%+v", err, text, got, s)
		}
	}
	shown := task.Spec{Name: "a", Command: []string{"x"}}.Shown()
	if text := SpecText(&shown); text != "command: [x]\n" {
		t.Errorf("defaults are written: %q", text)
	}
}

// TestSpecTextOfScripts reads commands of several lines as they were, blank and indented ones
// at each place.
func TestSpecTextOfScripts(t *testing.T) {
	t.Parallel()
	parts := []string{"\n", "  ", " ", "a", "#b", "\t", "- c: |"}
	var check func(text string, more int)
	check = func(text string, more int) {
		s := task.Spec{Name: "a", Command: []string{"sh", "-c", text}, Priority: 5}
		if got, _, err := ReadSpec("/x.yaml", "a", SpecText(&s)); err != nil || !reflect.DeepEqual(got, s) {
			t.Errorf("%q: %v\n%s\nis %q", text, err, SpecText(&s), got.Command)
		}
		for _, part := range parts {
			if more > 0 {
				check(text+part, more-1)
			}
		}
	}
	check("", 4)
	if text, want := SpecText(&task.Spec{Name: "a", Command: []string{"sh", "-c", "\n  cat <<EOF\n    a\nEOF\n"}}), "command: |2\n  \n    cat <<EOF\n      a\n  EOF\n"; text != want {
		t.Errorf("%q, not %q", text, want)
	}
}

func TestReadSpec(t *testing.T) {
	t.Parallel()
	spec, env, err := ReadSpec("/x.yaml", "a", "# a comment\ncommand: echo $NOBODY\nenv: {A: 1, B: \"\", C: }\ncwd: /srv/$x\n")
	if err != nil || spec.Cwd != "/srv/$x" || spec.Command[2] != "echo $NOBODY" || !reflect.DeepEqual(env, map[string]any{"A": "1", "B": "", "C": nil}) {
		t.Errorf("%v, %+v, %v", err, spec, env)
	}
	for text, want := range map[string]string{
		"":                                       "/x.yaml:1:1: a task is a mapping with the key command, not nothing",
		"cwd: /":                                 "/x.yaml:1:1: the task has no command",
		"command: x\nprority: 5":                 `/x.yaml:2:1: unknown key "prority": did you mean priority?`,
		"command: x\ninstances: 5":               `/x.yaml:2:1: unknown key "instances"`,
		"command: x\nenv_file: a":                `/x.yaml:2:1: unknown key "env_file"`,
		"command: x\npriority: high":             `/x.yaml:2:11: priority: give a whole number, not "high"`,
		"command: [x":                            "/x.yaml:1:10: ",
		"command: x\noverlap: queue":             "/x.yaml:1:1: overlap goes with every or cron",
		"command: x\nrestart: always\nevery: 5s": "/x.yaml:1:1: a schedule repeats by itself",
	} {
		_, _, err := ReadSpec("/x.yaml", "a", text)
		if !errors.Is(err, task.ErrUsage) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
