package process

import (
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

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

// What may not be read may wait, for all that can be told: it is executed all the same.
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
