package server

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tasks/internal/protocol"
	"tasks/pkg/task"
)

// varying are the facts of a reply that differ from run to run. What the
// document has for them must be of the same type, and times must be times.
var varying = []string{"pid", "version", "uptime", "duration", "socket", "state_dir", "seq"}

// TestDocument replays every example of docs/protocol.md in order, those of each
// method on a connection of its own, and each chapter on a supervisor of its own.
func TestDocument(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := make(map[string]bool)
	for _, chapter := range strings.Split(string(text), "\n## ")[1:] {
		h := newHost(t)
		for _, section := range strings.Split(chapter, "\n### ")[1:] {
			p := h.dial(t)
			for _, block := range regexp.MustCompile("(?s)```jsonrpc\n(.*?)```").FindAllStringSubmatch(section, -1) {
				p.replay(block[1], shown)
			}
			p.nc.Close()
		}
	}
	for what, value := range map[string]any{"requests in flight": maxInFlight, "bytes of a line": "1,048,576", "time to write": "30 s"} {
		if !strings.Contains(string(text), fmt.Sprint(value)) {
			t.Errorf("%s: %v is not named", what, value)
		}
	}
	for _, m := range slices.Sorted(maps.Keys(methods)) {
		if !shown[m] {
			t.Errorf("%s is not shown", m)
		}
		if !strings.Contains(string(text), "### `"+m+"`") {
			t.Errorf("%s has no section", m)
		}
	}
}

// TestDocumentInAShell runs the document's one line of shell.
func TestDocumentInAShell(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("socat"); err != nil {
		t.Skip("there is no socat")
	}
	h := newHost(t)
	h.goTask(t, "web")
	line := regexp.MustCompile("(?m)^printf .*$").FindString(string(text))
	out, err := exec.Command("sh", "-c", strings.Replace(line, "PATH", h.path, 1)).Output()
	var m message
	if err != nil || json.Unmarshal(out, &m) != nil || len(m.tasks(t)) != 1 {
		t.Errorf("%s: %v\n%s", line, err, out)
	}
}

// replay sends what a block of the document has as sent and expects the rest, in
// any order.
func (p *peer) replay(block string, shown map[string]bool) {
	p.t.Helper()
	var want []any
	for _, part := range regexp.MustCompile(`(?m)^(-->|<--) `).Split(block, -1)[1:] {
		part = strings.TrimSpace(part)
		if !strings.Contains(block, "--> "+part) {
			want = append(want, plain(p.t, part))
			continue
		}
		var r protocol.Request
		if err := json.Unmarshal([]byte(part), &r); err != nil {
			p.t.Fatal(err)
		}
		shown[r.Method] = true
		p.send(part)
	}
	for range want {
		line, err := p.r.ReadString('\n')
		if err != nil {
			p.t.Fatalf("%v after\n%s", err, block)
		}
		got := plain(p.t, line)
		at := slices.IndexFunc(want, func(w any) bool { return reflect.DeepEqual(w, got) })
		if at < 0 {
			p.t.Fatalf("the document has\n%s\nthe server says\n%s", block, line)
		}
		want = slices.Delete(want, at, at+1)
	}
}

// plain is a message with what varies made equal.
func plain(t testing.TB, line string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(line), &v); err != nil {
		t.Fatalf("%v in\n%s", err, line)
	}
	return level(v)
}

func level(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if text, ok := e.(string); slices.Contains(varying, k) && e != "" {
				v[k] = reflect.TypeOf(e).Kind()
			} else if ok && strings.HasSuffix(k, "_at") && new(task.Time).UnmarshalJSON([]byte(`"`+text+`"`)) == nil && len(text) == 30 {
				v[k] = "a time"
			} else {
				v[k] = level(e)
			}
		}
	case []any:
		for i, e := range v {
			v[i] = level(e)
		}
	}
	return v
}
