// Command bench measures a real `tasks` on this machine against physical
// limits taken in the same run, and prints a table of ratios in Markdown:
//
//	make bench
//
// Each pair of figures is measured in turn, A B A B, and the median of the
// ratios is what counts: machines are shared, and single times are noise.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"tasks/pkg/client"
	"tasks/pkg/task"
)

func main() {
	quick := flag.Bool("quick", false, "fewer rounds: to see that it works")
	only := flag.String("only", "", "measure only rows whose name contains this")
	flag.Parse()
	if err := run(*quick, *only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// lab is a supervisor of its own in a temporary directory.
type lab struct {
	dir, tasks, bare, plain, spawn, lines string
	socket                                string
	pid                                   int // of the supervisor
	client                                client.Client
	quick                                 bool
}

type row struct {
	name, goal string
	measure    func(*lab) (string, error)
}

var rows = []row{
	{"`list` of 10 tasks / bare Go client as `go build` makes it", "≤ 1.6", list10plain},
	{"`list` of 10 tasks / bare Go client built like it, without C", "≤ 1.6", list10},
	{"one `start` / bare Go client", "≤ 3", oneStart},
	{"1,000 starts over one connection / C posix_spawn loop", "≤ 2.5", starts1000},
	{"memory per task, of 1,000", "≤ 15 KiB", memory},
	{"threads of the supervisor with 5,000 tasks", "< 30", threads},
	{"CPU of the supervisor in 20 s with 1,000 idle tasks", "0", idle},
	{"`list` of 1,000 / bare Go client", "≤ 4", list1000},
	{"stop of 1,000 / C loop of kill and wait", "≤ 0.3 s", stop1000},
	{"10,000 jobs queued in one request", "< 2 s", queue10000},
	{"CPU of the supervisor in 20 s with 10,000 queued", "0", idleQueue},
	{"rate of queued jobs of `true`, 2 slots / C loop of posix_spawn and wait, two at a time", "≥ 0.60", jobRate(2000, (*lab).loopJobs)},
	{"… / xargs -P2", "–", jobRate(500, piped("xargs", "-P2", "-n1", "true"))},
	{"… / GNU parallel -j2", "–", jobRate(500, piped("parallel", "-j2", "true"))},
	{"… / task-spooler with 2 slots", "–", jobRate(500, spooler)},
	{"1 GiB of output, no cap / the same redirected to a file", "1.0–1.1, no CPU of the supervisor", output},
	{"1 GiB of output, cap of 64 MiB / the same redirected to a file", "–", capped},
}

func run(quick bool, only string) error {
	l, err := open(quick)
	if err != nil {
		return err
	}
	defer os.RemoveAll(l.dir)
	fmt.Printf("%s, %d processors, %s/%s\n\n", runtime.Version(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
	fmt.Println("| what | goal | measured |\n|---|---|---|")
	for _, r := range rows {
		if !strings.Contains(r.name, only) {
			continue
		}
		if err := l.serve(); err != nil {
			return err
		}
		got, err := r.measure(l)
		if errors.Is(err, errNoCompiler) {
			got = "not measured: no C compiler here"
		} else if errors.Is(err, errNotThere) {
			got = "not measured: it is not installed here"
		} else if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		fmt.Printf("| %s | %s | %s |\n", r.name, r.goal, got)
		if err := l.exit(); err != nil {
			return err
		}
	}
	return nil
}

var (
	errNoCompiler = errors.New("no C compiler")
	errNotThere   = errors.New("not installed")
)

// open builds what is measured.
func open(quick bool) (*lab, error) {
	dir, err := os.MkdirTemp("", "tasks-bench")
	if err != nil {
		return nil, err
	}
	l := &lab{dir: dir, quick: quick, socket: filepath.Join(dir, "b.sock")}
	l.tasks, l.bare, l.plain = filepath.Join(dir, "tasks"), filepath.Join(dir, "bare"), filepath.Join(dir, "plain")
	l.client.Socket = l.socket
	for out, pkg := range map[string]string{l.tasks: "./cmd/tasks", l.bare: "./bench/bare", l.plain: "./bench/bare"} {
		build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", out, pkg)
		if out != l.plain {
			build.Env = append(os.Environ(), "CGO_ENABLED=0") // as `make build` has it
		}
		if b, err := build.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("cannot build %s: %w: %s", pkg, err, b)
		}
	}
	if cc, err := exec.LookPath("cc"); err == nil {
		l.spawn, l.lines = filepath.Join(dir, "spawn"), filepath.Join(dir, "lines")
		for out, src := range map[string]string{l.spawn: "bench/c/spawn.c", l.lines: "bench/c/lines.c"} {
			if b, err := exec.Command(cc, "-O2", "-o", out, src).CombinedOutput(); err != nil {
				return nil, fmt.Errorf("cannot build %s: %w: %s", src, err, b)
			}
		}
	}
	return l, nil
}

func (l *lab) serve() error {
	if err := l.cmd(l.tasks, "-q", "serve").Run(); err != nil {
		return err
	}
	info, err := l.client.Info(context.Background())
	l.pid = info.PID
	return err
}

func (l *lab) exit() error {
	l.client.Close()
	// On a busy machine thousands of killed processes may take longer to go than
	// a stop waits, which is exit code 124.
	var code *exec.ExitError
	if err := l.cmd(l.tasks, "-q", "exit", "--timeout", "0s").Run(); err != nil && (!errors.As(err, &code) || code.ExitCode() != 124) {
		return err
	}
	return os.RemoveAll(strings.TrimSuffix(l.socket, ".sock") + ".state")
}

func (l *lab) cmd(name string, args ...string) *exec.Cmd {
	c := exec.Command(name, args...)
	c.Env = append(os.Environ(), "TASKS_SOCKET="+l.socket)
	c.Stderr = os.Stderr
	return c
}

// sleeps starts n tasks that sleep, over one connection, and returns how long
// that took.
func (l *lab) sleeps(n int) (time.Duration, error) {
	begin := time.Now()
	errs := make(chan error, n)
	for i := range n {
		go func() {
			_, err := l.client.Start(context.Background(), task.Spec{Name: fmt.Sprintf("t%d", i), Command: []string{"sleep", "600"}}, client.StartOptions{})
			errs <- err
		}()
	}
	var failed error
	for range n {
		failed = errors.Join(failed, <-errs)
	}
	return time.Since(begin), failed
}

// timed runs a command and returns how long it took.
func timed(c *exec.Cmd) (time.Duration, error) {
	var out bytes.Buffer
	if c.Stdout == nil {
		c.Stdout = &out
	}
	begin := time.Now()
	err := c.Run()
	return time.Since(begin), err
}

// rounds is how often a pair is measured.
func (l *lab) rounds(n int) int {
	if l.quick {
		return max(3, n/20)
	}
	return n
}

// ratio measures a and b in turn and describes the median of a/b.
func (l *lab) ratio(n int, a, b func() (time.Duration, error)) (string, error) {
	var as, bs, ratios []float64
	for i := range l.rounds(n) + 1 {
		da, err := a()
		if err != nil {
			return "", err
		}
		db, err := b()
		if err != nil {
			return "", err
		}
		if i == 0 {
			continue // a warm-up
		}
		as, bs, ratios = append(as, da.Seconds()), append(bs, db.Seconds()), append(ratios, da.Seconds()/db.Seconds())
	}
	return fmt.Sprintf("**%.2f** (medians %.2f ms / %.2f ms)", median(ratios), 1e3*median(as), 1e3*median(bs)), nil
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return x[len(x)/2]
}

// supervisor is what /proc says of the supervisor, which hears nothing of it.
func (l *lab) supervisor() (rss int64, threads int, cpu time.Duration, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", l.pid))
	if err != nil {
		return 0, 0, 0, err
	}
	for line := range strings.Lines(string(status)) {
		f := strings.Fields(line)
		switch f[0] {
		case "VmRSS:":
			rss, _ = strconv.ParseInt(f[1], 10, 64)
		case "Threads:":
			threads, _ = strconv.Atoi(f[1])
		}
	}
	// The scheduler's own account, in nanoseconds: proc_pid_stat(5) has ticks of 10 ms.
	tids, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", l.pid))
	for _, t := range tids {
		b, _ := os.ReadFile(t)
		if f := strings.Fields(string(b)); len(f) > 0 {
			ns, _ := strconv.ParseInt(f[0], 10, 64)
			cpu += time.Duration(ns)
		}
	}
	return rss, threads, cpu, err
}
