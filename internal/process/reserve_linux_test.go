package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tasks/pkg/engine"
	"tasks/pkg/task"
)

// Where others have used up all descriptors, what a run leaves is still found and
// ended, and so is a run that is stopped.
func TestNoDescriptorLeft(t *testing.T) {
	t.Parallel()
	for _, w := range ways {
		t.Run(string(w), func(t *testing.T) {
			t.Parallel()
			h := helper(t, "descriptors")
			h.Env = env(t, map[string]string{"PROCESS_TEST_HELPER": "descriptors", "PROCESS_TEST_WAY": string(w), "PATH": "/usr/bin:/bin"})
			s := start(t, h)
			if e := s.wait(t); e != (task.Exit{}) {
				t.Errorf("%+v:\n%s", e, s.log(t))
			}
		})
	}
}

// playDescriptors does that in a process of its own, which has few.
func playDescriptors() {
	must(LeaveCgroup()) // it is itself begun as a run
	w := way(os.Getenv("PROCESS_TEST_WAY"))
	dir, err := os.MkdirTemp("", "descriptors")
	must(err)
	defer os.RemoveAll(dir)
	must(unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 48, Max: 48}))
	e, err := New(options(dir))
	must(err)
	begin := func(name string) (p engine.Process, away int) {
		path := filepath.Join(dir, name)
		log, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		must(err)
		spec := sh(`setsid sh -c 'echo away $$; exec sleep 1000' & wait`)
		spec.Name = name
		p, err = e.start(context.Background(), engine.Launch{Spec: &spec, Run: 7, Log: log}, w.groups(e))
		must(err)
		for {
			text, err := os.ReadFile(path)
			must(err)
			if n, _ := fmt.Sscanf(string(text), "away %d\n", &away); n == 1 && strings.HasSuffix(string(text), "\n") {
				return p, away
			}
			time.Sleep(time.Millisecond)
		}
	}
	ends, child := begin("ends")
	stopped, other := begin("stopped")
	for err == nil { // all that there are
		_, err = unix.Dup(0)
	}
	if !errors.Is(err, unix.EMFILE) {
		must(err)
	}
	must(syscall.Kill(ends.Ref().PID, syscall.SIGKILL))
	<-ends.Exited()
	if closed(ends.Gone()) {
		must(errors.New("it is gone, and its child was not stopped"))
	}
	ends.Stop(syscall.SIGTERM)
	stopped.Stop(syscall.SIGKILL)
	for p, away := range map[engine.Process]int{ends: child, stopped: other} {
		select {
		case <-p.Gone():
		case <-time.After(bound):
			must(fmt.Errorf("process %d does not end: %v", p.Ref().PID, p.(engine.StopReporter).StopErr()))
		}
		if err := syscall.Kill(away, 0); !errors.Is(err, syscall.ESRCH) {
			must(fmt.Errorf("it is gone, and its child %d is there: %v", away, err))
		}
	}
	must(e.Close())
}
