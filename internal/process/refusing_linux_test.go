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
	must(e.Close())
}

// resumeRefusing resumes a run that may not be signalled: that fails only where it has stopped.
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
	if err := p.(engine.Pauser).Resume(); err != nil {
		return fmt.Errorf("it is busy: %w", err)
	}
	must(syscall.Kill(p.Ref().PID, syscall.SIGSTOP))
	for seen(readStat(p.Ref().PID, make([]byte, 1024))).state != 'T' {
		time.Sleep(time.Millisecond)
	}
	if err := p.(*run).wakeOnce(false); !errors.Is(err, unix.EPERM) {
		return fmt.Errorf("it has stopped: %v", err)
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
