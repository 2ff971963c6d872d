package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tasks/pkg/engine"
	"tasks/pkg/task"
)

// A process that may not be signalled, as sudo is, is not called signalled since another of
// its process group was: the stop says so, and it has the signal once it may be.
func TestStopOfWhatRefuses(t *testing.T) {
	t.Parallel()
	s := start(t, helper(t, "refusing"))
	if e := s.wait(t); e != (task.Exit{}) {
		t.Errorf("%+v: %s", e, s.log(t))
	}
}

func playRefusing() {
	e, err := New(options("/"))
	must(err)
	for _, who := range []string{"main", "child"} {
		log, err := os.CreateTemp("", "log")
		must(err)
		written, err := os.Open(log.Name())
		must(err)
		os.Remove(log.Name())
		spec := sh(`sleep 1000 & echo $!; exec sleep 1000`)
		spec.Name = who
		p, err := e.start(context.Background(), engine.Launch{Spec: &spec, Run: 7, Log: log}, cgroups{})
		must(err)
		main, child := p.Ref().PID, 0
		for end := time.Now().Add(bound); child == 0; time.Sleep(time.Millisecond) {
			b := make([]byte, 16)
			n, _ := written.ReadAt(b, 0)
			fmt.Sscanf(string(b[:n]), "%d\n", &child)
			if time.Now().After(end) {
				must(errors.New("it does not begin"))
			}
		}
		refuses, other := main, child
		if who == "child" {
			refuses, other = child, main
		}
		must(stopRefusing(p, refuses, other))
	}
	must(resumeRefusing(e))
	must(thawRefusing())
	must(e.Close())
}

// thawRefusing thaws for a stop what has a cgroup below that is another user's: KILL ends also
// what stays frozen there, and it is not tried again.
func thawRefusing() error {
	dir, err := os.MkdirTemp("", "cgroup")
	must(err)
	defer os.RemoveAll(dir)
	must(os.Mkdir(dir+"/own", 0o700))
	must(os.WriteFile(dir+"/cgroup.freeze", []byte("1\n"), 0o600))
	failure := error(unix.EACCES)
	answers := func(c call) (result, bool) {
		return result{err: failure}, c.path == dir+"/own/cgroup.freeze"
	}
	intercept.Store(&answers)
	defer intercept.Store(nil)
	if err := cgroup(dir).thawAll(); err != nil {
		return err
	}
	text, err := os.ReadFile(dir + "/cgroup.freeze")
	if must(err); text[0] != '0' {
		return fmt.Errorf("it is not thawed: %q", text)
	}
	if failure = unix.EIO; cgroup(dir).thawAll() == nil {
		return errors.New("what cannot be thawed for now is not tried again")
	}
	return nil
}

// resumeRefusing resumes a run that may not be signalled: nobody has stopped it.
func resumeRefusing(e *Engine) error {
	spec := sh(`while :; do :; done`)
	log, err := os.CreateTemp("", "log")
	must(err)
	os.Remove(log.Name())
	p, err := e.start(context.Background(), engine.Launch{Spec: &spec, Run: 8, Log: log}, cgroups{})
	must(err)
	answers := func(c call) (result, bool) {
		return result{err: unix.EPERM}, c.name == "pidfd_send_signal" && c.sig == syscall.SIGCONT
	}
	intercept.Store(&answers)
	defer intercept.Store(nil)
	resume := p.(engine.Pauser).Resume
	if err := resume(); err != nil {
		return fmt.Errorf("it is busy: %w", err)
	}
	must(syscall.Kill(p.Ref().PID, syscall.SIGSTOP)) // as it may do itself
	for seen(readStat(p.Ref().PID, make([]byte, 1024))).state != 'T' {
		time.Sleep(time.Millisecond)
	}
	if err := resume(); err != nil {
		return fmt.Errorf("it has stopped: %w", err)
	}
	intercept.Store(nil)
	p.Stop(syscall.SIGKILL)
	<-p.Gone()
	return nil
}

// stopRefusing kills a run that has a process which may not be signalled at first.
func stopRefusing(p engine.Process, refuses, other int) error {
	var allowed atomic.Bool
	answers := func(c call) (result, bool) {
		switch {
		case allowed.Load():
		case c.name == "kill" && c.pid == -p.Ref().PID: // succeeds, as the kernel has it
			syscall.Kill(other, c.sig)
			return result{}, true
		case c.name == "pidfd_send_signal" && c.pid == refuses:
			return result{err: unix.EPERM}, true
		}
		return result{}, false
	}
	intercept.Store(&answers)
	defer intercept.Store(nil)
	p.Stop(syscall.SIGKILL)
	stop := p.(engine.StopReporter)
	for end := time.Now().Add(bound); !errors.Is(stop.StopErr(), unix.EPERM); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			return fmt.Errorf("the stop does not say that it could not: %v", stop.StopErr())
		}
	}
	allowed.Store(true)
	select {
	case <-p.Gone():
		return nil
	case <-time.After(bound):
		return errors.New("it has no signal once it may be signalled")
	}
}
