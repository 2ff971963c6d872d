package process

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tasks/internal/enginetest"
	"tasks/pkg/engine"
	"tasks/pkg/task"
)

// playSibling begins a sibling of itself, in a session of its own, and becomes sleep.
func playSibling() {
	files := []uintptr{0, 1, 2}
	sibling := []string{"sh", "-c", "echo out $$; exec sleep 1000"}
	_, err := syscall.ForkExec("/bin/sh", sibling, &syscall.ProcAttr{
		Env: syscall.Environ(), Files: files, Sys: &syscall.SysProcAttr{Setsid: true, Cloneflags: unix.CLONE_PARENT},
	})
	must(err)
	must(syscall.Exec("/bin/sleep", []string{"sleep", "1000"}, syscall.Environ()))
}

// What a main process begins as its own sibling, as runc does, never becomes an orphan:
// its parent is this process. Nothing else runs here, so that no orphan leads to a search.
func TestSiblingEndsWithItsRun(t *testing.T) { // not parallel
	for _, w := range ways {
		for _, how := range []string{"stopped", "ended"} {
			t.Run(string(w)+"/"+how, func(t *testing.T) {
				s := w.start(t, helper(t, "sibling"))
				out := procOf(t, s.line(t, "out"))
				if how == "ended" { // by itself: nobody has asked the run to end
					if err := s.Signal(syscall.SIGTERM); err != nil {
						t.Fatal(err)
					}
					enginetest.Await(t, s.Exited(), "Exited")
				}
				s.Stop(syscall.SIGTERM)
				s.wait(t)
				noneAlive(t, out)
			})
		}
	}
}

// A run may have asked for a signal at the end of the thread that has begun it, which
// must be the one that outlives an execve.
func TestRunsAreChildrenOfTheFirstThread(t *testing.T) {
	t.Parallel()
	for _, spec := range []task.Spec{
		{Command: []string{"sleep", "1000"}},
		{Command: []string{"sleep", "1000"}, Attributes: task.Attributes{Ulimit: task.Ulimits{"core": {}}}}, // by the shim
	} {
		s := start(t, spec)
		if pid := s.Ref().PID; !slices.Contains(seen(childrenOfFirst()), pid) {
			t.Errorf("%d is not a child of the first thread", pid)
		}
	}
	said, exit, err := shared.Exec(t.Context(), engine.Launch{Spec: &task.Spec{Name: t.Name()}, Run: 7}, `grep -w $$ /proc/$PPID/task/$PPID/children`)
	if err != nil || !exit.OK() {
		t.Errorf("a line is not a child of the first thread: %q, %+v, %v", said, exit, err)
	}
}

// playTraced asks its parent to trace it, as programs do against debuggers, and becomes sh.
func playTraced() {
	_, _, errno := unix.RawSyscall(unix.SYS_PTRACE, unix.PTRACE_TRACEME, 0, 0)
	if errno != 0 {
		must(errno)
	}
	must(syscall.Exec("/bin/sh", []string{"sh", "-c", `sleep 0; echo on; exec sleep 1000`}, syscall.Environ()))
}

// A stop for a tracer does not end a run, and nobody here traces.
func TestTracedGoesOn(t *testing.T) {
	t.Parallel()
	for _, w := range ways {
		s := w.start(t, helper(t, "traced"))
		s.line(t, "on")
		select {
		case <-s.Exited():
			t.Errorf("%s: it counts as ended: %+v", w, s.Exit())
		default:
		}
		if err := s.Process.(engine.Pauser).Pause(); err != nil {
			t.Error(err)
		}
		s.Stop(syscall.SIGTERM)
		if e := s.wait(t); e.Signal != syscall.SIGTERM {
			t.Errorf("%s: %+v", w, e)
		}
	}
}

// playTracer traces the process TRACED, and does not wait for it.
func playTracer() {
	pid, err := strconv.Atoi(os.Getenv("TRACED"))
	must(err)
	must(unix.PtraceSeize(pid))
	fmt.Println("seized")
	time.Sleep(time.Hour)
}

// A main process that only its tracer can let go is among the remaining processes.
func TestHeldByATracerIsLeft(t *testing.T) {
	t.Parallel()
	s := start(t, task.Spec{Command: []string{"sleep", "1000"}})
	spec := helper(t, "tracer")
	spec.Env = env(t, map[string]string{"PROCESS_TEST_HELPER": "tracer", "TRACED": strconv.Itoa(s.Ref().PID), "PATH": "/usr/bin:/bin"})
	tracer := start(t, spec)
	tracer.line(t, "seized")
	s.Stop(syscall.SIGKILL)
	for end := time.Now().Add(enginetest.Timeout); ; time.Sleep(time.Millisecond) {
		if p, there := statOf(s.Ref().PID); there && p.dead() {
			break
		}
		if time.Now().After(end) {
			t.Fatal("it does not end")
		}
	}
	if left := s.Process.(engine.Tree).Remaining(); len(left) != 1 || left[0].PID != s.Ref().PID || left[0].Command[0] != "sleep" {
		t.Errorf("%+v", left)
	}
	tracer.Stop(syscall.SIGKILL)
	s.wait(t)
}
