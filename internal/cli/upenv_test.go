package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tasks/internal/protocol"
	"tasks/internal/taskfile"
	"tasks/pkg/task"
)

// An up asks for the environments of its own tasks, a few at a time: all those of the
// supervisor may be gigabytes.
func TestUpAsksForItsOwnEnvironments(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "tasks.yaml")
	text := "tasks:\n"
	for i := range 70 {
		text += fmt.Sprintf("  w%d: {command: sleep 5, env: {V: new}}\n", i)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(text, "V: new", "V: old", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := taskfile.Load(path, os.Environ())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	is := []task.Info{{Name: "other", Spec: task.Spec{Name: "other", Command: []string{"true"}}, State: task.Running, Wish: task.Up}}
	for _, s := range file.Tasks {
		is = append(is, task.Info{Name: s.Name, Spec: s, State: task.Running, Wish: task.Up})
	}
	most, asked := 0, 0
	var out, errs bytes.Buffer
	e := newEnv()
	e.out, e.err = &out, &errs
	e.client.Socket, e.client.Dial = "/nowhere", lister(func(o protocol.List) (some []task.Info) {
		switch {
		case o.Env && len(o.Names) == 0:
			t.Error("it asks for all environments")
		case o.Env:
			most, asked = max(most, len(o.Names)), asked+len(o.Names)
		}
		for _, info := range is {
			if o.Env && info.Name == "w5" { // it was removed
				continue
			}
			if !o.Env {
				info.Spec.Env = task.Env{}
			}
			if len(o.Names) == 0 || slices.Contains(o.Names, info.Name) {
				some = append(some, info)
			}
		}
		return some
	})
	code := e.run([]string{"up", "--check", "-f", path})
	e.flush()
	e.client.Close()
	if code != done || errs.Len() > 0 {
		t.Fatalf("exit code %d, %s", code, errs.String())
	}
	if most == 0 || most > 100 || asked != 70 {
		t.Errorf("it asks for %d environments, up to %d at a time", asked, most)
	}
	if n := strings.Count(out.String(), "unchanged"); n != 68 || !strings.Contains(out.String(), "env changed: V") {
		t.Errorf("%d are unchanged: %s", n, out.String())
	}
}

// lister is a supervisor that has tasks and no groups.
func lister(list func(protocol.List) []task.Info) func(context.Context) (net.Conn, error) {
	return func(context.Context) (net.Conn, error) {
		here, there := net.Pipe()
		go func() {
			defer there.Close()
			for lines := bufio.NewReader(there); ; {
				line, err := lines.ReadBytes('\n')
				if err != nil {
					return
				}
				var req struct {
					ID     json.RawMessage `json:"id"`
					Method string          `json:"method"`
					Params json.RawMessage `json:"params"`
				}
				json.Unmarshal(line, &req)
				result := []byte("[]")
				if req.Method == "list" {
					var o protocol.List
					json.Unmarshal(req.Params, &o)
					result, _ = json.Marshal(list(o))
				}
				fmt.Fprintf(there, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":%s}\n", req.ID, result)
			}
		}()
		return here, nil
	}
}
