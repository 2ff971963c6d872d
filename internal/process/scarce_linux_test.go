package process

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tasks/pkg/engine"
	"tasks/pkg/task"
)

// More runs are taken back than there are descriptors: some are left to others, and
// every run ends, by itself or as it is stopped.
func TestAdoptWithFewDescriptors(t *testing.T) {
	t.Parallel()
	for _, keep := range []bool{false, true} { // zombies
		t.Run(fmt.Sprint(keep), func(t *testing.T) {
			t.Parallel()
			s := stage{Keep: keep}
			for i := range 60 {
				spec := sh("exec sleep 1000")
				spec.Name = fmt.Sprintf("few%v%d", keep, i)
				s.Specs = append(s.Specs, spec)
			}
			orphans := outlive(t, s)
			s.ID, s.Dir = shared.opts.ID, filepath.Dir(orphans[0].path)
			text, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			h := helper(t, "few")
			h.Env = env(t, map[string]string{"PROCESS_TEST_HELPER": "few", "PROCESS_TEST_STAGE": string(text), "PATH": "/usr/bin:/bin"})
			p := start(t, h)
			if e := p.wait(t); e != (task.Exit{}) {
				t.Errorf("%+v:\n%s", e, p.log(t))
			}
			t.Log(p.log(t))
		})
	}
}

// playFew takes them back, in a process of its own.
func playFew() {
	must(LeaveCgroup()) // it is itself begun as a run
	s := stageOfEnv()
	must(unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 64, Max: 64}))
	o := options("/")
	o.ID = s.ID
	e, err := New(o)
	must(err)
	var all []engine.Process
	for i, ref := range readRefs(s) {
		p, err := e.Adopt(context.Background(), engine.Launch{Spec: &s.Specs[i], Run: 7}, ref)
		must(err)
		all = append(all, p)
	}
	fd, err := unix.Dup(0)
	must(err)
	if fd > 48 {
		must(fmt.Errorf("the next descriptor is %d", fd))
	}
	unix.Close(fd)
	for end := time.Now().Add(bound); e.unwatched.Load() < 20; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			must(fmt.Errorf("%d are not watched", e.unwatched.Load()))
		}
	}
	for i, p := range all {
		if i%2 == 0 {
			must(syscall.Kill(p.Ref().PID, syscall.SIGTERM))
		} else {
			p.Stop(syscall.SIGTERM)
		}
	}
	lost := 0
	for i, p := range all {
		select {
		case <-p.Gone():
		case <-time.After(bound):
			must(fmt.Errorf("run %d does not end", i))
		}
		switch e := p.Exit(); {
		case e.Lost && !s.Keep:
			lost++
		case e.Signal != syscall.SIGTERM && recordsExits() || e.Lost && s.Keep:
			must(fmt.Errorf("run %d ended with %+v", i, e))
		}
	}
	fmt.Println(lost, "are lost")
	if n := e.unwatched.Load(); n != 0 {
		must(fmt.Errorf("%d are not watched", n))
	}
	must(e.Close())
}
