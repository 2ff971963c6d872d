package crashtest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tasks/pkg/client"
	"tasks/pkg/task"
)

// few is the tasks that TestMany starts; the variable MANY says otherwise.
const few = 300

// openFiles is the limit of descriptors that the supervisor is started with: less
// than it needs to take the tasks back.
const openFiles = 256

// A crowd is one supervisor with many tasks.
type crowd struct {
	dir    string
	pid    int // of the supervisor
	client *client.Client
}

func TestMany(t *testing.T) {
	t.Parallel()
	n := few
	if text := os.Getenv("MANY"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	if sealed(t) {
		return
	}
	dir := build(t)
	c := &crowd{dir: dir, client: &client.Client{Socket: filepath.Join(dir, "s.sock")}}
	t.Cleanup(c.end)
	c.serve(t)
	c.report(t, "empty")

	began := time.Now()
	c.start(t, n)
	c.step(t, began, "%d tasks started", n)
	before := c.list(t)
	for _, i := range before {
		if i.State != task.Running {
			t.Fatalf("%s is %s: %s", i.Name, i.State, i.Reason)
		}
	}
	if len(before) != n {
		t.Fatalf("%d of %d tasks are listed", len(before), n)
	}
	var limit unix.Rlimit
	if err := unix.Prlimit(before[0].PID, unix.RLIMIT_NOFILE, nil, &limit); err != nil || limit.Cur != openFiles {
		t.Errorf("a task may have %d descriptors open, and the supervisor was started with %d: %v", limit.Cur, openFiles, err)
	}

	if err := syscall.Kill(c.pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for (process{pid: c.pid}).alive() {
		time.Sleep(time.Millisecond)
	}
	began = time.Now()
	c.serve(t)
	c.step(t, began, "killed, and all taken back")
	after := c.list(t)
	for i, was := range before {
		if now := after[i]; now.Name != was.Name || now.PID != was.PID || now.Run != was.Run || now.State != task.Running {
			t.Fatalf("%s, process %d of run %d, has become %s, %s, process %d of run %d", was.Name, was.PID, was.Run, now.Name, now.State, now.PID, now.Run)
		}
	}

	began = time.Now()
	stopped, err := c.client.Stop(t.Context(), client.StopOptions{Selector: task.Selector{All: true}})
	if err != nil {
		t.Fatal(err)
	}
	c.step(t, began, "stopped")
	for _, i := range stopped {
		if i.State != task.Stopped || i.Signal != "SIGTERM" {
			t.Fatalf("%s is %s, %s: %s", i.Name, i.State, i.Signal, i.Reason)
		}
	}
	for _, was := range before {
		if (process{pid: was.PID}).alive() {
			t.Fatalf("process %d of %s is still there", was.PID, was.Name)
		}
	}
	if len(stopped) != n {
		t.Fatalf("%d of %d tasks were stopped", len(stopped), n)
	}

	began = time.Now()
	if _, err := c.client.Exit(t.Context(), client.ExitOptions{}); err != nil {
		t.Fatal(err)
	}
	for (process{pid: c.pid}).alive() {
		time.Sleep(time.Millisecond)
	}
	t.Logf("%6.2f s  exited", time.Since(began).Seconds())
}

// serve begins a supervisor, and notes its pid.
func (c *crowd) serve(t *testing.T) {
	t.Helper()
	script := fmt.Sprintf(`ulimit -Sn %d && exec "$0" -s "$1" serve`, openFiles)
	if out, err := exec.Command("sh", "-c", script, filepath.Join(c.dir, "tasks"), c.client.Socket).CombinedOutput(); err != nil {
		t.Fatalf("serve: %v\n%s", err, out)
	}
	info, err := c.client.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.pid = info.PID
}

// start starts n tasks over one connection.
func (c *crowd) start(t *testing.T, n int) {
	t.Helper()
	env, err := task.NewEnv(map[string]string{"PATH": "/usr/bin:/bin"})
	if err != nil {
		t.Fatal(err)
	}
	var busy sync.WaitGroup
	next := make(chan int)
	for range 64 { // requests in flight
		busy.Go(func() {
			for i := range next {
				spec := task.Spec{Name: fmt.Sprintf("t%05d", i), Command: []string{"sleep", "10000"}, Cwd: "/", Env: env}
				if _, err := c.client.Start(t.Context(), spec, client.StartOptions{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	busy.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

func (c *crowd) list(t *testing.T) []task.Info {
	t.Helper()
	began := time.Now()
	all, err := c.client.List(t.Context(), client.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%6.2f s  listed", time.Since(began).Seconds())
	return all
}

// step says how long a step took and what the supervisor is after it.
func (c *crowd) step(t *testing.T, began time.Time, what string, args ...any) {
	t.Helper()
	took := time.Since(began).Seconds()
	c.report(t, fmt.Sprintf("%6.2f s  "+what, append([]any{took}, args...)...))
}

func (c *crowd) report(t *testing.T, what string) {
	t.Helper()
	p := process{pid: c.pid}
	status := func(field string) string {
		_, rest, _ := bytes.Cut(p.read("status"), []byte("\n"+field+":"))
		line, _, _ := bytes.Cut(rest, []byte("\n"))
		return strings.Join(strings.Fields(string(line)), " ")
	}
	open, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", c.pid))
	t.Logf("%s; supervisor: %s threads, RSS %s, %d descriptors", what, status("Threads"), status("VmRSS"), len(open))
}

func (c *crowd) end() {
	exec.Command(filepath.Join(c.dir, "tasks"), "-s", c.client.Socket, "exit", "--timeout", "1s", "-q").Run()
	c.client.Close()
}
