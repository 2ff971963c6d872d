package process

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"tasks/pkg/engine"
	"tasks/pkg/task"
)

func must(err error) {
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}

func stageOfEnv() (s stage) {
	must(json.Unmarshal([]byte(os.Getenv("PROCESS_TEST_STAGE")), &s))
	return s
}

// playFirst is the supervisor that will be killed.
func playFirst() {
	s := stageOfEnv()
	o := options("/")
	o.ID = s.ID
	if s.Commits > 0 {
		o.Commits = func() uint64 { return s.Commits }
	}
	must(LeaveCgroup()) // it is itself begun as a run
	e, err := New(o)
	must(err)
	var refs []task.Ref
	var all []engine.Process
	for _, spec := range s.Specs {
		f, err := os.OpenFile(filepath.Join(s.Dir, spec.Name+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		must(err)
		p, err := e.start(context.Background(), engine.Launch{Spec: &spec, Run: 7, Log: f}, s.Way.groups(e))
		must(err)
		refs = append(refs, p.Ref())
		all = append(all, p)
	}
	if s.Line != "" {
		out := filepath.Join(s.Dir, "line")
		go e.exec(context.Background(), engine.Launch{Spec: &s.Specs[0], Run: 7, Env: []string{"OUT=" + out}}, s.Line, s.Way.groups(e))
		for text, _ := os.ReadFile(out); bytes.Count(text, []byte("\n")) < 2; text, _ = os.ReadFile(out) {
			time.Sleep(time.Millisecond)
		}
	}
	for i, p := range all {
		path := filepath.Join(s.Dir, s.Specs[i].Name+".log")
		for text, _ := os.ReadFile(path); s.Pause && !bytes.Contains(text, []byte("out")); text, _ = os.ReadFile(path) {
			time.Sleep(time.Millisecond)
		}
		if s.Pause {
			must(p.(engine.Pauser).Pause())
		}
		if s.Ended {
			<-p.Exited()
			refs[i] = p.Ref()
		}
	}
	report(s.refs(), refs)
	for {
		time.Sleep(time.Hour)
	}
}

// playOrphanage takes in what the first supervisor leaves.
func playOrphanage() {
	s := stageOfEnv()
	must(unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
	ended := make(chan os.Signal, 1) // a child
	signal.Notify(ended, syscall.SIGCHLD)
	died := make(chan struct{}) // the test
	go func() {
		defer close(died)
		test, err := unix.PidfdOpen(s.Test, 0)
		for err == nil || err == unix.EINTR {
			var n int
			if n, err = unix.Poll([]unix.PollFd{{Fd: int32(test), Events: unix.POLLIN}}, -1); n > 0 {
				return
			}
		}
	}()
	killFirst(s)
	report(s.dead(), true)
	for alive := true; alive; {
		for !s.Keep {
			if pid, _ := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 {
				break
			}
		}
		select {
		case <-ended:
		case <-died:
			alive = false
		}
	}
	for { // the test died: nothing may outlive it
		for _, p := range processes() {
			if p.ppid == os.Getpid() {
				syscall.Kill(p.pid, syscall.SIGKILL)
			}
		}
		if _, err := syscall.Wait4(-1, nil, 0, nil); errors.Is(err, syscall.ECHILD) {
			return
		}
	}
}

// killFirst runs a first supervisor until its runs have begun.
func killFirst(s stage) {
	first := play("first", os.Stdout)
	for {
		if _, err := os.Stat(s.refs()); err == nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	must(first.Kill())
	_, err := first.Wait()
	must(err)
}

// play starts this binary in another mode, with in as its standard input.
func play(mode string, in *os.File) *os.Process {
	exe, err := os.Executable()
	must(err)
	p, err := os.StartProcess(exe, []string{exe}, &os.ProcAttr{
		Files: []*os.File{in, os.Stdout, os.Stderr},
		Env:   append([]string{"PROCESS_TEST_HELPER=" + mode}, os.Environ()...), // the first of a name counts
	})
	must(err)
	return p
}

// report writes v to path, whole or not at all.
func report(path string, v any) {
	text, err := json.Marshal(v)
	must(err)
	must(os.WriteFile(path+".new", text, 0o600))
	must(os.Rename(path+".new", path))
}
