package task_test

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"tasks/pkg/task"
)

func newEnv(t *testing.T, vars map[string]string) task.Env {
	t.Helper()
	env, err := task.NewEnv(vars)
	if err != nil {
		t.Fatal(err)
	}
	return env
}

func TestEnv(t *testing.T) {
	t.Parallel()
	vars := map[string]string{"PATH": "/bin", "A": "", "B": "x=y\nz", "Ü": "ß", "LC_ALL": "C"}
	env := newEnv(t, vars)
	if want := "A=\x00B=x=y\nz\x00LC_ALL=C\x00PATH=/bin\x00Ü=ß\x00"; env.Block() != want {
		t.Errorf("Block = %q; want %q", env.Block(), want)
	}
	if !maps.Equal(env.Map(), vars) || !slices.IsSorted(slices.Collect(env.Vars())) {
		t.Errorf("Map = %q", env.Map())
	}
	if env != task.EnvBlock(env.Block()) || env != newEnv(t, maps.Clone(vars)) {
		t.Error("equal environments differ")
	}
	for kv := range env.Vars() {
		if kv != "A=" {
			t.Errorf("the first is %q", kv)
		}
		break
	}
	text, err := json.Marshal(env)
	if err != nil {
		t.Fatal(err)
	}
	var back task.Env
	if err := json.Unmarshal(text, &back); err != nil || back != env {
		t.Errorf("%s came back as %q, %v", text, back.Block(), err)
	}
}

func TestEnvNotGivenIsNotEmpty(t *testing.T) {
	t.Parallel()
	var none task.Env
	empty := newEnv(t, nil)
	if none.Given() || !empty.Given() || none == empty || none.Block() != "" || empty.Block() != "" || len(none.Map()) != 0 {
		t.Error("not given and empty are one")
	}
	for _, tt := range []struct {
		env  task.Env
		want string
	}{{none, `{"name":"web"}`}, {empty, `{"name":"web","env":{}}`}} {
		text, err := json.Marshal(task.Spec{Name: "web", Env: tt.env})
		if err != nil || string(text) != tt.want {
			t.Errorf("%s, %v; want %s", text, err, tt.want)
		}
		var back task.Spec
		if err := json.Unmarshal(text, &back); err != nil || back.Env != tt.env {
			t.Errorf("%s: %v", text, err)
		}
	}
	env := newEnv(t, map[string]string{"A": "1"})
	if err := json.Unmarshal([]byte("null"), &env); err != nil || env.Given() {
		t.Errorf("null: %v", err)
	}
	if text, _ := json.Marshal(none); string(text) != "null" {
		t.Errorf("not given is %s", text)
	}
}

func TestBadEnv(t *testing.T) {
	t.Parallel()
	for _, vars := range []map[string]string{{"": "x"}, {"A=B": "x"}, {"A\x00": "x"}, {"A": "x\x00"}, {"A": "\xff"}, {"\xff": "x"}} {
		if _, err := task.NewEnv(vars); !errors.Is(err, task.ErrUsage) {
			t.Errorf("%q: %v", vars, err)
		}
	}
	var env task.Env
	for _, text := range []string{`[]`, `"A=1"`, `{"A":1}`, `{"A=":"x"}`} {
		if err := json.Unmarshal([]byte(text), &env); err == nil {
			t.Errorf("%s is an environment", text)
		}
	}
}

func TestEnvsShareTheirMemory(t *testing.T) {
	vars := map[string]string{"A": strings.Repeat("x", 1<<20)}
	envs := []task.Env{newEnv(t, vars)}
	got := testing.AllocsPerRun(100, func() { envs = append(envs, envs[0]) })
	if got > 1 {
		t.Errorf("a copy takes %v allocations", got)
	}
	other := newEnv(t, map[string]string{"A": strings.Repeat("x", 1<<20)})
	if other != envs[0] {
		t.Error("an equal environment is another")
	}
}

func FuzzEnv(f *testing.F) {
	f.Add("A", "1", "B", "x=y")
	f.Fuzz(func(t *testing.T, k1, v1, k2, v2 string) {
		vars := map[string]string{k1: v1, k2: v2}
		env, err := task.NewEnv(vars)
		if err != nil {
			return
		}
		if !maps.Equal(env.Map(), vars) || task.EnvBlock(env.Block()) != env {
			t.Errorf("%q became %q", vars, env.Map())
		}
		text, err := json.Marshal(env)
		var back task.Env
		if err != nil || json.Unmarshal(text, &back) != nil || back != env {
			t.Errorf("%q came back from JSON as %q", vars, back.Map())
		}
	})
}
