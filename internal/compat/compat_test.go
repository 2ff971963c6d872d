// Package compat tests this program beside an earlier one: either may be the client
// of the other, and take over from it if the database's format allows it.
package compat

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// released is the commit of the earlier program, the last with format 2.
const released = "217580312202bf8ddb4d0a3242b5a7f81f31d435"

// programs builds both, once.
var programs = sync.OnceValues(func() (p struct{ earlier, current string }, err error) {
	dir, err := os.MkdirTemp("", "compat")
	if err != nil {
		return p, err
	}
	p.earlier, p.current = filepath.Join(dir, "earlier"), filepath.Join(dir, "now")
	source := filepath.Join(dir, "source")
	script := `mkdir "$1" && git -C ../.. archive ` + released + ` | tar x -C "$1" && cd "$1" && go build -o "$2" ./cmd/tasks`
	for _, args := range [][]string{
		{"sh", "-ec", script, "sh", source, p.earlier},
		{"go", "build", "-o", p.current, "tasks/cmd/tasks"},
	} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			return p, fmt.Errorf("%w: %s", err, out)
		}
	}
	return p, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if p, err := programs(); err == nil {
		os.RemoveAll(filepath.Dir(p.current))
	}
	os.Exit(code)
}

// A home has the state of a supervisor.
type home struct {
	t                *testing.T
	dir, state       string
	earlier, current string
}

func newHome(t *testing.T) *home {
	t.Helper()
	if out, err := exec.Command("git", "-C", "../..", "cat-file", "-e", released+"^{commit}").CombinedOutput(); err != nil {
		t.Skipf("the history of the repository is not here, so there is no earlier program to build: %s", bytes.TrimSpace(out))
	}
	p, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("/tmp", "c") // short: a socket is in it
	if err != nil {
		t.Fatal(err)
	}
	h := &home{t, dir, filepath.Join(dir, "s.state"), p.earlier, p.current}
	t.Cleanup(func() {
		h.run(h.current, "exit", "--timeout", "0s")
		os.RemoveAll(dir)
	})
	return h
}

// run is what the program says, and its exit code.
func (h *home) run(program string, args ...string) (out string, code int) {
	h.t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + h.dir, "TASKS_SOCKET=" + filepath.Join(h.dir, "s.sock")}
	cmd.Dir = h.dir
	b, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		h.t.Fatal(err)
	}
	return string(b), cmd.ProcessState.ExitCode()
}

// want runs the program, which must end with the code and say what matches.
func (h *home) want(code int, match, program string, args ...string) string {
	h.t.Helper()
	out, got := h.run(program, args...)
	if got != code || !regexp.MustCompile(match).MatchString(out) {
		h.t.Fatalf("%s %s: exit code %d, want %d and %q:\n%s", filepath.Base(program), strings.Join(args, " "), got, code, match, out)
	}
	return out
}

// pid returns the pid of the task called name.
func (h *home) pid(name string) string {
	h.t.Helper()
	return strings.Fields(h.want(0, "^"+name+" +running", h.current, "list", name, "--no-headers"))[2]
}

// everyday is what people do with a client of one version and a supervisor of another.
func (h *home) everyday(client string) {
	h.t.Helper()
	h.want(0, `every +running`, client, "start", "every", "--restart", "on-failure", "-e", "K=V", "--", "sh", "-c", "echo said $K; exec sleep 300")
	h.want(5, `Task every is already running\.`, client, "start", "every", "--", "true")
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if out, code := h.run(client, "logs", "every"); code == 0 && out == "said V\n" {
			break
		}
		if time.Now().After(end) {
			h.t.Fatal("the log is not shown")
		}
	}
	h.want(0, `every +running`, client, "list")
	h.want(0, `(?s)Name: +every.*sleep 300`, client, "show", "every")
	h.want(0, `PID: +\d+`, client, "info")
	h.want(0, `every +running`, client, "restart", "every")
	h.want(0, `every +stopped`, client, "stop", "every")
	h.want(0, `every`, client, "rm", "every")
	h.want(4, `No such task: every`, client, "stop", "every")
	h.want(3, `job +failed`, client, "start", "job", "--wait", "--", "sh", "-c", "exit 3")
	h.want(0, `job`, client, "rm", "job")
}

// project makes a tasks file.
func (h *home) project() {
	h.t.Helper()
	text := "tasks:\n  a: {command: [sleep, '300']}\n  b: {command: [sleep, '300']}\n"
	if err := os.WriteFile(filepath.Join(h.dir, "tasks.yaml"), []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

func TestClientOfAnEarlierSupervisor(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.want(0, "serving", h.earlier, "serve")
	h.everyday(h.current)
	h.want(2, `unknown field "umask": the supervisor is version .*: run 'tasks serve --replace'`, h.current, "start", "new", "--umask", "077", "--", "true")
	h.want(2, `no such method: retry: the supervisor is version .*: run 'tasks serve --replace'`, h.current, "retry", "--all")
	h.want(2, `no such method: edit: the supervisor is version .*: run 'tasks serve --replace'`, h.current, "edit", "--all", "--priority", "1")
	h.want(0, `tick +waiting`, h.current, "start", "tick", "--every", "1h", "--delay", "1h", "--", "true")
	h.want(0, `tick +waiting +20.* +- +- +- +every 1h after 1h +-`, h.current, "timers")
	h.want(0, `tick +- +waiting`, h.current, "list", "-o", "wide", "--sort", "ended")
	h.want(2, `no such method: disable: the supervisor is version .*: run 'tasks serve --replace'`, h.current, "disable", "tick")
	h.want(2, `no such method: next: the supervisor is version .*: run 'tasks serve --replace'`, h.current, "start", "tick", "--next", "1")
	h.project()
	h.want(0, `(?s)a +running.*b +running`, h.earlier, "up")
	h.want(2, `unknown field "change": the supervisor is version .*: run 'tasks serve --replace'`, h.current, "up")
	h.want(2, `unknown field "change": the supervisor is version .*: run 'tasks serve --replace'`, h.current, "down")

	// This program takes over: tasks keep running, and the database is migrated.
	h.want(0, `web +running`, h.earlier, "start", "web", "--", "sleep", "300")
	h.want(0, "", h.earlier, "group", "set", "build", "--slots", "2")
	before := h.pid("web")
	h.want(0, "serving", h.current, "serve", "--replace", "--log-keep", "3") // which the earlier one cannot hand on
	if after := h.pid("web"); after != before {
		t.Errorf("web has pid %s, had %s", after, before)
	}
	pid := regexp.MustCompile(`PID: +(\d+)`).FindStringSubmatch(h.want(0, "", h.current, "info"))[1]
	if line, err := os.ReadFile("/proc/" + pid + "/cmdline"); err != nil || !strings.Contains(string(line), "\x001000,67108864,3,2147483648\x00") {
		t.Errorf("the limits are not those given: %q (%v)", line, err)
	}
	h.want(0, `build +2`, h.current, "group")
	h.want(0, `tick +stopped`, h.current, "disable", "tick")
	h.want(0, `tick +waiting`, h.current, "enable", "tick")
	h.want(0, `(?s)a +keep.*b +keep`, h.current, "up", "--check")
	h.want(0, `(?s)a +stopped.*b +stopped`, h.current, "down")
	h.want(0, `new +running`, h.current, "start", "new", "--umask", "077", "--", "sleep", "300")
	if _, err := os.Stat(filepath.Join(h.state, "tasks.db.v2")); err != nil {
		t.Errorf("the database before is not kept: %v", err)
	}

	// What this program knows alone outlives it.
	h.want(0, `web is running: the change takes effect at its next run`, h.current, "edit", "web", "--", "sleep", "301")
	h.want(0, "", h.current, "serve", "--replace")
	h.want(0, `Edited: +from the next run on: command sleep 301`, h.current, "show", "web")

	// There is no way back, and nothing is lost by trying.
	h.want(1, `the one that runs goes on|running supervisor is kept`, h.earlier, "serve", "--replace")
	if after := h.pid("web"); after != before {
		t.Errorf("web has pid %s, had %s", after, before)
	}
	h.want(0, "", h.current, "exit", "--keep")
	h.want(1, "format 3, this program knows formats up to 2: use a newer version of tasks", h.earlier, "serve")
	h.want(0, "serving", h.current, "serve")
	if after := h.pid("web"); after != before {
		t.Errorf("web has pid %s, had %s", after, before)
	}
}

func TestEarlierClient(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.want(0, "serving", h.current, "serve")
	h.everyday(h.earlier)
	h.want(0, `tick +waiting`, h.current, "start", "tick", "--every", "1h", "--delay", "1h", "--", "true")
	h.want(0, `tick +stopped`, h.current, "disable", "tick")
	h.want(0, `tick +stopped`, h.earlier, "list")
	h.want(0, `tick +waiting`, h.earlier, "start", "tick")
	h.project()
	h.want(0, `(?s)a +start.*b +start`, h.earlier, "up", "--check")
	h.want(0, `(?s)a +running.*b +running`, h.earlier, "up")
	h.want(0, `(?s)a +keep.*b +keep`, h.current, "up", "--check")
	h.want(0, `(?s)a +stopped.*b +stopped`, h.earlier, "down")
	h.want(0, `(?s)a +running.*b +running`, h.current, "up")
	h.want(0, "already|serving", h.earlier, "serve")
	h.want(0, "", h.earlier, "exit")
	h.want(3, "", h.current, "list")
}

// The state of an earlier program, whose supervisor died, is taken over.
func TestEarlierStates(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.want(0, "serving", h.earlier, "serve")
	h.want(0, `web +running`, h.earlier, "start", "web", "--", "sleep", "300")
	before := h.pid("web")
	lock, err := os.ReadFile(filepath.Join(h.state, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("kill", "-9", strings.Fields(string(lock))[0]).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	h.want(0, "serving", h.current, "serve")
	if after := h.pid("web"); after != before {
		t.Errorf("web has pid %s, had %s", after, before)
	}
	h.want(0, "", h.current, "exit")
	for _, file := range []string{"format1.db", "format2.db"} {
		b, err := os.ReadFile(filepath.Join("../store/testdata", file))
		if err == nil {
			err = os.WriteFile(filepath.Join(h.state, "tasks.db"), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		h.want(0, "serving", h.current, "serve")
		h.want(0, `all-fields`, h.current, "list")
		h.want(0, "", h.current, "exit", "--timeout", "0s")
		if kept, err := os.ReadFile(filepath.Join(h.state, "tasks.db.v2")); err != nil || !bytes.Equal(kept, b) {
			t.Errorf("%s is not kept: %v", file, err)
		}
	}
}
