package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"tasks/internal/escape"
)

// hostile has what a terminal would act on: a screen that is cleared, a line that
// is turned around, ends of lines, the introducer in one character, a red without
// end.
const hostile = "x\x1b[2J\u202e\u2028\u009b31m\n\r\t\x7f\u200by\x1b[31m"

// hostileSupervisor answers every request with hostile texts wherever a text may be.
func hostileSupervisor(t *testing.T) (socket string) {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "cli")
	if err != nil {
		t.Fatal(err)
	}
	socket = filepath.Join(dir, "s.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close(); os.RemoveAll(dir) })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go answerHostile(conn)
		}
	}()
	return socket
}

func answerHostile(conn net.Conn) {
	defer conn.Close()
	type object = map[string]any
	h := hostile
	proc := object{"pid": 8, "command": []string{h, "a " + h}}
	of := object{
		"name": "web", "state": h, "wish": h, "engine": h, "group": "g", "command": []string{h, h}, "cwd": h, "pid": 7, "run": 1, "restarts": 0,
		"signal": h, "reason": h, "log": h, "spec": object{
			"name": "web", "command": []string{h}, "cwd": h, "on_exit": h, "on_failure": h, "after": []string{h}, "cron": h, "ready_log": h, "file": h,
		},
		"runs": []any{object{"run": 1, "state": h, "reason": h, "signal": h}}, "tree": []any{proc},
		"cpu_percent": 1.5, "memory_bytes": 1, "processes": 2, "zone": h, "waits_for": []string{h}, "next_at": "2999-01-01T00:00:00Z",
		"last_exit": object{"run": 1, "state": h, "reason": h, "signal": h, "started_at": "2026-01-01T00:00:00Z"},
	}
	info := object{"version": h, "protocol": 1, "pid": 7, "socket": h, "state_dir": h, "log": h}
	group := object{"name": "g", "slots": 1, "on_exit": h, "on_failure": h}
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		var req struct {
			ID     int    `json:"id"`
			Method string `json:"method"`
		}
		if json.Unmarshal(lines.Bytes(), &req) != nil {
			return
		}
		reply := object{"jsonrpc": "2.0", "id": req.ID}
		switch req.Method {
		case "info":
			reply["result"] = info
		case "group.set":
			reply["result"] = group
		case "group.list":
			reply["result"] = []any{group}
		case "restart":
			reply["error"] = object{"code": -32603, "message": h, "data": object{"name": h, "tasks": []any{of}}}
		default:
			reply["result"] = []any{of}
		}
		text, _ := json.Marshal(reply)
		fmt.Fprintf(conn, "%s\n", text)
	}
}

var sgr = regexp.MustCompile(`\x1b\[[0-9]{1,2}m`)

// Nothing that a supervisor says reaches the terminal but as text, and a row of a
// table stays a line.
func TestNothingThatOthersWriteReachesTheTerminal(t *testing.T) {
	t.Parallel()
	socket := hostileSupervisor(t)
	for _, c := range []struct {
		line  string
		lines int // of the output, at most; 0: any
	}{
		{"list", 2}, {"list -o wide", 2}, {"list --sort ended", 2}, {"timers", 2}, {"timers --json", 0}, {"enable x", 2}, {"start x --next 2", 0}, {"list -o name", 1}, {"list -q", 1}, {"list --json", 0}, {"show x", 0}, {"show x --env --tree", 0}, {"show x --json", 0},
		{"info", 0}, {"info --json", 0}, {"stop x", 2}, {"restart x", 0}, {"start x", 0}, {"rm x", 2}, {"signal TERM x", 2}, {"group list", 2},
		{"group set x --slots 2", 2}, {"serve", 1}, {"__complete stop ", 0},
	} {
		for _, tty := range []bool{true, false} {
			for _, color := range []string{"always", "never"} {
				var out, errs bytes.Buffer
				e := newEnv()
				e.in, e.out, e.err, e.raw = strings.NewReader(""), escape.NewWriter(&out), escape.NewWriter(&errs), new(bytes.Buffer)
				e.tty, e.errTTY, e.width = tty, tty, 80
				e.run(append([]string{"-s", socket, "--color", color}, strings.Split(c.line, " ")...))
				e.flush()
				e.client.Close()
				text := out.String() + errs.String()
				if color == "always" {
					text = sgr.ReplaceAllString(text, "")
				}
				for _, r := range text {
					if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)) {
						t.Errorf("%s: %q on the terminal: %q", c.line, r, text)
						break
					}
				}
				if n := strings.Count(out.String(), "\n"); c.lines > 0 && n > c.lines {
					t.Errorf("%s: %d lines: %q", c.line, n, out.String())
				}
				if out.Len()+errs.Len() == 0 {
					t.Errorf("%s prints nothing", c.line)
				}
			}
		}
	}
}
