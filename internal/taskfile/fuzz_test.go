package taskfile

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"tasks/pkg/task"
)

// hostile are files that ask for more time or memory than they have bytes.
func hostile() map[string]string {
	tasks := func(n int, body string) string {
		var b strings.Builder
		b.WriteString("tasks:\n")
		for i := range n {
			fmt.Fprintf(&b, " t%d: {%s}\n", i, body)
		}
		return b.String()
	}
	var pairs, merges, laughs strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&pairs, " k%d: v\n", i)
	}
	merges.WriteString("x-0: &m0\n" + pairs.String())
	laughs.WriteString("x-0: &l0 [lol]\n")
	for i := range 30 {
		fmt.Fprintf(&merges, "x-%d: &m%d {<<: [%s*m%d]}\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*m%d, ", i), 30), i)
		fmt.Fprintf(&laughs, "x-%d: &l%d [%s]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*l%d, ", i), 20))
	}
	return map[string]string{
		"brackets":       strings.Repeat("[", 60_000),
		"closed":         "tasks: " + strings.Repeat("[", 40_000) + strings.Repeat("]", 40_000),
		"braces":         strings.Repeat("{a: ", 40_000),
		"dashes":         strings.Repeat("- ", 20_000) + "a",
		"questions":      strings.Repeat("? ", 20_000) + "a",
		"anchors":        strings.Repeat("&a ", 16_000) + "a",
		"tags":           strings.Repeat("!a ", 40_000) + "a",
		"flat":           strings.Repeat("a: b\n", 40_000),
		"keys":           pairs.String(),
		"laughs":         laughs.String() + "tasks: {a: {command: *l30}}",
		"merges":         merges.String() + "tasks: {a: *m30}",
		"env aliases":    "x-env: &env\n" + pairs.String() + tasks(1500, "command: x, env: *env"),
		"command alias":  "x-c: &c [" + strings.Repeat("x,", 10_000) + "x]\n" + tasks(2000, "command: *c"),
		"top env":        "env:\n" + pairs.String() + tasks(1500, "command: x, env: {A: 1}"),
		"after alias":    "x-a: &a [" + strings.Repeat("t0,", 8_000) + "t0]\n" + tasks(1500, "command: x, after: *a"),
		"instances":      tasks(40, "command: x, instances: 1000"),
		"long chain":     chain(1000),
		"expansions":     "tasks: {a: {command: x, cwd: '" + strings.Repeat("${A:-x}", 10_000) + "'}}",
		"open expansion": "tasks: {a: {command: x, cwd: '" + strings.Repeat("${", 100_000) + "'}}",
		"nested":         "tasks: {a: {command: x, cwd: '" + strings.Repeat("${A:-", 10_000) + strings.Repeat("}", 10_000) + "'}}",
		"big values":     "x-c: &c [" + strings.Repeat("$BIG,", 40) + "x]\n" + tasks(1000, "command: *c"),
		"long line":      "tasks: {a: {command: x, cwd: '" + strings.Repeat("é", 100_000) + "', restart: x}}",
		"comments":       strings.Repeat("#\n", 60_000),
		"bad values":     tasks(2000, "command: []"),
	}
}

// chain is n tasks, each after the next one.
func chain(n int) string {
	var b strings.Builder
	b.WriteString("tasks:\n")
	for i := range n {
		fmt.Fprintf(&b, " t%d: {command: x, after: [t%d]}\n", i, i+1)
	}
	fmt.Fprintf(&b, " t%d: {command: x}\n", n)
	return b.String()
}

// Each takes less than a second where nothing else runs.
func TestHostileFiles(t *testing.T) {
	t.Parallel()
	fine := map[string]bool{"long chain": true, "expansions": true}
	for name, text := range hostile() {
		if len(text) > MaxFile {
			t.Errorf("%s has %d bytes, and would not be read", name, len(text))
		}
		f, err := parse("f", "/nowhere/f", text, []string{"HOME=/root", "BIG=" + strings.Repeat("x", 100_000)})
		t.Logf("%-14s %.80v", name, err)
		if fine[name] != (err == nil) || err != nil && !errors.Is(err, task.ErrUsage) {
			t.Errorf("%s: %+.200v, %.200v", name, f, err)
		}
	}
}

// Whatever the bytes are, Load returns, and what it takes is sound: every spec
// passes its check and comes behind its dependencies, and the schema accepts the
// file as well.
func FuzzLoad(f *testing.F) {
	for _, text := range []string{
		"project: shop\ngroups: {build: {slots: 2}}\ntasks:\n  db: {command: [postgres, -D, data], restart: always, ready_port: 5432}\n  api: {command: ./api, env: {PORT: 8080}, after: [db]}\n",
		"x-a: &a {restart: no}\ntasks: {a: {<<: *a, command: |\n  x\n  y\n, instances: 2}, b: {command: '${X:-y}', after: a, every: 5m, overlap: queue}}",
		"env: {A: ~, B: [x]}\ntasks:\n  ? a\n  : {command: !!str 5, at: 15:04, log_max_size: 64MiB}\n",
		"tasks: {a: {command: [x, $X, \"${X:-${Y-z}}$$\"], cwd: ${NO:?no}, env: {A: $X$1}, timeout: 1d}}",
		"tasks: {a: {command: x, after: b}, b: {command: \"\\u00e9\", after_ended: a}}",
	} {
		f.Add(text)
	}
	s := schema(f)
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > MaxFile {
			return
		}
		got, err := parse("f", "/nowhere/tasks.yaml", text, []string{"X=x"})
		if err != nil {
			if !errors.Is(err, task.ErrUsage) || err.Error() == "" {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		seen := make(map[string]bool)
		for _, spec := range got.Tasks {
			if err := spec.Check(); err != nil || seen[spec.Name] || len(spec.Command) == 0 || spec.Cwd == "" || spec.File != got.Path || !spec.Env.Given() {
				t.Errorf("%q: %+v, %v", text, spec, err)
			}
			for _, name := range append(spec.After, spec.AfterEnded...) {
				if !seen[name] {
					t.Errorf("%q: %s is not before %s", text, name, spec.Name)
				}
			}
			seen[spec.Name] = true
		}
		for _, g := range got.Groups {
			if err := g.Check(); err != nil {
				t.Errorf("%q: %v", text, err)
			}
		}
		if err := judged(t, s, text); err != nil {
			t.Errorf("%q: the schema does not take it: %v", text, err)
		}
		if err := change(got).Check(); err != nil {
			t.Errorf("%q: no supervisor takes it: %v", text, err)
		}
		if todo, err := steps(got, nil, nil); err != nil || len(todo) != len(got.Tasks) {
			t.Errorf("%q: %v, %v", text, todo, err)
		}
		if again, err := steps(up2(got)); err != nil || strings.Contains(told(again), " changed") {
			t.Errorf("%q: %s, %v", text, told(again), err)
		}
	})
}

func up2(f *File) (*File, []task.Info, func(string) task.Env) {
	now, envs := up(f)
	return f, now, envs
}

func FuzzProcfile(f *testing.F) {
	f.Add("# c\nweb: x $PORT\r\nworker:y")
	f.Add("\ufeff\t_web : x\r\rweb: y # z\nweb:\xff")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parse("Procfile", "/nowhere/Procfile", text, nil)
		if err != nil {
			if !errors.Is(err, task.ErrUsage) {
				t.Errorf("%q: %v", text, err)
			}
			if !matches(`^(Procfile:[0-9]+:[0-9]+: .*\n?|and [0-9]+ more)+$`, err.Error()) {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		for _, spec := range got.Tasks {
			if err := spec.Check(); err != nil {
				t.Errorf("%q: %+v, %v", text, spec, err)
			}
		}
	})
}
