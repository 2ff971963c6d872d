package process

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"tasks/internal/enginetest"
	"tasks/pkg/engine"
	"tasks/pkg/task"
)

// shared is the only one that a program may have: it reaps all children.
var shared *Engine

// The main goroutine may leave the first thread at its first wait, unless it is
// locked to it before it begins.
func init() { runtime.LockOSThread() }

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == ShimCommand {
		os.Exit(Shim(os.Args[2:]))
	}
	if mode := os.Getenv("PROCESS_TEST_HELPER"); mode != "" {
		if mode == "simulate" {
			os.Exit(runSimulation(m))
		}
		helpers[mode]()
		os.Exit(0)
	}
	OnFirstThread(func(first *FirstThread) error {
		os.Exit(runTests(m, first))
		return nil
	})
}

func runTests(m *testing.M, first *FirstThread) int {
	home, err := os.MkdirTemp("", "process")
	if err == nil {
		home, err = filepath.EvalSymlinks(home)
	}
	if err == nil {
		o := options(home)
		o.First = first
		shared, err = New(o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if shared.groups.dir == "" {
		ways = []way{bare}
	}
	code := m.Run()
	if err := shared.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	for _, p := range leftBehind() {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.pid))
		fmt.Fprintf(os.Stderr, "left behind: process %d: %q\n", p.pid, line)
		syscall.Kill(p.pid, syscall.SIGKILL)
		code = 1
	}
	os.RemoveAll(home)
	return code
}

// leftBehind is the processes that have come to this one, and do not end.
func leftBehind() (left []stat) {
	for end := time.Now().Add(enginetest.Timeout); ; time.Sleep(10 * time.Millisecond) {
		left = nil
		all, err := scan()
		for _, p := range all {
			if p.ppid == os.Getpid() && !p.dead() {
				left = append(left, p)
			}
		}
		if err == nil && len(left) == 0 || time.Now().After(end) {
			return left
		}
	}
}

func options(home string) Options {
	return Options{
		ID: fmt.Sprintf("test%d", os.Getpid()), Socket: "/run/test.sock", Home: home,
		Environ: []string{"PATH=/usr/bin:/bin", "COLOUR=blue", "PWD=/elsewhere", "TASKS_NAME=another", "TASKS_RUN_ID=another/1"},
	}
}

// a proc under test, with its log.
type started struct {
	engine.Process
	path string
}

func (s started) log(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// line waits until the log has a line that begins with word, and returns what
// follows it.
func (s started) line(t *testing.T, word string) string {
	t.Helper()
	for end := time.Now().Add(enginetest.Timeout); time.Now().Before(end); time.Sleep(time.Millisecond) {
		for line := range strings.Lines(s.log(t)) {
			if rest, ok := strings.CutPrefix(line, word); ok && strings.HasSuffix(line, "\n") {
				return strings.TrimSpace(rest)
			}
		}
	}
	t.Fatalf("no line begins with %q in the log:\n%s", word, s.log(t))
	return ""
}

// wait waits until all of the run is gone, and returns how it ended.
func (s started) wait(t *testing.T) task.Exit {
	t.Helper()
	enginetest.Await(t, s.Exited(), "Exited")
	enginetest.Await(t, s.Gone(), "Gone")
	return s.Exit()
}

func try(t testing.TB, spec task.Spec) (started, error) {
	t.Helper()
	return grouped.try(t, spec)
}

// A way to begin runs: in a cgroup each, or in none.
type way string

const (
	grouped way = "in a cgroup"
	bare    way = "bare"
)

// ways are the ones that this machine supports.
var ways = []way{grouped, bare}

func (w way) groups(e *Engine) cgroups {
	if w == bare {
		return cgroups{}
	}
	return e.groups
}

func (w way) start(t testing.TB, spec task.Spec) started {
	t.Helper()
	s, err := w.try(t, spec)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (w way) try(t testing.TB, spec task.Spec) (started, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if spec.Name == "" {
		spec.Name = strings.ReplaceAll(path, "/", ".") // another one each time
	}
	p, err := shared.start(context.Background(), engine.Launch{Spec: &spec, Run: 7, Log: f}, w.groups(shared))
	if err != nil {
		return started{path: path}, err
	}
	t.Cleanup(func() {
		p.Stop(syscall.SIGKILL)
		<-p.Gone()
	})
	return started{p, path}, nil
}

func start(t testing.TB, spec task.Spec) started {
	t.Helper()
	return grouped.start(t, spec)
}

func sh(script string) task.Spec { return task.Spec{Command: []string{"sh", "-c", script}} }

func env(t *testing.T, vars map[string]string) task.Env {
	t.Helper()
	e, err := task.NewEnv(vars)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// writeProgram writes a file to be executed. No child is forked meanwhile: it would have
// that open for writing, and as long as it has, nobody can execute it.
func writeProgram(t testing.TB, path string, text []byte, mode os.FileMode) {
	t.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, text, mode); err != nil {
		t.Fatal(err)
	}
}

// helper runs this test binary in the mode.
func helper(t *testing.T, mode string) task.Spec {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return task.Spec{Command: []string{exe}, Env: env(t, map[string]string{"PROCESS_TEST_HELPER": mode, "PATH": "/usr/bin:/bin"})}
}

func TestContract(t *testing.T) {
	t.Parallel()
	enginetest.Suite(t, func(t *testing.T, k enginetest.Kind) (engine.Engine, *task.Spec) {
		command := map[enginetest.Kind][]string{
			enginetest.Brief: {"echo", "hello"}, enginetest.Failing: {"false"},
			enginetest.Lasting: {"sleep", "1000"}, enginetest.Broken: {"/no/such/program"},
		}[k]
		return shared, &task.Spec{Name: strings.ReplaceAll(t.Name(), "/", "."), Command: command}
	})
}

// seen is the result of a look that nothing keeps from succeeding.
func seen[T any](found T, err error) T {
	if err != nil {
		panic(err)
	}
	return found
}

func processes() []stat          { return seen(scan()) }
func startOf(pid int) uint64     { return seen(startTime(pid)) }
func nameOfRun(pid int) string   { return seen(runIDOf(pid)) }
func runByCgroup(pid int) string { return seen(make(ownedCgroups).runOfPID(pid, shared.opts.ID)) }
func membersOf(c cgroup) []stat  { return seen(c.members()) }
func isPopulated(c cgroup) bool  { return seen(c.populated()) }

// statOf is false where the process is gone.
func statOf(pid int) (stat, bool) {
	s, err := readStat(pid, make([]byte, 1024))
	if gone(err) {
		return s, false
	}
	return seen(s, err), true
}
