package server

import (
	"fmt"
	"strings"
	"testing"
)

// A change comes in parts, on one connection and in their order; one that is refused or
// left half sent changes nothing.
func TestParts(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	p := h.dial(t)
	ask := func(params, want string) string {
		t.Helper()
		p.send(`{"jsonrpc":"2.0","id":1,"method":"apply","params":` + params + `}`)
		line, err := p.r.ReadString('\n')
		if err != nil || !strings.Contains(line, want) {
			t.Errorf("%s: %v; want %s\n%s", params, err, want, line)
		}
		return line
	}
	task := func(name, more string) string {
		return fmt.Sprintf(`{"name":%q,"command":["sleep","300"],"cwd":"/"%s}`, name, more)
	}
	const file = `"commit":{"file":"/src/tasks.yaml","prune":true}`
	done := `"result":{}`
	ask(`{"change":"1","groups":[{"name":"g","slots":1}],"tasks":[`+task("a", "")+`]}`, done)
	ask(`{"change":"1","part":2,`+file+`}`, "part 2 of the change 1 came where part 1 was expected")
	ask(`{"change":"1","part":1,`+file+`}`, "where part 0 was expected") // it is forgotten
	ask(`{"change":"1","tasks":[`+task("a", "")+`]}`, done)
	ask(`{"change":"2","part":1,`+file+`}`, "where part 0 was expected")
	ask(`{"change":"3","tasks":[`+task("a", `,"env_hash":"e"`)+`]}`, "the environment of a: give either env")
	ask(`{"change":"3","envs":{"e":{"K":"V"}},"tasks":[`+task("a", `,"env":{},"env_hash":"e"`)+`]}`, "the environment of a: give either env")
	ask(`{"change":"3","envs":{"e":{"K":"V"}}}`, done)
	ask(`{"change":"3","part":1,"tasks":[`+task("a", `,"env_hash":"e","file":"/else"`)+`]}`, done)
	ask(`{`+file+`}`, "bad id of a change")
	ask(`{"change":"4","commit":{"file":"tasks.yaml"}}`, "bad path of a tasks file")
	ask(`{"change":"4","tasks":[`+task("a", "")+`,`+task("a", "")+`],`+file+`}`, "two tasks are named a")
	ask(`{"change":"4","tasks":[{"name":"a"}],`+file+`}`, "no command for the task a")
	ask(`{"tasks":[`+task("a", `,"env_hash":"e"`)+`]}`, "the environment of a: give either env")
	if line := ask(`{"change":"5","tasks":[`+task("a", "")+`],`+file+`}`, `"file":"/src/tasks.yaml"`); !strings.Contains(line, `"tasks":[{"name":"a"`) {
		t.Error(line)
	}
	ask(`{"change":"6","tasks":[`+task("b", "")+`],"commit":{"file":"/src/tasks.yaml","prune":true,"check":true}}`,
		`"steps":[{"do":"stop","name":"a","why":"no longer in the file"},{"do":"start","name":"b","why":"new"}],"tasks":[]`)
	h.goTask(t, "hand")
	line := ask(`{"change":"7","tasks":[`+task("a", "")+`,`+task("hand", "")+`],`+file+`}`, `"kind":"conflict","name":"hand"`)
	if strings.Contains(line, `"tasks":`) {
		t.Error("a refused change has tasks", line)
	}
	ask(`{"change":"8","tasks":[{"name":"a"}],"commit":{"file":"/src/tasks.yaml","down":true}}`, `"state":"stopped"`)
	p.nc.Close()
	q := h.dial(t)
	q.send(`{"jsonrpc":"2.0","id":1,"method":"list"}`)
	if line, err := q.r.ReadString('\n'); err != nil || strings.Count(line, `"name":"a"`) == 0 || strings.Contains(line, `"name":"b"`) {
		t.Errorf("%v: %s", err, line)
	}
	if h.srv.staged.Load() != 0 {
		t.Errorf("%d bytes are kept of what is over", h.srv.staged.Load())
	}
}
