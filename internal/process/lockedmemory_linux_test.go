package process

import (
	"errors"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"tasks/pkg/task"
)

// A process whose memory is locked, for as long as a file server does not answer, holds up no
// run but its own, no view of the processes, and no supervisor that begins.
func TestLockedMemoryHoldsUpItsRunAlone(t *testing.T) {
	if !onMachine(t) {
		return
	}
	synctest.Test(t, func(t *testing.T) {
		s := quietSim(t)
		for _, name := range []string{"own", "stopped", "ended", "other"} {
			s.start(name)
		}
		s.pass(time.Second)
		own, stopped, ended, other := s.runs[0], s.runs[1], s.runs[2], s.runs[3]
		var away, lost *simProc
		s.inMachine(func(m *machine) {
			m.left = -1
			away = m.fork(own.main) // writes to the log of its run
			lost = m.fork(own.main) // to nothing: any run may have begun it
			for _, p := range []*simProc{away, lost} {
				m.setsid(p)
				p.locked, p.ignores, p.reaps = make(chan struct{}), true, true
			}
			lost.files = nil
			parent := m.fork(own.main) // both have lost theirs
			away.parent, lost.parent = parent, parent
			m.end(parent, 0)
			m.end(ended.main, 0)
		})
		s.ask(func() { s.signal(stopped, syscall.SIGTERM) })
		s.pass(lockedAfter + 2*time.Second)
		s.inMachine(func(m *machine) {
			for _, r := range []*simRun{stopped, ended} {
				if !r.over {
					m.fail("%s is held up", r.name)
				}
			}
		})
		if all, err := treeOf(other); err != nil || len(all) != 1 {
			t.Errorf("the tree: %v, %v", all, err)
		}
		if all, err := treeOf(own); err != nil || len(all) != 2 {
			t.Errorf("the tree of its run: %v, %v", all, err)
		}
		if strays, err := s.m.life.engine.Strays(); err != nil || len(strays) != 1 || strays[0] != lost.pid {
			t.Errorf("strays: %v, %v", strays, err)
		}

		s.inMachine(func(m *machine) {
			m.die()
			m.end(own.main, 0)
		})
		s.end()
		began := time.Now()
		s.startEngine()
		if took := time.Since(began); took > unknownTimeout+10*time.Second {
			t.Errorf("the next supervisor begins after %v", took)
		}
		var r *run
		s.inMachine(func(m *machine) { m.left, m.faulty, r = -1, 0, own.r })
		s.ask(func() { s.signal(other, syscall.SIGTERM) })
		s.pass(time.Minute)
		s.inMachine(func(m *machine) {
			if !other.over {
				m.fail("%s is held up", other.name)
			}
			if own.over || away.zombie {
				m.fail("its run has not waited: over %v, %v", own.over, away)
			}
		})
		if err := r.StopErr(); !errors.Is(err, errLocked) {
			t.Errorf("its run is held up by: %v", err)
		}
		s.inMachine(func(*machine) {
			for _, p := range []*simProc{away, lost} {
				close(p.locked)
				p.ignores = false
			}
		})
		s.pass(time.Minute)
		s.inMachine(func(m *machine) {
			if !own.over || !away.zombie {
				m.fail("what could be read again has not ended: over %v, %v", own.over, away)
			}
		})
		s.close()
	})
}

func treeOf(r *simRun) ([]task.Proc, error) { return r.r.Tree() }

// One read of a file hangs at a time, and few in all; who asks in between is answered at once,
// and who asks once it has ended gets what it has found.
func TestReadsOfLockedMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemoryReads()
		locked, reads := make(chan struct{}), atomic.Int64{}
		ask := func(pid int, want error, within time.Duration) {
			t.Helper()
			began := time.Now()
			text, err := m.of(memoryFile{proc{pid, 1}, "environ"}, func() ([]byte, error) { reads.Add(1); <-locked; return []byte("A=b"), nil })
			if err != want || err == nil && string(text) != "A=b" || time.Since(began) > within {
				t.Errorf("%d: %q, %v after %v", pid, text, err, time.Since(began))
			}
		}
		for pid := range maxSlow {
			ask(pid, errHangs, memoryPolls*memoryInterval)
			ask(pid, errHangs, 0)
		}
		ask(maxSlow, errLocked, 0)
		time.Sleep(lockedAfter)
		ask(0, errLocked, 0)
		if !denied(errLocked) || reads.Load() != maxSlow {
			t.Errorf("%d reads hang", reads.Load())
		}
		close(locked)
		synctest.Wait()
		ask(0, nil, 0)
		if reads.Load() != maxSlow {
			t.Error("what was found late is read again")
		}
		m.slow[memoryFile{proc{0, 1}, "cmdline"}] = &memoryRead{ended: true}
		ask(maxSlow, nil, 0)
		if len(m.slow) != 0 {
			t.Errorf("remembered: %v", m.slow)
		}
	})
}

// An exec that hangs is waited for once, so that looks cost no second each for every such
// process of the machine; once it has ended, the next one is waited for again.
func TestExecThatHangsIsWaitedForOnce(t *testing.T) {
	if !onMachine(t) {
		return
	}
	synctest.Test(t, func(t *testing.T) {
		s := quietSim(t)
		s.start("a")
		s.pass(time.Second)
		r := s.runs[0]
		s.inMachine(func(m *machine) { m.left = -1 })
		for _, tt := range []struct {
			hangs  bool
			within time.Duration
			want   error
		}{{true, 10 * time.Second, errExecHangs}, {true, 100 * time.Millisecond, errExecHangs}, {false, 100 * time.Millisecond, nil}, {true, 10 * time.Second, errExecHangs}} {
			s.inMachine(func(*machine) { r.main.execing = tt.hangs })
			began := time.Now()
			_, _, err := readMarks(r.main.pid)
			if took := time.Since(began); err != tt.want || took > tt.within || tt.within > time.Second && took < 900*time.Millisecond {
				t.Errorf("%+v: %v after %v", tt, err, took)
			}
		}
		s.inMachine(func(*machine) { r.main.execing = false })
		s.close()
	})
}
