package enginetest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"tasks/pkg/engine"
	"tasks/pkg/task"
)

// Kind is what a run of the suite does.
type Kind int

// The kinds.
const (
	Brief   Kind = iota // writes "hello\n" to its log and ends well
	Failing             // ends otherwise
	Lasting             // runs until it is asked to stop, and then ends
	Broken              // cannot begin
)

// Timeout bounds each wait of the suite for an event that must come.
const Timeout = time.Minute

// Suite checks all that any engine promises. It asks of for an engine and a
// spec that make a run of a kind; a nil engine means that it has no such runs.
func Suite(t *testing.T, of func(t *testing.T, k Kind) (engine.Engine, *task.Spec)) {
	for name, check := range map[string]func(*testing.T, suite){
		"BriefRun": briefRun, "FailingRun": failingRun, "BrokenRun": brokenRun, "LastingRun": lastingRun, "Kill": kill,
		"Announcement": announcement, "NoLog": noLog, "StopsAtOnce": stopsAtOnce, "ContextBoundsTheCall": contextBoundsTheCall,
		"ManyRuns": manyRuns, "AdoptNothing": adoptNothing,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, of)
		})
	}
}

var runs atomic.Int64 // a supervisor begins no run twice

type suite func(t *testing.T, k Kind) (engine.Engine, *task.Spec)

// launch makes a launch of the kind that logs to a new file.
func (of suite) launch(t *testing.T, k Kind) (engine.Engine, engine.Launch, string) {
	t.Helper()
	e, spec := of(t, k)
	if e == nil {
		t.Skip("the engine has no such runs")
	}
	path := filepath.Join(t.TempDir(), "log")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	return e, engine.Launch{Spec: spec, Run: int(runs.Add(1)), Log: f}, path
}

func (of suite) start(t *testing.T, k Kind) (engine.Process, engine.Launch, string) {
	t.Helper()
	e, l, path := of.launch(t, k)
	p, err := e.Start(t.Context(), l)
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	t.Cleanup(func() { p.Stop(syscall.SIGKILL) })
	return p, l, path
}

// Await fails the test if c is not closed in time.
func Await(t testing.TB, c <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(Timeout):
		t.Fatalf("%s did not come", what)
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func logClosed(t *testing.T, l engine.Launch) {
	t.Helper()
	if err := l.Log.Close(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("the log was left open: its Close returns %v", err)
	}
}

func briefRun(t *testing.T, of suite) {
	p, l, path := of.start(t, Brief)
	Await(t, p.Exited(), "Exited")
	if !isClosed(p.Gone()) {
		t.Error("nothing was left behind, but the run was not gone once it had exited")
	}
	if e := p.Exit(); !e.OK() || e.LeftBehind != 0 {
		t.Errorf("Exit = %+v", e)
	}
	isEnded(t, p, true)
	logClosed(t, l)
	if b, err := os.ReadFile(path); err != nil || string(b) != "hello\n" {
		t.Errorf("the log has %q, %v", b, err)
	}
	ended(t, p)
}

// isEnded checks what an Ender says.
func isEnded(t *testing.T, p engine.Process, want bool) {
	t.Helper()
	if e, ok := p.(engine.Ender); ok && e.Ended() != want {
		t.Errorf("Ended = %t", !want)
	}
}

// announcement: of an Announcer, the last call comes when Exited and Gone are closed.
func announcement(t *testing.T, of suite) {
	p, _, _ := of.start(t, Lasting)
	announcer, ok := p.(engine.Announcer)
	if !ok {
		t.Skip("the engine announces no ends")
	}
	calls := make(chan struct{}, 8)
	announcer.Announce(func() { calls <- struct{}{} })
	p.Stop(syscall.SIGTERM)
	for over := false; !over; {
		select {
		case <-calls:
			over = isClosed(p.Exited()) && isClosed(p.Gone())
		case <-time.After(Timeout):
			t.Fatal("the end was not announced")
		}
	}
}

func failingRun(t *testing.T, of suite) {
	p, _, _ := of.start(t, Failing)
	Await(t, p.Gone(), "Gone")
	Await(t, p.Exited(), "Exited after Gone")
	if e := p.Exit(); e.OK() || e.Lost {
		t.Errorf("Exit = %+v", e)
	}
	ended(t, p)
}

func brokenRun(t *testing.T, of suite) {
	e, l, _ := of.launch(t, Broken)
	p, err := e.Start(t.Context(), l)
	if err == nil || p != nil {
		t.Fatalf("Start returns %v, %v", p, err)
	}
	logClosed(t, l)
}

func lastingRun(t *testing.T, of suite) {
	p, l, _ := of.start(t, Lasting)
	if isClosed(p.Exited()) || isClosed(p.Gone()) {
		t.Fatalf("it ended by itself: %+v", p.Exit())
	}
	isEnded(t, p, false)
	p.Stop(syscall.SIGTERM)
	p.Stop(syscall.SIGTERM)
	Await(t, p.Gone(), "Gone after Stop")
	Await(t, p.Exited(), "Exited after Gone")
	if e := p.Exit(); e.Lost {
		t.Errorf("Exit = %+v", e)
	}
	logClosed(t, l)
	ended(t, p)
}

func kill(t *testing.T, of suite) {
	p, _, _ := of.start(t, Lasting)
	p.Stop(syscall.SIGKILL)
	Await(t, p.Exited(), "Exited after a kill")
	Await(t, p.Gone(), "Gone after a kill")
	ended(t, p)
}

// ended checks that what comes too late changes nothing.
func ended(t *testing.T, p engine.Process) {
	t.Helper()
	exit := p.Exit()
	p.Stop(syscall.SIGTERM)
	p.Stop(syscall.SIGKILL)
	if err := p.Signal(syscall.SIGCONT); err == nil {
		t.Error("an ended run took a signal")
	}
	if again := p.Exit(); again != exit {
		t.Errorf("Exit was %+v and is %+v", exit, again)
	}
	if !isClosed(p.Exited()) || !isClosed(p.Gone()) {
		t.Error("an ended run came back")
	}
}

func noLog(t *testing.T, of suite) {
	e, spec := of(t, Brief)
	p, err := e.Start(t.Context(), engine.Launch{Spec: spec, Run: 1})
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	Await(t, p.Gone(), "Gone")
}

func stopsAtOnce(t *testing.T, of suite) {
	p, _, _ := of.start(t, Lasting)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			sig := syscall.SIGTERM
			if i%2 == 1 {
				sig = syscall.SIGKILL
			}
			p.Stop(sig)
			p.Signal(syscall.SIGCONT)
			p.Exit()
		})
		all.Go(func() {
			<-p.Exited()
			if e := p.Exit(); e.Lost {
				t.Errorf("Exit = %+v", e)
			}
		})
	}
	Await(t, p.Gone(), "Gone")
	all.Wait()
}

func contextBoundsTheCall(t *testing.T, of suite) {
	e, l, _ := of.launch(t, Lasting)
	ctx, cancel := context.WithCancel(t.Context())
	p, err := e.Start(ctx, l)
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	cancel()
	other, _, _ := of.start(t, Brief) // time in which the run could end
	Await(t, other.Gone(), "Gone")
	if isClosed(p.Exited()) {
		t.Errorf("the run ended with the context of its Start: %+v", p.Exit())
	}
	p.Stop(syscall.SIGKILL)
	Await(t, p.Gone(), "Gone")
}

func manyRuns(t *testing.T, of suite) {
	const n = 30
	brief, lasting := make([]engine.Process, n), make([]engine.Process, n)
	var all sync.WaitGroup
	for i := range n {
		for k, into := range map[Kind][]engine.Process{Brief: brief, Lasting: lasting} {
			e, l, _ := of.launch(t, k)
			all.Go(func() {
				p, err := e.Start(t.Context(), l)
				if err != nil {
					t.Errorf("Start: %v", err)
					return
				}
				t.Cleanup(func() { p.Stop(syscall.SIGKILL) })
				into[i] = p
			})
		}
	}
	all.Wait()
	if t.Failed() {
		return
	}
	for _, p := range brief {
		Await(t, p.Gone(), "Gone")
	}
	for i, p := range lasting { // one after the other: no stop ends another's run
		p.Stop(syscall.SIGTERM)
		Await(t, p.Gone(), "Gone")
		if i+1 < n && isClosed(lasting[i+1].Exited()) {
			t.Fatalf("the stop of one run ended another: %+v", lasting[i+1].Exit())
		}
	}
}

func adoptNothing(t *testing.T, of suite) {
	e, l, _ := of.launch(t, Lasting)
	a, ok := e.(engine.Adopter)
	if !ok {
		l.Log.Close()
		t.Skip("the engine does not adopt")
	}
	for _, ref := range []task.Ref{{}, {PID: 1, Start: 1, Boot: "another"}} {
		if p, err := a.Adopt(t.Context(), l, ref); !errors.Is(err, task.ErrNotFound) {
			t.Errorf("Adopt of %+v: %v, %v", ref, p, err)
		}
	}
}
