// Package shop has nothing but the test of the project that tasks.yaml describes,
// by the real program and a real database.
package shop

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tasks/pkg/client"
	"tasks/pkg/task"
)

// timeout bounds each wait for an event that must come.
const timeout = 2 * time.Minute

var workers = []string{"shop.worker-1", "shop.worker-2", "shop.worker-3"}

func TestShop(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.tasks("serve")
	if got := s.due(); len(got) != 7 {
		t.Errorf("a new project would start %v", got)
	}
	s.tasks("up")
	first := s.list()
	for name, want := range map[string]task.State{"shop.db": task.Running, "shop.build": task.Done, "shop.web": task.Running, "shop.nightly": task.Waiting} {
		if got := first[name]; got.State != want {
			t.Errorf("%s is %s, %s; want %s", name, got.State, got.Reason, want)
		}
	}
	if web := first["shop.web"]; web.Ready == nil || !*web.Ready {
		t.Error("up has returned before web was ready")
	}
	if got := s.due(); got != nil {
		t.Errorf("a second up would touch %v", got)
	}

	// Every order is shipped once, and all workers take part.
	s.awaitWorkers()
	const orders = 30
	by := make(map[string]int)
	want, got := make(map[string]bool), make(map[string]bool)
	for i := range orders {
		s.post("/orders?item=tea")
		want[fmt.Sprintf("%d tea", i+1)] = true
	}
	for range orders {
		order, worker, _ := strings.Cut(s.get("/shipped"), " by ")
		got[order] = true
		by[worker]++
	}
	if fmt.Sprint(got) != fmt.Sprint(want) || by[workers[0]]*by[workers[1]]*by[workers[2]] == 0 {
		t.Errorf("shipped %v, by %v", got, by)
	}

	// What is due at night can be had now, and stays due at night.
	s.tasks("restart", "shop.nightly")
	night := s.await("shop.nightly", func(n task.Info) bool { return n.Run == 1 && n.State == task.Waiting })
	if report := s.read("report.txt"); report != "30 orders, 30 shipped\n" || night.ExitCode == nil || *night.ExitCode != 0 || !night.NextAt.Equal(first["shop.nightly"].NextAt.Time) {
		t.Errorf("report %q, next at %v, was %v", report, night.NextAt, first["shop.nightly"].NextAt)
	}

	// A change of the workers concerns the workers alone.
	before := s.list()
	s.write("tasks.yaml", strings.Replace(s.read("tasks.yaml"), "PACKING: 10ms", "PACKING: 20ms", 1))
	if got := s.due(); !slices.Equal(got, workers) {
		t.Errorf("a change of the workers would touch %v", got)
	}
	s.tasks("up")
	after := s.list()
	for name, old := range before {
		if now := after[name]; slices.Contains(workers, name) && (now.Run != old.Run+1 || now.State != task.Running) || !slices.Contains(workers, name) && same(now) != same(old) {
			t.Errorf("a change of the workers: %s was %s, is %s", name, same(old), same(now))
		}
	}

	// A supervisor that is killed is not missed, and the next one finds all as it was.
	s.kill(s.info().PID)
	s.post("/orders?item=coffee")
	if got := s.get("/shipped"); !strings.HasPrefix(got, "31 coffee by shop.worker-") {
		t.Errorf("shipped %q", got)
	}
	s.tasks("serve")
	if got := s.due(); got != nil {
		t.Errorf("after the supervisor was killed, up would touch %v", got)
	}
	s.tasks("up")
	for name, now := range s.list() {
		if same(now) != same(after[name]) {
			t.Errorf("the supervisor was killed: %s was %s, is %s", name, same(after[name]), same(now))
		}
	}

	// A service that is killed comes back.
	s.kill(after["shop.web"].PID)
	s.await("shop.web", func(w task.Info) bool {
		return w.Run == after["shop.web"].Run+1 && w.State == task.Running && w.Ready != nil && *w.Ready
	})
	s.get("/healthz")

	s.tasks("down")
	for name, now := range s.list() {
		if want := map[bool]task.State{true: task.Done, false: task.Stopped}[name == "shop.build"]; now.State != want {
			t.Errorf("after down %s is %s; want %s", name, now.State, want)
		}
	}
	s.tasks("exit")
	if got := s.read("failures.log"); got != "shop.web 1 SIGKILL\n" {
		t.Errorf("failures.log has %q", got)
	}
	s.checkOrder()
	for _, port := range []string{s.port, s.redis} {
		if l, err := net.Listen("tcp", "127.0.0.1:"+port); err != nil {
			t.Errorf("port %s is not free: %v", port, err)
		} else {
			l.Close()
		}
	}
	left := s.processes()
	for end := time.Now().Add(timeout); left != nil && time.Now().Before(end); left = s.processes() {
		time.Sleep(10 * time.Millisecond) // the supervisor has answered, and may yet have to go
	}
	if left != nil {
		t.Errorf("left behind: %v", left)
	}
}

// awaitWorkers waits until all workers wait for an order.
func (s *shop) awaitWorkers() {
	s.t.Helper()
	for end := time.Now().Add(timeout); ; time.Sleep(10 * time.Millisecond) {
		out, err := exec.Command("redis-cli", "-p", s.redis, "info", "clients").CombinedOutput()
		if strings.Contains(string(out), fmt.Sprintf("blocked_clients:%d\r\n", len(workers))) {
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("the workers do not wait for orders: %v\n%s", err, out)
		}
	}
}

// checkOrder sees that the database came first and went last.
func (s *shop) checkOrder() {
	s.t.Helper()
	var events []struct {
		Name, Event string
		Run         int
	}
	if err := json.Unmarshal([]byte(s.tasks("events", "--json")), &events); err != nil {
		s.t.Fatal(err)
	}
	ready, stopping := -1, -1
	for i, e := range events {
		switch {
		case e.Name == "shop.db" && e.Event == "ready":
			ready = i
		case e.Name == "shop.db" && e.Event == "stopping":
			stopping = i
		case e.Name != "shop.db" && e.Name != "shop.build" && (e.Event == "starting" || e.Event == "running") && ready < 0:
			s.t.Errorf("%s began before the database was ready", e.Name)
		case e.Name != "shop.db" && e.Event == "stopped" && stopping >= 0:
			s.t.Errorf("%s ended after the database was stopped", e.Name)
		}
	}
	if ready < 0 || stopping < 0 {
		s.t.Errorf("the database was not seen to come and go: %v", events)
	}
}

// same is what does not change of a task that nobody touches.
func same(t task.Info) string { return fmt.Sprintf("%s, run %d, pid %d", t.State, t.Run, t.PID) }

// A shop is a copy of the project, with ports and a supervisor of its own.
type shop struct {
	t                    *testing.T
	dir, program, socket string
	port, redis          string
	env                  []string
	client               client.Client
}

func newShop(t *testing.T) *shop {
	for _, needed := range []string{"redis-server", "redis-cli", "go"} {
		if _, err := exec.LookPath(needed); err != nil {
			t.Skipf("%s is not installed", needed)
		}
	}
	dir, err := os.MkdirTemp("", "shop") // short, for the path of the socket
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{t: t, dir: dir, program: filepath.Join(dir, "tasks"), socket: filepath.Join(dir, "s.sock"), port: freePort(), redis: freePort()}
	s.client.Socket = s.socket
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); !strings.HasPrefix(name, "TASKS_") && name != "PORT" && name != "REDIS_PORT" {
			s.env = append(s.env, kv)
		}
	}
	s.env = append(s.env, "TASKS_SOCKET="+s.socket)
	t.Cleanup(s.close)
	if out, err := exec.Command("go", "build", "-o", s.program, "tasks/cmd/tasks").CombinedOutput(); err != nil {
		t.Fatalf("cannot build tasks: %v\n%s", err, out)
	}
	if err := os.CopyFS(filepath.Join(dir, "app"), os.DirFS("app")); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile("tasks.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s.write("tasks.yaml", string(file))
	s.write(".env", fmt.Sprintf("PORT=%s\nREDIS_PORT=%s\n", s.port, s.redis))
	s.write("go.mod", "module shop\n\ngo 1.26\n")
	return s
}

// freePort is one that nobody listens on, and that the kernel gives to nobody who asks
// for any: it is below those.
func freePort() string {
	for {
		port := strconv.Itoa(20000 + rand.IntN(12000))
		if l, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			l.Close()
			return port
		}
	}
}

// close ends what a test that failed has left, and tells what happened.
func (s *shop) close() {
	defer os.RemoveAll(s.dir)
	s.client.Close()
	if !s.t.Failed() {
		return
	}
	for _, args := range [][]string{{"list", "-o", "wide"}, {"events"}, {"logs", "--all"}, {"exit", "--timeout", "1s"}} {
		out, err := s.command(context.Background(), args...).CombinedOutput()
		s.t.Logf("tasks %v: %v\n%s", args, err, out)
	}
	log, _ := os.ReadFile(filepath.Join(s.dir, "s.state", "supervisor.log"))
	s.t.Logf("supervisor.log:\n%s", log)
}

func (s *shop) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.program, args...)
	cmd.Dir, cmd.Env = s.dir, s.env
	return cmd
}

// tasks is a command at the prompt, in the directory of the project.
func (s *shop) tasks(args ...string) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), timeout)
	defer cancel()
	var out, remarks bytes.Buffer
	cmd := s.command(ctx, args...)
	cmd.Stdout, cmd.Stderr = &out, &remarks
	begin := time.Now()
	err := cmd.Run()
	s.t.Logf("tasks %s: %s", strings.Join(args, " "), time.Since(begin).Round(time.Millisecond))
	if err != nil {
		s.t.Fatalf("tasks %v: %v\n%s%s", args, err, out.String(), remarks.String())
	}
	return out.String()
}

// due is the names of what up would start, restart or stop.
func (s *shop) due() []string {
	s.t.Helper()
	return slices.Sorted(slices.Values(strings.Fields(s.tasks("up", "--check", "-o", "name"))))
}

func (s *shop) list() map[string]task.Info {
	s.t.Helper()
	all, err := s.client.List(s.t.Context(), client.ListOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	tasks := make(map[string]task.Info)
	for _, t := range all {
		tasks[t.Name] = t
	}
	return tasks
}

func (s *shop) info() client.Info {
	s.t.Helper()
	info, err := s.client.Info(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return info
}

// await returns the task once it is so.
func (s *shop) await(name string, is func(task.Info) bool) task.Info {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), timeout)
	defer cancel()
	var last task.Info
	for e, err := range s.client.Watch(ctx, task.Selector{Names: []string{name}}) {
		if err != nil {
			s.t.Fatalf("%s: %v; it was %s", name, err, same(last))
		}
		if last = e.Task; is(last) {
			return last
		}
	}
	s.t.Fatalf("%s: nothing more came; it was %s", name, same(last))
	return last
}

func (s *shop) get(path string) string { return s.ask(http.MethodGet, path) }

func (s *shop) post(path string) string { return s.ask(http.MethodPost, path) }

// ask is an answer of the web app.
func (s *shop) ask(method, path string) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, "http://127.0.0.1:"+s.port+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		s.t.Fatalf("%s %s: %s, %v\n%s", method, path, answer.Status, err, body)
	}
	return strings.TrimSpace(string(body))
}

func (s *shop) kill(pid int) {
	s.t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) read(name string) string {
	s.t.Helper()
	b, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		s.t.Error(err)
	}
	return string(b)
}

func (s *shop) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// processes returns the processes that have the socket in their environment.
func (s *shop) processes() []string {
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	var found []string
	for _, file := range files {
		if env, err := os.ReadFile(file); err == nil && bytes.Contains(env, []byte("TASKS_SOCKET="+s.socket)) {
			line, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline"))
			found = append(found, filepath.Dir(file)+" "+string(bytes.ReplaceAll(line, []byte{0}, []byte(" "))))
		}
	}
	return found
}
