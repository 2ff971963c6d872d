package process

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tasks/pkg/engine"
	"tasks/pkg/task"
)

// leased makes an executable file of the text that nobody executes before the release.
func leased(t *testing.T, text []byte) (path string, release func()) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "program")
	writeProgram(t, path, text, 0o700)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_WRLCK); err != nil {
		t.Skip("no leases here: ", err)
	}
	return path, func() { f.Close() }
}

// An exec that waits for others, here for a lease on the program, holds up nobody else.
func TestExecThatWaits(t *testing.T) {
	t.Parallel()
	asked := make(chan os.Signal, 1) // to give up the lease
	signal.Notify(asked, syscall.SIGIO)
	defer signal.Stop(asked)
	sleep, err := os.ReadFile("/bin/sleep")
	if err != nil {
		t.Fatal(err)
	}
	for _, byScript := range []bool{false, true} {
		program, release := leased(t, sleep)
		spec := task.Spec{Command: []string{program, "1000"}}
		if byScript {
			spec.Command = []string{filepath.Join(t.TempDir(), "script")}
			writeProgram(t, spec.Command[0], []byte("#! "+program+" 1000\n"), 0o700)
		}
		begun := make(chan error, 1)
		go func() {
			s, err := grouped.try(t, spec)
			if err == nil {
				s.Stop(syscall.SIGKILL)
				s.wait(t)
			}
			begun <- err
		}()
		<-asked
		other := start(t, sh("exec sleep 1000"))
		runtime.GC() // which a thread that forks would hold up
		other.Stop(syscall.SIGTERM)
		other.wait(t)
		select {
		case err := <-begun:
			t.Errorf("%v has not waited: %v", spec.Command, err)
		default:
		}
		release()
		if err := <-begun; err != nil {
			t.Error(err)
		}
	}
}

// A start that is given up while its exec hangs leaves a run like any other: it can be
// stopped, and of an exec that fails later its log says why.
func TestExecThatIsGivenUp(t *testing.T) {
	t.Parallel()
	forked := func(task string) bool {
		shared.mu.Lock()
		defer shared.mu.Unlock()
		for _, r := range shared.runs {
			if r.id == runID(shared.opts.ID, task, "7") {
				return true
			}
		}
		return false
	}
	givenUp := func(text string) (s started, release func()) {
		program, release := leased(t, []byte(text))
		path := filepath.Join(t.TempDir(), "log")
		log, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			for !forked(program) {
				time.Sleep(time.Millisecond)
			}
			cancel()
		}()
		p, err := shared.start(ctx, engine.Launch{Spec: &task.Spec{Name: program, Command: []string{program}}, Run: 7, Log: log}, shared.groups)
		if err != nil {
			t.Fatal(err)
		}
		return started{p, path}, release
	}
	s, _ := givenUp("#!/bin/sh\nexec sleep 1000\n")
	s.Stop(syscall.SIGTERM)
	if e := s.wait(t); e.Signal != syscall.SIGTERM {
		t.Errorf("stopped: %+v", e)
	}
	s, release := givenUp("no program\x00")
	release()
	if e := s.wait(t); e.Code != 126 || !strings.Contains(s.log(t), "exec format error") {
		t.Errorf("failed: %+v, %s", e, s.log(t))
	}
}

// A start that hangs before it has a process gets none once it was given up.
func TestStartThatIsGivenUp(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	hangs, late := make(chan struct{}), make(chan error, 1)
	r := shared.newRun("hangs")
	err := shared.bound(ctx, r, func() error {
		cancel()
		<-hangs
		late <- shared.startCommand(ctx, r, command{path: "/bin/true", argv: []string{"true"}, dir: "/", out: shared.null, attributes: new(task.Attributes)}, cgroups{})
		return nil
	})
	close(hangs)
	if second := <-late; err != engine.ErrHangs || second != engine.ErrHangs || r.ref.PID != 0 {
		t.Errorf("%v, then %v with pid %d", err, second, r.ref.PID)
	}
}

// The exec of an unreadable program may wait, so the shim does it.
func TestExecByWayOfTheShim(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("/bin/echo")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "program")
	writeProgram(t, program, text, 0o111)
	s := start(t, task.Spec{Command: []string{"./program", "hello"}, Cwd: dir})
	if exit := s.wait(t); !exit.OK() || s.log(t) != "hello\n" {
		t.Errorf("%+v: %s", exit, s.log(t))
	}
}
