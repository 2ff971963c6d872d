package process

import (
	"errors"
	"os"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"tasks/internal/enginetest"
	"tasks/pkg/engine"
	"tasks/pkg/task"
)

var _ engine.Pauser = (*run)(nil)

func pause(t *testing.T, s started) {
	t.Helper()
	if err := s.Process.(engine.Pauser).Pause(); err != nil {
		t.Fatal(err)
	}
}

func resume(t *testing.T, s started) {
	t.Helper()
	if err := s.Process.(engine.Pauser).Resume(); err != nil {
		t.Fatal(err)
	}
}

// atRest reports whether the process can execute nothing: it is stopped, or frozen,
// or waits in the kernel for a child that is, vfork(2).
func atRest(s started, p proc) bool {
	st, ok := statOf(p.pid)
	ok = ok && st.proc == p
	if _, thread, err := living(p.pid); err == nil {
		st = thread
	}
	if ok && (st.stopped() || st.state == 'D') {
		return true
	}
	group := cgroupOf(s)
	return group != "" && slices.Contains(seen(group.pids()), p.pid) && seen(group.frozen())
}

func awaken(t *testing.T, s started, p proc) {
	t.Helper()
	for end := time.Now().Add(enginetest.Timeout); atRest(s, p); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("process %d is not resumed", p.pid)
		}
	}
	if !alive(p) {
		t.Errorf("process %d has ended", p.pid)
	}
}

// checkPaused expects the run to be at rest but there.
func checkPaused(t *testing.T, s started, procs ...proc) {
	t.Helper()
	for _, p := range procs {
		if !atRest(s, p) || !alive(p) {
			st, _ := statOf(p.pid)
			t.Errorf("process %d is not at rest: %+v", p.pid, st)
		}
	}
	if tree, err := s.Process.(engine.Tree).Tree(); err != nil || len(tree) == 0 {
		t.Errorf("%v, %v", tree, err)
	}
	if left := s.Process.(engine.Tree).Remaining(); len(left) == 0 {
		t.Error("nothing is left of a run that is paused")
	}
	if st, err := s.Process.(engine.Sampler).Sample(); err != nil || st.Processes == 0 {
		t.Errorf("%+v, %v", st, err)
	}
}

// ends has the signals end the run.
func (s started) ends(t *testing.T, ignoresTERM bool, procs ...proc) {
	t.Helper()
	s.Stop(syscall.SIGTERM)
	enginetest.Await(t, s.Exited(), "Exited")
	if ignoresTERM {
		s.Stop(syscall.SIGKILL)
	}
	if e := s.wait(t); e.Signal != syscall.SIGTERM && recordsExits() {
		t.Errorf("%+v", e)
	}
	noneAlive(t, procs...)
}

func TestPauseAndResume(t *testing.T) {
	eachTree(t, func(t *testing.T, i int, w way) {
		s := w.start(t, sh(trees[i].script+`echo main; wait; sleep 1000`))
		s.line(t, "main")
		out, main := procOf(t, s.line(t, "out")), proc{s.Ref().PID, s.Ref().Start}
		for range 2 { // pausing a paused run succeeds, and so does resuming a running one
			pause(t, s)
			checkPaused(t, s, out, main)
		}
		for range 2 {
			resume(t, s)
			awaken(t, s, out)
			awaken(t, s, main)
		}
		pause(t, s)
		checkPaused(t, s, out, main)
		s.ends(t, trees[i].ignoresTERM, out, main)
	})
}

func TestKillEndsThePaused(t *testing.T) {
	eachTree(t, func(t *testing.T, i int, w way) {
		s := w.start(t, sh(`trap "" TERM; `+trees[i].script+`echo main; wait; sleep 1000`))
		s.line(t, "main")
		out := procOf(t, s.line(t, "out"))
		pause(t, s)
		s.Stop(syscall.SIGKILL)
		if e := s.wait(t); e.Signal != syscall.SIGKILL {
			t.Errorf("%+v", e)
		}
		noneAlive(t, out)
	})
}

// A supervisor that was killed while runs were paused leaves them so; the next
// can end that.
func TestAdoptThePaused(t *testing.T) {
	all := make(map[way][]orphan)
	for _, w := range ways {
		s := stage{Way: w, Pause: true}
		for _, tt := range trees {
			if w.misses(tt.name) {
				tt.script = "echo out; exec sleep 1000; " // nobody takes it back
			}
			s.Specs = append(s.Specs, sh(tt.script+`echo main; wait; sleep 1000`))
		}
		all[w] = outlive(t, s)
	}
	eachTree(t, func(t *testing.T, i int, w way) {
		s := all[w][i].adopt(t)
		out, main := procOf(t, s.line(t, "out")), all[w][i].proc()
		checkPaused(t, s, out, main)
		if i%2 == 0 {
			resume(t, s)
			awaken(t, s, out)
			awaken(t, s, main)
			pause(t, s)
			checkPaused(t, s, out, main)
		}
		s.ends(t, trees[i].ignoresTERM, out, main)
	})
}

// What forks faster than anybody can look, and leaves its session, is frozen.
func TestPauseWhatForks(t *testing.T) {
	t.Parallel()
	for _, w := range ways {
		s := w.start(t, sh(`fork() { (setsid sh -c 'echo fork' &) ; } ; while :; do fork; done`))
		s.line(t, "fork")
		for range 2 {
			pause(t, s)
			before := len(s.log(t))
			for range 20 {
				processes()
			}
			if after := len(s.log(t)); after != before {
				t.Errorf("%s: it wrote %d bytes while it was paused", w, after-before)
			}
			resume(t, s)
			for end := time.Now().Add(enginetest.Timeout); len(s.log(t)) == before; time.Sleep(time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("%s: it is not resumed", w)
				}
			}
		}
		s.Stop(syscall.SIGKILL)
		s.wait(t)
	}
}

// What waits in the kernel for another that is stopped cannot stop itself: a
// parent in vfork(2), which perl can call by its number.
func TestPauseAParentInVfork(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/usr/bin/perl"); err != nil || runtime.GOARCH != "amd64" {
		t.Skip("there is no vfork to be had")
	}
	const script = `$| = 1; if (syscall(58) == 0) { print "out ", syscall(39), "\n"; sleep 1000 while 1 }`
	for _, w := range ways {
		s := w.start(t, task.Spec{Command: []string{"/usr/bin/perl", "-e", script}})
		child := procOf(t, s.line(t, "out"))
		for end := time.Now().Add(enginetest.Timeout); ; time.Sleep(time.Millisecond) {
			st, _ := statOf(s.Ref().PID)
			if st.state == 'D' {
				break
			}
			if time.Now().After(end) { // the child may have spoken before it does
				t.Fatalf("the parent does not wait: %+v", st)
			}
		}
		pause(t, s)
		if !atRest(s, child) {
			t.Errorf("%s: the child keeps running", w)
		}
		resume(t, s)
		awaken(t, s, child)
		pause(t, s)
		s.ends(t, false, child)
	}
}

func TestPauseWhatEnds(t *testing.T) {
	t.Parallel()
	for _, w := range ways {
		s := w.start(t, sh(`trap 'echo told' TERM; echo up; while :; do sleep 0.02; done`))
		s.line(t, "up")
		s.Stop(syscall.SIGTERM)
		for _, f := range []func() error{s.Process.(engine.Pauser).Pause, s.Process.(engine.Pauser).Resume} {
			if err := f(); !errors.Is(err, errEnding) || !errors.Is(err, task.ErrConflict) {
				t.Errorf("%s, stopping: %v", w, err)
			}
		}
		s.line(t, "told")
		s.Stop(syscall.SIGKILL)
		s.wait(t)
		for _, f := range []func() error{s.Process.(engine.Pauser).Pause, s.Process.(engine.Pauser).Resume} {
			if err := f(); !errors.Is(err, errEnded) || !errors.Is(err, task.ErrConflict) {
				t.Errorf("%s, ended: %v", w, err)
			}
		}
	}
}

// Whatever comes first, a stop ends it.
func TestPauseAndStopAtOnce(t *testing.T) {
	t.Parallel()
	for _, w := range ways {
		for range 4 {
			s := w.start(t, sh(`setsid sh -c 'echo out $$; exec sleep 1000' & echo up; wait`))
			s.line(t, "up")
			out := procOf(t, s.line(t, "out"))
			var both sync.WaitGroup
			both.Go(func() { s.Process.(engine.Pauser).Pause() })
			both.Go(func() { s.Stop(syscall.SIGTERM) })
			both.Wait()
			if e := s.wait(t); e.Signal != syscall.SIGTERM {
				t.Errorf("%s: %+v", w, e)
			}
			noneAlive(t, out)
		}
	}
}

// A main process that is killed while its run is paused leaves nothing asleep.
func TestPausedChildrenAreLeftAwake(t *testing.T) {
	t.Parallel()
	for _, w := range ways {
		spec := sh(`setsid sh -c 'echo out $$; exec sleep 1000' & echo up; wait`)
		spec.LeaveChildren = true
		s := w.start(t, spec)
		s.line(t, "up")
		out := procOf(t, s.line(t, "out"))
		pause(t, s)
		if err := s.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		s.wait(t)
		awaken(t, s, out)
		shared.tree.signal(out, syscall.SIGKILL)
	}
}

// A resume also wakes the processes that a task has stopped itself.
func TestResumeWakesTheStopped(t *testing.T) {
	t.Parallel()
	for _, w := range ways {
		s := w.start(t, sh(`setsid sh -c 'echo out $$; kill -STOP $$; echo woken' & echo up; wait`))
		out := procOf(t, s.line(t, "out"))
		for end := time.Now().Add(enginetest.Timeout); !atRest(s, out); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("it does not stop itself")
			}
		}
		resume(t, s)
		s.line(t, "woken")
		s.wait(t)
	}
}

// However many are paused at once, few looks at all processes serve them.
func TestManyPauses(t *testing.T) { // not parallel: it counts
	const n = 300
	for _, w := range ways {
		all := w.many(t, n)
		did := func(what func(engine.Pauser) error) time.Duration {
			begin := time.Now()
			var both sync.WaitGroup
			for _, p := range all {
				both.Go(func() {
					if err := what(p.(engine.Pauser)); err != nil {
						t.Error(err)
					}
				})
			}
			both.Wait()
			return time.Since(begin)
		}
		before := shared.members.looks
		paused := did(engine.Pauser.Pause)
		resumed := did(engine.Pauser.Resume)
		t.Logf("%s: %d runs paused in %v, resumed in %v, with %d looks", w, n, paused, resumed, shared.members.looks-before)
		if looks := shared.members.looks - before; looks > n {
			t.Errorf("%s: %d looks", w, looks)
		}
		did(engine.Pauser.Pause)
		stopMany(t, all)
	}
}
