package process

import (
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"tasks/internal/enginetest"
	"tasks/pkg/engine"
	"tasks/pkg/task"
)

// inSession leaves one that nothing but its session ties to its run, and that heeds KILL
// alone.
const inSession = `(trap "" TERM; exec env -i sleep 1000 <&- >&- 2>&-) & echo out $!; until grep -q sleep /proc/$!/comm; do sleep 0.01; done; exit 3`

// leftInSession has the runs end, and each leave one in its session, before their
// supervisor dies, and after that has seen it.
func leftInSession(t *testing.T, n int) (orphans []orphan, outs []proc) {
	t.Helper()
	s := stage{Way: bare, Ended: true}
	for range n {
		s.Specs = append(s.Specs, sh(inSession))
	}
	orphans = outlive(t, s)
	for _, o := range orphans {
		out := procOf(t, o.started().line(t, "out"))
		t.Cleanup(func() { shared.tree.signal(out, syscall.SIGKILL) })
		if env, err := os.ReadFile("/proc/" + strconv.Itoa(out.pid) + "/environ"); err != nil || len(env) > 0 {
			t.Fatalf("its environment is %q, %v", env, err)
		}
		if o.ref.Over < out.start {
			t.Fatalf("%+v has ended at %d, and what it left began at %d", o.ref, o.ref.Over, out.start)
		}
		o.reaped(t)
		outs = append(outs, out)
	}
	return orphans, outs
}

// What a run has left in its session is its own also for the next supervisor, and the
// one after that, which take it back in the midst of its end.
func TestAdoptWhatIsLeftInTheSession(t *testing.T) {
	t.Parallel()
	for _, oneByOne := range []bool{false, true} {
		orphans, outs := leftInSession(t, 1)
		s := orphans[0].adopt(t)
		s.Process.(*run).oneByOne = oneByOne
		enginetest.Await(t, s.Exited(), "Exited")
		s.Stop(syscall.SIGTERM)
		awaitTold(t, s.Process.(*run), outs[0])
		notGone(t, s)
		if left := s.Process.(engine.Tree).Remaining(); len(left) != 1 || left[0].PID != outs[0].pid {
			t.Errorf("it has left %+v, not process %d", left, outs[0].pid)
		}
		if strays := seen(shared.Strays()); slices.Contains(strays, outs[0].pid) {
			t.Error("it is a stray")
		}
		if !alive(outs[0]) {
			t.Error("a process that ignores TERM ended by it")
		}
		s.Stop(syscall.SIGKILL)
		if e := s.wait(t); e != (task.Exit{Lost: true, LeftBehind: 1}) {
			t.Errorf("%+v", e)
		}
		noneAlive(t, outs[0])
	}
}

// awaitTold waits until the process was sent the run's signal.
func awaitTold(t *testing.T, r *run, p proc) {
	t.Helper()
	for end := time.Now().Add(enginetest.Timeout); ; time.Sleep(time.Millisecond) {
		r.engine.mu.Lock()
		sig := r.signalled[p]
		r.engine.mu.Unlock()
		if sig != 0 {
			return
		}
		if closed(r.gone) {
			t.Fatal("it is gone, with one left")
		}
		if time.Now().After(end) {
			t.Fatal("what it left is not asked to end")
		}
	}
}

// A session that may be another's by then is left alone: one whose members are all from
// after the end of the main process, one of another pid namespace, and one of a run whose
// end nobody saw.
func TestAdoptedSessionOfAnother(t *testing.T) {
	t.Parallel()
	orphans, outs := leftInSession(t, 3)
	orphans[0].ref.Over = outs[0].start - 1
	orphans[1].ref.Namespace++
	orphans[2].ref.Over, orphans[2].ref.Namespace = 0, 0
	for i, o := range orphans {
		p, err := shared.Adopt(t.Context(), engine.Launch{Spec: &o.spec, Run: 7}, o.ref)
		if err != nil {
			t.Fatal(err)
		}
		p.Stop(syscall.SIGKILL)
		s := started{p, o.path}
		if e := s.wait(t); e != (task.Exit{Lost: true}) {
			t.Errorf("%d: %+v", i, e)
		}
		if !alive(outs[i]) {
			t.Errorf("%d: a stranger was ended", i)
		}
		want := o.ref
		if i == 1 { // these fields are not used here
			want.Over, want.Namespace = 0, 0
		}
		if p.Ref() != want {
			t.Errorf("%d: %+v was taken back as %+v", i, o.ref, p.Ref())
		}
	}
}

// The end of the main process is in what is recorded from when it is seen, also of a run
// that was taken back when it lived.
func TestRefTellsOfTheEnd(t *testing.T) {
	t.Parallel()
	const waits = `trap 'exit 0' USR1; echo up; while :; do sleep 0.1; done`
	before := ticks()
	for what, s := range map[string]started{"its own": start(t, sh(waits)), "one taken back": one(t, waits).adopt(t)} {
		s.line(t, "up")
		if ref := s.Ref(); ref.Over != 0 || ref.Namespace != 0 {
			t.Errorf("%s: it lives: %+v", what, ref)
		}
		if err := s.Signal(syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		enginetest.Await(t, s.Exited(), "Exited")
		if ref := s.Ref(); ref.Over < before || ref.Over > ticks() || ref.Namespace != shared.namespace {
			t.Errorf("%s: %+v, from %d to %d", what, ref, before, ticks())
		}
	}
}
