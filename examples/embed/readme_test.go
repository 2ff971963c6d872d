package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"tasks/pkg/client"
)

// The program and the lines of the README's chapter, in a module of their own beside
// this one, as they are printed.
func TestReadme(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, chapter, _ := strings.Cut(string(page), "\n## Embedding\n")
	chapter, _, _ = strings.Cut(chapter, "\n## ")
	program := regexp.MustCompile("(?s)```go\n(.*?)```").FindStringSubmatch(chapter)
	lines := regexp.MustCompile("(?s)```console\n(.*?)```").FindStringSubmatch(chapter)
	if program == nil || lines == nil {
		t.Fatal("the README has no program, or no lines")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := shortDir(t)
	app := filepath.Join(dir, "app")
	if err := os.Mkdir(app, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(root, filepath.Join(dir, "tasks")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(app, "main.go"), []byte(program[1]), 0o600); err != nil {
		t.Fatal(err)
	}
	prepare, rest, found := strings.Cut(lines[1], "./app &\n")
	if !found {
		t.Fatal("the lines do not run the program")
	}
	tasks := build(t, "tasks/cmd/tasks")
	shell := func(script string) *exec.Cmd {
		cmd := exec.Command("sh", "-ec", script)
		cmd.Dir = app
		cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(tasks)+":"+os.Getenv("PATH"),
			"GOFLAGS=-mod=mod", "GOPROXY=off", "GONOSUMDB=*", "GOWORK=off") // what this module was built with is there
		return cmd
	}
	if out, err := shell(prepare).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run := exec.Command(filepath.Join(app, "app"))
	run.Dir, run.Stderr = app, os.Stderr
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { run.Process.Kill() })
	c := client.Client{Socket: filepath.Join(app, "app.sock")}
	defer c.Close()
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if _, err = c.Info(t.Context()); err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
	before, _, found := strings.Cut(rest, "tasks -s app.sock logs -f ticker\n")
	if !found {
		t.Fatal("the lines do not follow the output")
	}
	if out, err := shell(before).CombinedOutput(); err != nil || !strings.Contains(string(out), "ticker") {
		t.Errorf("%v\n%s", err, out)
	}
	follow := shell("exec tasks -s app.sock logs -f ticker")
	var told bytes.Buffer
	follow.Stderr = &told
	output, err := follow.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := follow.Start(); err != nil {
		t.Fatal(err)
	}
	followed := bufio.NewScanner(output)
	if !followed.Scan() || !regexp.MustCompile(`^\d\d:\d\d:\d\d$`).MatchString(followed.Text()) {
		t.Errorf("followed %q", followed.Text())
	}
	if out, err := shell("tasks -s app.sock stop ticker").CombinedOutput(); err != nil || !strings.Contains(string(out), "stopped") {
		t.Errorf("%v\n%s", err, out)
	}
	for followed.Scan() {
	}
	if err := follow.Wait(); err != nil {
		t.Errorf("logs -f: %v\n%s", err, told.Bytes())
	}
	if out, err := shell("tasks -s app.sock logs -n 1 ticker").Output(); err != nil || strings.Count(string(out), "\n") != 1 {
		t.Errorf("%v\n%s", err, out)
	}
	run.Process.Signal(os.Interrupt)
	if err := run.Wait(); err != nil {
		t.Error(err)
	}
}
