package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"tasks/pkg/client"
	"tasks/pkg/task"
)

// build makes the command of a package of this module.
func build(t *testing.T, pkg string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), filepath.Base(pkg))
	if out, err := exec.Command("go", "build", "-o", path, pkg).CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", pkg, err, out)
	}
	return path
}

// shortDir is a directory whose sockets' paths are never too long.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "embed")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func TestEmbed(t *testing.T) {
	t.Parallel()
	embed, tasks := build(t, "tasks/examples/embed"), build(t, "tasks/cmd/tasks")
	path := filepath.Join(shortDir(t), "app.sock")
	program := exec.Command(embed, path)
	out, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	program.Stderr = os.Stderr
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { program.Process.Kill() })
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "serving on "+path {
		t.Fatalf("said %q, %v", lines.Text(), lines.Err())
	}

	c := client.Client{Socket: path}
	defer c.Close()
	if got, err := c.List(t.Context(), client.ListOptions{}); err != nil || len(got) != 2 || got[0].Name != "sleeper" || got[1].State != task.Running {
		t.Errorf("list: %v, %v", got, err)
	}
	if got, err := c.Stop(t.Context(), client.StopOptions{Selector: task.Selector{Names: []string{"sleeper"}}}); err != nil || got[0].State != task.Stopped {
		t.Errorf("stop: %v, %v", got, err)
	}
	if info, err := c.Info(t.Context()); err != nil || info.Program != "embed" || info.PID != program.Process.Pid {
		t.Errorf("info: %+v, %v", info, err)
	}

	run := func(args ...string) (stdout, stderr string, code int) {
		var o, e bytes.Buffer
		cmd := exec.Command(tasks, append([]string{"-s", path}, args...)...)
		cmd.Stdout, cmd.Stderr = &o, &e
		err := cmd.Run()
		if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return o.String(), e.String(), cmd.ProcessState.ExitCode()
	}
	stdout, stderr, code := run("list", "--json")
	var listed []task.Info
	if err := json.Unmarshal([]byte(stdout), &listed); err != nil || code != 0 || len(listed) != 2 || listed[0].State != task.Stopped || listed[1].Engine != task.EngineFunc {
		t.Errorf("tasks list: %d, %s%s", code, stdout, stderr)
	}
	if stdout, stderr, code = run("stop", "ticker"); code != 0 || !strings.Contains(stdout, "stopped") {
		t.Errorf("tasks stop: %d, %s%s", code, stdout, stderr)
	}
	for _, refused := range [][]string{{"exit"}, {"start", "x", "--", "true"}, {"start", "x"}} {
		if stdout, stderr, code = run(refused...); code != 2 || strings.Count(stderr, "\n") != 1 {
			t.Errorf("tasks %v: %d, %s%s", refused, code, stdout, stderr)
		}
		t.Logf("tasks %v: %s", refused, stderr)
	}

	program.Process.Signal(syscall.SIGTERM)
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), "leaving after") {
		t.Errorf("said %q, %v", lines.Text(), lines.Err())
	}
	if err := program.Wait(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); err == nil {
		t.Error("the socket is still there")
	}
}
