package process

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tasks/internal/enginetest"
	"tasks/pkg/engine"
	"tasks/pkg/task"
)

func procOf(t *testing.T, pid string) proc {
	t.Helper()
	n, err := strconv.Atoi(pid)
	if err != nil {
		t.Fatal(err)
	}
	return proc{n, startOf(n)}
}

func alive(p proc) bool {
	s, ok := statOf(p.pid)
	return ok && s.proc == p && !s.dead()
}

func noneAlive(t *testing.T, procs ...proc) {
	t.Helper()
	for _, p := range procs {
		if alive(p) {
			t.Errorf("process %d is alive", p.pid)
		}
	}
}

// self is this program, to be used as one of its helpers.
var self, _ = os.Executable()

// headless has the first thread of this process end, and another keep running.
func headless() {
	go func() {
		for {
			time.Sleep(time.Hour)
		}
	}()
	syscall.Syscall(syscall.SYS_EXIT, 0, 0, 0) // of this thread, the first
}

// headlessTree leaves such a process.
const headlessTree = `PROCESS_TEST_HELPER=headless /usr/bin/setsid /bin/sh -c 'echo out $$; exec "$0" %s' %s & ` +
	`until grep -q '^State:.Z' /proc/$!/status; do sleep 0.02; done; `

// Each script leaves a process outside that prints its pid and keeps running. Of a
// hidden one only the cgroup tells whose it is.
var trees = []struct {
	name, script string
	ignoresTERM  bool // it ignores TERM
}{
	{"child", `sh -c 'echo out $$; exec sleep 1000' & `, false},
	{"grandchild", `sh -c 'sh -c "echo out \$\$; sleep 1000; true" & wait' & `, false},
	{"background group", `set -m; sh -c 'echo out $$; exec sleep 1000' & `, false},
	{"setsid", `setsid sh -c 'echo out $$; exec sleep 1000' & `, false},
	{"daemon", `(setsid sh -c 'sh -c "echo out \$\$; exec sleep 1000" & ' & ) & `, false},
	{"setsid without output", `setsid sh -c 'echo out $$; exec sleep 1000 >/dev/null 2>&1' & `, false},
	{"child that ignores TERM", `sh -c 'trap "" TERM; echo out $$; while :; do sleep 0.1; done' & `, true},
	{"setsid that ignores TERM", `setsid sh -c 'trap "" TERM; echo out $$; exec sleep 1000' & `, true},
	{"daemon that ignores TERM", `(setsid sh -c 'trap "" TERM; sh -c "echo out \$\$; exec sleep 1000" & ' & ) & `, true},
	{"without environment", `env -i /usr/bin/setsid /bin/sh -c 'echo out $$; exec /bin/sleep 1000' & `, false},
	{"daemon without environment", `(env -i /usr/bin/setsid /bin/sh -c 'echo out $$; exec /bin/sleep 1000' & ) & `, false},
	{"first thread ended, without output", fmt.Sprintf(headlessTree, ">/dev/null 2>&1", self), false},
	{"first thread ended, without environment", "env -i " + fmt.Sprintf(headlessTree, "", self), false},
	{"hidden daemon", `(env -i /usr/bin/setsid /bin/sh -c 'echo out $$; exec /bin/sleep 1000 >/dev/null 2>&1' & ) & `, false},
}

// misses reports whether what is begun in this way may leave such a tree behind.
func (w way) misses(tree string) bool { return w == bare && strings.HasPrefix(tree, "hidden") }

// eachTree runs the test with each of them, begun in each way.
func eachTree(t *testing.T, test func(t *testing.T, i int, w way)) {
	t.Parallel()
	for _, w := range ways {
		for i, tt := range trees {
			if w.misses(tt.name) {
				continue
			}
			t.Run(string(w)+"/"+tt.name, func(t *testing.T) {
				t.Parallel()
				test(t, i, w)
			})
		}
	}
}

func TestStopEndsTheTree(t *testing.T) {
	eachTree(t, func(t *testing.T, i int, w way) {
		tt := trees[i]
		s := w.start(t, sh(tt.script+`echo main; wait; sleep 1000`))
		s.line(t, "main")
		out := procOf(t, s.line(t, "out"))
		s.Stop(syscall.SIGTERM)
		enginetest.Await(t, s.Exited(), "Exited")
		if tt.ignoresTERM {
			if !alive(out) {
				t.Error("a process that ignores TERM ended by it")
			}
			left := s.Process.(engine.Tree).Remaining()
			if !slices.ContainsFunc(left, func(p task.Proc) bool { return p.PID == out.pid }) {
				t.Errorf("%d is not among the remaining processes: %v", out.pid, left)
			}
			select {
			case <-s.Gone():
				t.Error("gone, with one left")
			default:
			}
			s.Stop(syscall.SIGKILL)
		}
		if e := s.wait(t); e.Signal != syscall.SIGTERM {
			t.Errorf("%+v", e)
		}
		noneAlive(t, out)
	})
}

// However many ask for the remaining processes of their runs, the next look answers them all,
// each with its own.
func TestLeftIsOneLookForAll(t *testing.T) { // not parallel: it counts
	const many = 50
	l := &shared.lefts
	l.turn.Lock() // a look under way
	before := l.looks
	runs, left := make([]started, many), make([][]task.Proc, many)
	var asking sync.WaitGroup
	for i := range many {
		runs[i] = start(t, sh("setsid sleep 1000 & wait"))
		asking.Go(func() { left[i] = runs[i].Process.(engine.Tree).Remaining() })
	}
	for end := time.Now().Add(enginetest.Timeout); ; time.Sleep(time.Millisecond) {
		shared.mu.Lock()
		n := len(l.asked)
		shared.mu.Unlock()
		if n == many {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d of %d ask", n, many)
		}
	}
	l.turn.Unlock()
	asking.Wait()
	if n := l.looks - before; n != 1 {
		t.Errorf("%d looks", n)
	}
	for i, procs := range left { // in no order: pids begin again at their maximum
		main := runs[i].Ref().PID
		if !slices.ContainsFunc(procs, func(p task.Proc) bool { return p.PID == main }) || len(procs) > 2 {
			t.Errorf("of %d: %v", main, procs)
		}
	}
}

// A main process that keeps running after TERM gives time to find what has left.
func TestStopReachesTheEscapedWhileMainGoesOn(t *testing.T) {
	t.Parallel()
	s := start(t, sh(`trap 'echo got' TERM
		env -i /usr/bin/setsid /bin/sh -c 'echo out $$; exec /bin/sleep 1000 >/dev/null 2>&1' &
		setsid sh -c 'trap "echo told; exit" TERM; echo up; while :; do sleep 0.1; done' &
		while :; do sleep 0.1; done`))
	s.line(t, "up")
	out := procOf(t, s.line(t, "out"))
	s.Stop(syscall.SIGTERM)
	s.line(t, "got")
	s.line(t, "told")
	for end := time.Now().Add(enginetest.Timeout); alive(out); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the escaped one without an environment got no TERM")
		}
	}
	s.Stop(syscall.SIGKILL)
	if e := s.wait(t); e.Signal != syscall.SIGKILL || e.LeftBehind < 2 {
		t.Errorf("%+v", e)
	}
}

func TestKillEndsTheTree(t *testing.T) {
	eachTree(t, func(t *testing.T, i int, w way) {
		tt := trees[i]
		s := w.start(t, sh(`trap "" TERM; `+tt.script+`echo main; wait; sleep 1000`))
		s.line(t, "main")
		out := procOf(t, s.line(t, "out"))
		s.Stop(syscall.SIGKILL)
		if e := s.wait(t); e.Signal != syscall.SIGKILL {
			t.Errorf("%+v", e)
		}
		noneAlive(t, out)
	})
}

func TestMainEndsAndLeavesOthers(t *testing.T) {
	eachTree(t, func(t *testing.T, i int, w way) {
		tt := trees[i]
		s := w.start(t, sh(tt.script+`until grep -q '^out' /proc/$$/fd/1; do sleep 0.05; done; exit 3`))
		enginetest.Await(t, s.Exited(), "Exited")
		out := procOf(t, s.line(t, "out"))
		select {
		case <-s.Gone():
			t.Fatal("gone, with one left")
		default:
		}
		if !alive(out) {
			t.Fatal("it was ended without a stop")
		}
		s.Stop(syscall.SIGTERM)
		if tt.ignoresTERM {
			s.Stop(syscall.SIGKILL)
		}
		if e := s.wait(t); e.Code != 3 || e.LeftBehind < 1 {
			t.Errorf("%+v", e)
		}
		noneAlive(t, out)
	})
}

func TestLeftBehindCounts(t *testing.T) {
	t.Parallel()
	const three = `for i in 1 2 3; do sleep 1000 & done; echo up; `
	s := start(t, sh(three))
	enginetest.Await(t, s.Exited(), "Exited")
	s.Stop(syscall.SIGTERM)
	if e := s.wait(t); e != (task.Exit{LeftBehind: 3}) {
		t.Errorf("left three: %+v", e)
	}
	// What a stop ends with the main process was not left behind.
	s = start(t, sh(three+"wait"))
	s.line(t, "up")
	s.Stop(syscall.SIGTERM)
	if e := s.wait(t); e != (task.Exit{Signal: syscall.SIGTERM}) {
		t.Errorf("stopped with three: %+v", e)
	}
}

func TestStopTouchesNothingElse(t *testing.T) {
	t.Parallel()
	// The victim's neighbours: another run with a daemon, a process that no run
	// knows, and one that looks like it in all but its run.
	other := start(t, sh(`setsid sh -c 'echo out $$; exec sleep 1000' & wait`))
	daemon := procOf(t, other.line(t, "out"))
	stranger := start(t, sh(`unset TASKS_RUN_ID; (setsid sh -c 'exec >/dev/null 2>&1; exec sleep 1000' & echo out $!) & sleep 1000`))
	strange := procOf(t, stranger.line(t, "out"))
	t.Cleanup(func() { syscall.Kill(strange.pid, syscall.SIGKILL) })
	for range 3 {
		s := start(t, sh(`setsid sh -c 'echo out $$; exec sleep 1000' & echo up; wait`))
		s.line(t, "up")
		out := procOf(t, s.line(t, "out"))
		s.Stop(syscall.SIGTERM)
		s.wait(t)
		noneAlive(t, out)
	}
	for what, p := range map[string]proc{"the other run": {other.Ref().PID, other.Ref().Start}, "its daemon": daemon, "the stranger": strange} {
		if !alive(p) {
			t.Errorf("%s was ended", what)
		}
	}
	other.Stop(syscall.SIGTERM)
	other.wait(t)
	noneAlive(t, daemon)
}

func TestStrangersAreReaped(t *testing.T) {
	t.Parallel()
	s := start(t, sh(`for i in 1 2 3; do (sh -c 'echo out $$; sleep 0.05' &) ; done; sleep 1000`))
	s.line(t, "out")
	for end := time.Now().Add(enginetest.Timeout); ; time.Sleep(time.Millisecond) {
		var procs []proc
		for line := range strings.Lines(s.log(t)) {
			procs = append(procs, procOf(t, strings.TrimSpace(strings.TrimPrefix(line, "out "))))
		}
		there := slices.ContainsFunc(procs, func(p proc) bool { _, err := os.Stat(fmt.Sprintf("/proc/%d", p.pid)); return err == nil })
		if len(procs) == 3 && !there {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%v are still there", procs)
		}
	}
}

func TestSample(t *testing.T) {
	t.Parallel()
	idle := start(t, task.Spec{Command: []string{"sleep", "1000"}})
	busy := start(t, sh(`sleep 1000 & echo up; while :; do :; done`))
	busy.line(t, "up")
	lookAgain()
	sample := func(s started) task.Stats {
		st, err := s.Process.(engine.Sampler).Sample()
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	for end := time.Now().Add(enginetest.Timeout); sample(idle).MemoryBytes < 100<<10 && time.Now().Before(end); {
		time.Sleep(time.Millisecond) // it has just been executed, and loaded nothing yet
	}
	if st := sample(idle); st.Processes != 1 || st.MemoryBytes < 100<<10 || st.MemoryBytes > 100<<20 || st.CPUPercent > 100 {
		t.Errorf("asleep: %+v", st)
	}
	for end := time.Now().Add(enginetest.Timeout); ; time.Sleep(snapshotAge) {
		st := sample(busy)
		if st.Processes != 2 || st.CPUPercent < 0 || st.CPUPercent > 100*float64(runtime.NumCPU()) {
			t.Errorf("busy: %+v", st)
		}
		if st.CPUPercent > 1 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("busy: %+v", st)
		}
	}
	busy.Stop(syscall.SIGKILL)
	busy.wait(t)
	time.Sleep(snapshotAge)
	if st, err := busy.Process.(engine.Sampler).Sample(); err == nil {
		t.Errorf("of an ended run: %+v", st)
	}
}

func TestReadStat(t *testing.T) {
	t.Parallel()
	s, ok := statOf(os.Getpid())
	if !ok || s.pid != os.Getpid() || s.ppid != os.Getppid() || s.threads < 2 || resident(s.pid) < 1<<20 || s.dead() {
		t.Errorf("%+v, %v", s, ok)
	}
	if now := ticks(); s.start == 0 || s.start > now || now-s.start > 3600*100 {
		t.Errorf("started at %d, now is %d", s.start, now)
	}
	if _, ok := statOf(1 << 30); ok {
		t.Error("a process that cannot be has a stat")
	}
}
