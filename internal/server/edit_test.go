package server

import (
	"fmt"
	"maps"
	"os"
	"testing"

	"tasks/internal/enginetest"
	"tasks/pkg/supervisor"
)

// Variables are added to the environment that a task has, be it its own or the supervisor's,
// and taken away from that.
func TestEditOfAnEnvironment(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		env, set string // JSON; "": none
		want     map[string]string
	}{
		{"", `{"env":{"D":"1"}}`, map[string]string{"HOME": "/root", "A": "x=y", "D": "1"}},
		{"", `{"env":{"D":"1","A":null,"HOME":""}}`, map[string]string{"HOME": "", "D": "1"}},
		{"", `{"env":{"A":null}}`, map[string]string{"HOME": "/root"}},
		{"", `{"env":{"D":null}}`, nil},
		{"", `{"env":{}}`, nil},
		{"", `{"env":null}`, nil},
		{"", `{"priority":1}`, nil},
		{`{}`, `{"env":{"D":"1"}}`, map[string]string{"D": "1"}},
		{`{}`, `{"env":{}}`, map[string]string{}},
		{`{"B":"2"}`, `{"env":{"D":"1","B":null}}`, map[string]string{"D": "1"}},
		{`{"B":"2"}`, `{"env":null}`, nil},
	} {
		h := &host{sup: supervisor.New(supervisor.Options{Commands: enginetest.NewFake()})}
		h.serve(t, Config{Environ: []string{"HOME=/root", "A=x=y", "=C:=C:", "odd"}}, os.Getuid())
		p, env := h.dial(t), ""
		if tt.env != "" {
			env = `,"env":` + tt.env
		}
		p.ask(1, "start", `{"name":"a","command":["run"],"delay":"1h"`+env+`}`)
		p.recv()
		p.ask(2, "edit", fmt.Sprintf(`{"names":["a"],"set":%s}`, tt.set))
		p.recv().tasks(t)
		p.ask(3, "list", `{"env":true}`)
		is := p.recv().tasks(t)[0].Spec.Env
		if want := tt.want; is.Given() != (want != nil) || !maps.Equal(is.Map(), want) {
			t.Errorf("%s after %s: %q, want %q", tt.env, tt.set, is.Map(), want)
		}
	}
}

// What the supervisor has and JSON cannot is not changed on the way: the edit is refused.
func TestEditOfAnOddEnvironment(t *testing.T) {
	t.Parallel()
	h := &host{sup: supervisor.New(supervisor.Options{Commands: enginetest.NewFake()})}
	h.serve(t, Config{Environ: []string{"LATIN=M\xfcller"}}, os.Getuid())
	p := h.dial(t)
	p.ask(1, "start", `{"name":"a","command":["run"]}`)
	p.recv()
	p.ask(2, "edit", `{"names":["a"],"set":{"env":{"D":"1"}}}`)
	want := `cannot edit the environment of a, which is the supervisor's: the environment variable "LATIN" is not UTF-8 text: ` +
		"start a with an environment of its own"
	if m := p.recv(); m.kind() != "usage" || m.Error.Message != want {
		t.Errorf("%+v", m.Error)
	}
	p.ask(3, "edit", `{"names":["a"],"set":{"priority":1}}`)
	p.recv().tasks(t)
}
