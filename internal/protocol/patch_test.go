package protocol

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"tasks/pkg/task"
)

func TestPatch(t *testing.T) {
	t.Parallel()
	env := func(vars map[string]string) task.Env {
		e, err := task.NewEnv(vars)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	was := task.Spec{Name: "a", Command: []string{"run", "x"}, Env: env(map[string]string{"A": "1", "B": "2"}), Priority: 3, Timeout: new(task.Duration(time.Second)), Unknown: "kept"}
	was.Ulimit = task.Ulimits{"core": {}, "cpu": {Soft: 1, Hard: 2}}
	for patch, change := range map[string]func(*task.Spec){
		`{}`:                                    func(*task.Spec) {},
		`{"priority":5,"group":"g"}`:            func(s *task.Spec) { s.Priority, s.Group = 5, "g" },
		`{"priority":null}`:                     func(s *task.Spec) { s.Priority = 0 },
		`{"timeout":null,"every":"2s"}`:         func(s *task.Spec) { s.Timeout, s.Every = nil, new(task.Duration(2*time.Second)) },
		`{"command":["y"]}`:                     func(s *task.Spec) { s.Command = []string{"y"} },
		`{"env":{"A":null,"C":""}}`:             func(s *task.Spec) { s.Env = env(map[string]string{"B": "2", "C": ""}) },
		`{"env":null}`:                          func(s *task.Spec) { s.Env = task.Env{} },
		`{"ulimit":{"cpu":null,"nofile":"64"}}`: func(s *task.Spec) { s.Ulimit = task.Ulimits{"core": {}, "nofile": {Soft: 64, Hard: 64}} },
	} {
		got, want := was, was
		change(&want)
		p, err := ParsePatch(json.RawMessage(patch))
		if err != nil {
			t.Errorf("%s: %v", patch, err)
			continue
		}
		for range 2 { // the second time its environment is known
			got = was
			if err := p.Apply(&got); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %v\n%+v, not\n%+v", patch, err, got, want)
			}
		}
	}
	for patch, want := range map[string]string{
		``:                        "params: set: give an object",
		`[]`:                      "params: set: give an object",
		`null`:                    "params: set: give an object",
		`{"name":"b"}`:            "params: name cannot be edited",
		`{"file":null}`:           "params: file cannot be edited",
		`{"nothing":1}`:           `params: unknown field "nothing"`,
		`{"priority":"x"}`:        "params: priority cannot be a string",
		`{"timeout":"x"}`:         `params: bad duration "x"`,
		`{"env":{"A":1}}`:         "params: env is not an object of texts",
		`{"env":{"A=x":null}}`:    `params: bad environment variable name "A=..."`,
		`{"env":{"":null}}`:       `params: bad environment variable name ""`,
		`{"env":{"\u0000":null}}`: `params: bad environment variable name "\x00"`,
	} {
		if _, err := ParsePatch(json.RawMessage(patch)); err == nil || len(err.Error()) < len(want) || err.Error()[:len(want)] != want {
			t.Errorf("%s: %v, want %s", patch, err, want)
		}
	}
}

// The environment is most of a spec: it costs nothing where it is not changed, and is changed
// once where many specs have the same.
func TestPatchOfLargeEnvironments(t *testing.T) {
	vars := make(map[string]string)
	for i := range 1000 {
		vars[fmt.Sprint("V", i)] = "x"
	}
	env, err := task.NewEnv(vars)
	if err != nil {
		t.Fatal(err)
	}
	for _, patch := range []string{`{"priority":3}`, `{"priority":3,"env":{"A":"1","V1":null}}`} {
		p, err := ParsePatch(json.RawMessage(patch))
		if err != nil {
			t.Fatal(err)
		}
		allocations := func(env task.Env) float64 {
			return testing.AllocsPerRun(20, func() { // after a first one
				s := task.Spec{Name: "a", Command: []string{"x"}, Env: env}
				if err := p.Apply(&s); err != nil || s.Priority != 3 {
					t.Error(err)
				}
			})
		}
		if none, large := allocations(task.Env{}), allocations(env); large > none+10 {
			t.Errorf("%s: %v allocations, without an environment %v", patch, large, none)
		}
	}
}
