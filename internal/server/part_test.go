package server

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unsafe"

	"tasks/internal/enginetest"
	"tasks/pkg/task"
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

// The parts of changes that are not committed are bounded by what they take up.
func TestPartsAreBounded(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	part := `"groups":[` + strings.Repeat(`{},`, 999) + `{}]}}`
	p := h.dial(t)
	for i := range 10 {
		p.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"apply","params":{"change":"x","part":%d,%s`, i, part))
		if line, err := p.r.ReadString('\n'); err != nil || !strings.Contains(line, `"result":{}`) {
			t.Fatal(line, err)
		}
	}
	if got := h.srv.staged.Load(); got < 10*1000*int64(unsafe.Sizeof(task.Group{})) {
		t.Errorf("%d bytes are accounted for 10,000 groups", got)
	}
	p.send(`{"jsonrpc":"2.0","id":1,"method":"apply","params":{"change":"x","part":10,` + part)
	if line, err := p.r.ReadString('\n'); err != nil || !strings.Contains(line, "more than 10000 groups") || h.srv.staged.Load() != 0 {
		t.Error(line, err, h.srv.staged.Load())
	}
}

// Changes that are being carried out hold up no other long request.
func TestManyChangesThatLast(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.fake.AutoStop(false)
	long := strings.Repeat("x", 40<<10)
	t.Cleanup(func() { // before the supervisor is closed
		for range maxLongLines + 1 {
			h.fake.Next(t).Exit(task.Exit{}, false)
		}
	})
	for i := range maxLongLines + 1 {
		p := h.dial(t)
		change := func(id, more string) {
			p.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"apply","params":{"change":%q,"tasks":[{"name":"a%d","command":[%q],"cwd":"/","stop_timeout":"1h"}],"commit":{"file":"/%d"%s}}}`, id, i, long, i, more))
		}
		change(fmt.Sprint("up", i), "")
		if line, err := p.r.ReadString('\n'); err != nil || !strings.Contains(line, `"result":`) {
			t.Fatal(line, err)
		}
		change(fmt.Sprint("down", i), `,"down":true`) // its task does not end
	}
	p := h.dial(t)
	p.nc.SetReadDeadline(time.Now().Add(enginetest.Timeout))
	p.send(`{"jsonrpc":"2.0","id":1,"method":"list","params":{"names":["` + long + `"]}}`)
	if line, err := p.r.ReadString('\n'); err != nil || !strings.Contains(line, "error") {
		t.Error(line, err)
	}
}
