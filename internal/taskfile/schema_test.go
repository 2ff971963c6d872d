package taskfile

import (
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tasks/pkg/task"
)

var update = flag.Bool("update", false, "write docs/tasks.schema.json and the tables in docs/tasks-file.md")

const schemaFile = "../../docs/tasks.schema.json"

func TestSchemaFile(t *testing.T) {
	t.Parallel()
	if *update {
		if err := os.WriteFile(schemaFile, Schema(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if b, err := os.ReadFile(schemaFile); err != nil || string(b) != string(Schema()) {
		t.Errorf("%s is not what Schema says (%v): run go test ./internal/taskfile -update", schemaFile, err)
	}
}

// Every key of a spec and of a group's settings can be in a file, and every key
// that a file can have goes somewhere.
func TestTablesComplete(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		of     reflect.Type
		fields []field
		not    []string // set otherwise
	}{
		{reflect.TypeFor[task.Spec](), taskFields(), []string{"name", "file", "env_names", "job", "batch", "fail_fast", "caller"}},
		{reflect.TypeFor[task.Group](), groupFields, []string{"name", "paused", "temporary", "unfinished", "running", "queued", "waiting"}},
	} {
		want := jsonKeys(tt.of)
		for _, key := range tt.not {
			if !slices.Contains(want, key) {
				t.Errorf("%s has no key %s any more", tt.of, key)
			}
			want = slices.DeleteFunc(want, func(k string) bool { return k == key })
		}
		var got []string
		for _, f := range tt.fields {
			if !f.own {
				got = append(got, f.key)
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: the table has %v, its JSON %v", tt.of, got, want)
		}
	}
	for _, fields := range [][]field{fileFields, groupFields, taskFields()} {
		for _, f := range fields {
			if !strings.HasSuffix(f.about, ".") || strings.Contains(f.about, "|") {
				t.Errorf("%s: %q is not a sentence", f.key, f.about)
			}
		}
	}
}

func jsonKeys(t reflect.Type) []string {
	var keys []string
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			keys = append(keys, jsonKeys(f.Type)...)
			continue
		}
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "-" {
			keys = append(keys, name)
		}
	}
	return keys
}

// schema is Schema as it is decoded.
func schema(t testing.TB) any {
	t.Helper()
	var s any
	if err := json.Unmarshal(Schema(), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// plain is n as a JSON decoder would have it.
func plain(n *node) any {
	switch n.kind {
	case isText:
		return n.text
	case isInt, isNumber:
		if i, err := whole(n.text); err == nil {
			return float64(i)
		}
		f, _ := strconv.ParseFloat(n.text, 64)
		return f
	case isBool:
		return strings.EqualFold(n.text, "true")
	case isList:
		l := []any{}
		for _, item := range n.items {
			l = append(l, plain(item))
		}
		return l
	case isMap:
		m := make(map[string]any)
		for _, p := range n.pairs {
			m[p.key.text] = plain(p.val)
		}
		return m
	}
	return nil
}

// judged holds a document against the schema.
func judged(t testing.TB, schema any, text string) error {
	t.Helper()
	n := newSource("f", text).document()
	if n == nil {
		t.Fatalf("%q is not YAML", text)
	}
	return validate(schema, schema, plain(n))
}

// Reader and schema judge alike.
func TestSchemaJudgesAsLoad(t *testing.T) {
	t.Parallel()
	s := schema(t)
	check := func(text string) {
		t.Helper()
		problem, err := problemsOf(t, text), judged(t, s, text)
		if (problem == "") != (err == nil) {
			t.Errorf("%s\nLoad:   %s\nschema: %v", text, problem, err)
		}
	}
	for _, text := range []string{
		"tasks: {}", "{}", "tasks:", "tasks: []", "a", "- a", "", "tasks: {}\nx-a: [{}]", "tasks: {}\nX-a: 1", "tasks: {}\ntask: {}",
		"project: a\ntasks: {}", "project: 5\ntasks: {}", "project:\ntasks: {}", "env: {A: 1, B: x, C: 1.5, D: true}\ntasks: {}", "env: {A: }\ntasks: {}",
		"env: [A]\ntasks: {}", "env: {A=: 1}\ntasks: {}", "env: {'': 1}\ntasks: {}", "env_file: 5\ntasks: {}", "env_file: []\ntasks: {}",
		"groups: {}\ntasks: {}", "groups: {g: }\ntasks: {}", "groups: {g: {}}\ntasks: {}", "groups:\ntasks: {}", "groups: {g: x}\ntasks: {}", "groups: {all: {}}\ntasks: {}",
		"groups: {g: {slots: 0}}\ntasks: {}", "groups: {g: {slots: none}}\ntasks: {}", "groups: {g: {slots: '2'}}\ntasks: {}", "groups: {g: {slots: -1}}\ntasks: {}",
		"groups: {g: {slots: }}\ntasks: {}", "groups: {g: {on_exit: x, on_failure: true}}\ntasks: {}", "groups: {g: {on_exit: []}}\ntasks: {}", "groups: {g: {name: x}}\ntasks: {}",
		"tasks: {a: {command: x}}", "tasks: {a: {command: [x, 1, true, 1.5]}}", "tasks: {a: {command: []}}", "tasks: {a: {command: [[]]}}", "tasks: {a: {command: {}}}",
		"tasks: {a: {}}", "tasks: {a: }", "tasks: {a: x}", "tasks: {all: {command: x}}", "tasks: {a b: {command: x}}", "tasks: {'': {command: x}}", "tasks: {1: {command: x}}",
		"tasks: {" + strings.Repeat("a", 128) + ": {command: x}}", "tasks: {" + strings.Repeat("a", 129) + ": {command: x}}",
	} {
		check(text)
	}
	values := []string{
		"", "~", "[]", "{}", "[{}]", "[~]", "[[]]", "true", "false", "'true'", "0", "-1", "1", "1.5", "3.0", "255", "256", "1000", "1001", "70000", "99999999999", "0x10", "'1'", "yes", "no",
		"always", "on-failure", "x", "10s", "1h30m", "1.5s", ".5s", "0s", "-1s", "10", "10 s", "1d", "5µs", "1s..1m", "1s..", "64MiB", "10 mb", "1.5G", "none", "64XB", "skip", "queue", "TERM",
		"http://localhost/x", "'http://'", "https://x", "localhost:80", "':80'", "a:b", "15:04", "15:04:05", "2006-01-02T15:04:05Z", "2006-01-02T15:04:05.5+01:00", "2006-01-02", "'@daily'", "'@every 1h'",
		"0 3 * * *", "'*/5 * * * *'", "0 3 * *", "CRON_TZ=UTC 0 3 * * *", "/x", "[0, 3]", "['x']", "[x, 1]", "{A: 1}", "{A: [1]}", "\"a\\nb\"",
	}
	stricter := map[string][]string{ // what Load refuses for more than the value
		"after": nil, "after_ended": nil, "env_file": nil, "overlap": nil, "stop_signal": nil, "group": nil, "ready_log": nil,
		"cwd": {`""`}, "cron": {"'@every 1h'"}, "every": {"0", "0s", "5µs", ".5s"}, "timeout": {"0", "0s"}, "ready_timeout": {"0", "0s"}, "ready_interval": {"0", "0s", "5µs"}, "health_interval": {"0", "0s", "5µs"}, "health_timeout": {"0", "0s"},
	}
	for _, f := range taskFields()[1:] { // but command
		for _, v := range values {
			text := "tasks: {a: {command: x, " + f.key + ": " + v + "}}"
			if only, ok := stricter[f.key]; ok && (only == nil || slices.Contains(only, v)) && problemsOf(t, text) != "" {
				continue // TestFaults has it
			}
			check(text)
		}
		for _, v := range []string{"'${A:-1}'", "'${A:-x}'", "'${A:-5s}'", "['${A:-2}']", "{A: '${A:-}'}", "'${A:-true}'", "'${A:-1s..2s}'", "'${A:-none}'", "'${A:-@daily}'", "'${A:-15:04}'", "'${A:-skip}'"} {
			text := "tasks: {a: {command: x, " + f.key + ": " + v + "}}"
			if err := judged(t, s, text); err != nil && problemsOf(t, text) == "" {
				t.Errorf("%s: Load takes it, the schema does not: %v", text, err)
			}
		}
	}
}
