package supervisor_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"tasks/internal/enginetest"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

func TestRandomOperations(t *testing.T) {
	t.Parallel()
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 0))
		script := make([]byte, 3*(20+r.IntN(60)))
		for i := range script {
			script[i] = byte(r.Uint32())
		}
		play(t, script)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func FuzzOperations(f *testing.F) {
	f.Add([]byte("\x00\x01\x00\x06\x00\x09\x02\x01\x00\x08\x00\x00\x01\x01\x00"))
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) < 600 {
			play(t, script)
		}
	})
}

// play carries out a script of three bytes a step against a scripted engine,
// and looks after each whether all is as it must be.
func play(t *testing.T, script []byte) {
	synctest.Test(t, func(t *testing.T) {
		f, st, checker := enginetest.NewFake(), newMemory(), enginetest.NewFakeChecker()
		w := &world{
			t: t, fake: f, st: st, checker: checker, limit: noLimit,
			runs: make(map[string][]*enginetest.FakeRun), begun: make(map[*enginetest.FakeRun]bool),
			waiting: make(map[*enginetest.FakeRun]bool), checks: make(map[string]*enginetest.FakeChecks),
		}
		w.sup = supervisor.New(w.options())
		for ; len(script) >= 3 && !t.Failed(); script = script[3:] {
			w.step(script[0], script[1], script[2])
			synctest.Wait()
			w.check()
		}
		st.failing(nil)
		f.Hold(false)
		f.AutoStop(true)
		for r := range w.begun {
			r.Begin()
			r.Exit(task.Exit{}, false)
			r.Vanish(0)
		}
		if err := w.sup.Close(t.Context()); err != nil {
			t.Errorf("Close: %v", err)
		}
		synctest.Wait()
		w.closed = true
		w.check()
		if open, going := checker.Left(); open != 0 || going != 0 {
			t.Errorf("%d checks are open, %d still run", open, going)
		}
		for i, c := range w.calls {
			if !answered(c) {
				t.Errorf("call %d was never answered", i)
			}
		}
		if f.Live() != 0 {
			t.Errorf("%d runs outlived Close", f.Live())
		}
	})
}

// noLimit is more slots than there are tasks.
const noLimit = 1000

type world struct {
	t       *testing.T
	fake    *enginetest.Fake
	st      *memory
	checker *enginetest.FakeChecker
	sup     *supervisor.Supervisor
	checks  map[string]*enginetest.FakeChecks // of the last run
	limit   int                               // of the group
	most    int                               // that may run, since there were more slots before
	paused  bool                              // the group
	closed  bool

	runs  map[string][]*enginetest.FakeRun
	calls []*supervisor.Call
	held  bool                         // engine starts wait for case 12
	begun map[*enginetest.FakeRun]bool // exist, unless they are gone

	waiting map[*enginetest.FakeRun]bool // neither begun nor failed
}

func (w *world) options() supervisor.Options {
	return supervisor.Options{Commands: w.fake.Adopter(), Store: w.st, Checker: w.checker}
}

func (w *world) step(what, kind, how byte) {
	name := fmt.Sprint("task", kind%3)
	o := op{name: name, now: how&1 != 0, force: how&1 != 0, replace: how&2 != 0}
	var run *enginetest.FakeRun
	if all := w.runs[name]; len(all) > 0 {
		run = all[len(all)-1]
	}
	switch what % 22 {
	case 0, 1:
		o.spec = &task.Spec{
			Name: name, Command: []string{"x"}, LeaveChildren: how&4 != 0,
			Restart: []task.Restart{"", task.RestartOnFailure, task.RestartAlways}[how%3],
		}
		if how&8 != 0 {
			o.spec.Timeout = new(task.Duration(time.Minute))
		}
		if how&16 != 0 {
			o.spec.MaxRestarts = new(1)
		}
		w.waits(o.spec, kind/3)
	case 2:
		o.spec = &task.Spec{Name: name}
	case 3, 4:
		if o.kind = opStop; how&4 != 0 {
			o.grace = new(time.Duration(how) * time.Second / 8)
		}
	case 5, 6:
		o.kind = opRestart
	case 8:
		o.kind = opRemove
	case 9, 10:
		if run != nil {
			run.Exit(task.Exit{Code: int(how) % 3}, how&4 != 0)
			if run.Launch.Spec.LeaveChildren {
				w.begun[run] = false // what it leaves is nobody's
			}
		}
		return
	case 11:
		if run != nil {
			run.Vanish(1)
			run.AutoStop(how&1 != 0)
		}
		return
	case 12:
		if run == nil || !w.waiting[run] {
			return
		}
		delete(w.waiting, run)
		if how&1 != 0 {
			run.Fail(errors.New("no"))
		} else {
			run.Begin()
			w.begun[run] = true
		}
		return
	case 13:
		w.held = how&1 != 0
		w.fake.Hold(how&1 != 0)
		w.fake.AutoStop(how&2 != 0)
		if how&12 == 12 {
			w.fake.FailNext(syscall.ENOENT)
		}
		return
	case 14:
		fail := how&3 == 3
		w.st.failing(func(*task.Record) error {
			if fail {
				return errDisk
			}
			return nil
		})
		return
	case 15:
		time.Sleep(time.Duration(how) * time.Second / 4)
		return
	case 16:
		if o.kind = opPause; how&8 != 0 {
			o.kind = opDisable
		}
	case 7:
		if o.kind = opSignal; how&1 != 0 {
			o.kind, o.spec = opEdit, &task.Spec{Command: []string{"y"}, Restart: []task.Restart{"", task.RestartOnFailure, task.RestartAlways}[how%3]}
			w.waits(o.spec, kind/3)
		}
	case 17:
		if o.kind = opResume; how&8 != 0 {
			o.kind = opEnable
		}
	case 18, 19:
		w.changeGroup(how)
		return
	case 20:
		if k := w.checks[name]; k != nil && how&1 != 0 {
			k.Finish(nil)
		} else if k != nil {
			k.Finish(errDisk)
		}
		return
	case 21:
		w.reload()
		return
	}
	w.calls = append(w.calls, w.sup.Submit(o.request()))
}

// check compares what is shown with the model.
func (w *world) check() {
	w.t.Helper()
	for !w.fake.Idle() {
		r := w.fake.Next(w.t)
		w.runs[r.Launch.Spec.Name] = append(w.runs[r.Launch.Spec.Name], r)
		w.begun[r], w.waiting[r] = !w.held, w.held
	}
	for !w.checker.Idle() {
		k := w.checker.Next(w.t)
		w.checks[k.Spec.Name] = k
	}
	known := make(map[string]bool)
	infos := w.sup.List()
	for _, info := range infos {
		known[info.Name] = true
		w.checkTask(info)
	}
	w.checkGroup(infos)
	for name, runs := range w.runs {
		for _, r := range runs {
			if !known[name] && w.alive(r) {
				w.t.Errorf("%s was removed, its run %d lives", name, r.Launch.Run)
			}
		}
	}
}

func (w *world) checkTask(info task.Info) {
	w.t.Helper()
	live := 0
	for _, r := range w.runs[info.Name] {
		if w.alive(r) {
			live++
		}
	}
	full, err := w.sup.Info(info.Name)
	if err != nil {
		w.t.Errorf("%s is listed and unknown: %v", info.Name, err)
		return
	}
	bad := func(what string) { w.t.Errorf("%s with %d live runs: %s: %+v", info.Name, live, what, full) }
	var last task.Run
	if n := len(full.Runs); n > 0 {
		last = full.Runs[n-1]
	}
	over := last.State != "" || last.Run == 0
	waits := info.State == task.Waiting || info.State == task.Queued
	switch ended := info.State.Ended(); {
	case live > 1:
		bad("two runs")
	case waits && (live != 0 && !full.Spec.LeaveChildren || info.PID != 0 || info.Desired != task.DesiredRunning || !over || info.Slot != 0):
		bad("waits")
	case info.State == task.Waiting && !w.closed && !w.mayWait(&full):
		bad("waits for nothing")
	case (info.State == task.Running || info.State == task.Paused) && (live != 1 || info.PID == 0 || info.Desired != task.DesiredRunning):
		bad("running")
	case (ended || info.State == task.BackingOff) && (info.PID != 0 || info.EndedAt.IsZero() || !over):
		bad("ended")
	case !ended && !waits && info.State != task.BackingOff && (!info.EndedAt.IsZero() || info.ExitCode != nil || last.State != ""):
		bad("an end while it lasts")
	case info.State == task.BackingOff && info.NextAt.IsZero(), ended && !w.closed && !info.NextAt.IsZero():
		bad("next_at")
	case !ended && !info.NextAt.IsZero() && time.Until(info.NextAt.Time) < 0 && !w.closed:
		bad("it was due")
	case last.Run != info.Run || len(full.Runs) > 10:
		bad("runs")
	case ended && live == 1 && !full.Spec.LeaveChildren:
		bad("a run outlived its task")
	}
}

func (w *world) alive(r *enginetest.FakeRun) bool {
	select {
	case <-r.Gone():
		return false
	default:
		return w.begun[r]
	}
}
