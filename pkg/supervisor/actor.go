package supervisor

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"tasks/internal/fault"
	"tasks/internal/lifecycle"
	"tasks/pkg/task"
)

// An actor is the one goroutine that owns a task: its machine, its run and its
// timer. Others send it calls and read its snapshots.
type actor struct {
	sup  *Supervisor
	name string
	mail chan *Call // without room: a call that was sent is a call that is handled

	shown atomic.Pointer[snapshot] // nil before the first start was accepted, and after a removal

	done chan struct{} // closed when the goroutine is to end
	once sync.Once

	self // the loop's own
}

// self is what only the actor's own goroutine touches.
type self struct {
	spec     task.Spec
	fn       Func
	engine   task.Engine
	policy   lifecycle.Policy
	machine  lifecycle.Machine
	run      int
	since    time.Time  // the run's beginning, by the monotonic clock
	reason   string     // why the state is what it is, for people
	history  []task.Run // the last runs; the present one, if any, is the last
	proc     task.Process
	exited   <-chan struct{}
	gone     <-chan struct{}
	launched chan launched
	timer    *time.Timer
	armed    uint64
	next     task.Time
	unsaved  <-chan time.Time // when to try again: the record could not be saved
	refused  error            // why a run that has begun is ended again: it could not be recorded
	begins   []*Call          // answered when a run has begun, or could not
	ends     []*Call          // answered when the run is over
}

type launched struct {
	proc task.Process
	err  error
}

// keepRuns is how many runs of a task are remembered.
const keepRuns = 10

func newActor(s *Supervisor, name string) *actor {
	return &actor{sup: s, name: name, mail: make(chan *Call), done: make(chan struct{})}
}

// quit ends the goroutine; its task is left as it is.
func (a *actor) quit() { a.once.Do(func() { close(a.done) }) }

func (a *actor) ended() bool { return closed(a.done) }

func (a *actor) loop() {
	defer a.drain()
	for !a.ended() { // first: of a call and the end, select takes either
		var deadline <-chan time.Time
		if a.timer != nil {
			deadline = a.timer.C
		}
		select {
		case c := <-a.mail:
			a.handle(c)
		case l := <-a.launched:
			a.begun(l)
		case <-a.exited:
			a.exited = nil
			a.input(lifecycle.Input{Kind: lifecycle.DidExit, Exit: a.proc.Exit(), Left: !closed(a.gone)})
		case <-goneAfter(a.exited, a.gone):
			a.gone = nil
			a.input(lifecycle.Input{Kind: lifecycle.DidVanish, Exit: a.proc.Exit()})
		case <-a.unsaved:
			a.saveAgain()
		case <-deadline:
			a.timer, a.armed = nil, 0
			a.input(lifecycle.Input{Kind: lifecycle.DidTimeOut})
		case <-a.done:
		}
	}
}

// goneAfter is gone once exited was seen: of two channels that are ready,
// select takes either.
func goneAfter(exited, gone <-chan struct{}) <-chan struct{} {
	if exited != nil {
		return nil
	}
	return gone
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// drain answers those whose operation will not come to its end.
func (a *actor) drain() {
	if a.timer != nil {
		a.timer.Stop()
	}
	for _, c := range append(a.begins, a.ends...) {
		c.fail(task.Errorf(task.ErrUnavailable, a.name, "the supervisor has ended"))
	}
}

// launch asks the engine for a run, beside the loop: it may take its time.
func (a *actor) launch() {
	a.run++
	a.since, a.refused = time.Now(), nil
	a.history = append(a.history, task.Run{Run: a.run, StartedAt: task.Now()})
	if len(a.history) > keepRuns {
		a.history = append([]task.Run(nil), a.history[1:]...)
	}
	l := task.Launch{Spec: new(a.spec), Run: a.run}
	result := make(chan launched, 1)
	a.launched = result
	logs, engine := a.sup.opts.Logs, a.engine
	go func() {
		if logs != nil {
			f, err := logs.Create(l.Spec.Name, l.Run)
			if err != nil {
				result <- launched{nil, err}
				return
			}
			l.Log = f
			if keeper, ok := logs.(LogKeeper); ok {
				keeper.Watch(l.Spec, l.Run)
			}
		}
		proc, err := engine.Start(context.Background(), l)
		result <- launched{proc, err}
	}()
}

func (a *actor) begun(l launched) {
	a.launched = nil
	if l.err != nil {
		a.input(lifecycle.Input{Kind: lifecycle.DidFail, Exit: failure(l.err)})
		return
	}
	a.hold(l.proc)
	a.input(lifecycle.Input{Kind: lifecycle.DidBegin})
}

// hold makes proc the present run.
func (a *actor) hold(proc task.Process) {
	a.proc, a.exited, a.gone = proc, proc.Exited(), proc.Gone()
	a.history[len(a.history)-1].PID = proc.Ref().PID
}

// failure is the exit of a run that could not begin: 127 where the command, or
// the directory, is not there, else 126, as POSIX shells have it.
func failure(err error) task.Exit {
	code := 126
	if errors.Is(err, syscall.ENOENT) || errors.Is(err, task.ErrNotFound) {
		code = 127
	}
	return task.Exit{Code: code, Err: err.Error()}
}

// input runs the machine for one thing that happened.
func (a *actor) input(in lifecycle.Input) {
	in.Ran, in.Jitter = a.ran(), rand.Float64()
	was := a.machine
	next, actions, err := a.machine.Next(a.policy, in)
	if err != nil { // start() checks before
		a.sup.opts.Logger.Error("unexpected start", "task", a.name, "phase", was.Phase)
		return
	}
	a.machine = next
	if in.Kind == lifecycle.DoRestart && was.Phase == lifecycle.Running {
		a.intend()
	}
	settled, stuck := false, false
	for _, act := range actions {
		switch act {
		case lifecycle.Launch:
			a.launch()
		case lifecycle.Ask:
			a.ask(a.spec.Signal())
		case lifecycle.Kill:
			a.ask(syscall.SIGKILL)
		case lifecycle.Settle:
			a.settle()
			settled = true
		case lifecycle.Report:
			stuck = true
		}
	}
	a.arm()
	a.after(was, in.Kind, settled, stuck)
}

// ask has all of the run end by sig.
func (a *actor) ask(sig syscall.Signal) {
	a.proc.Stop(sig)
	fault.At("asked")
}

// arm sets the timer to the deadline of a phase that was entered.
func (a *actor) arm() {
	if a.armed == a.machine.Armed {
		return
	}
	a.armed = a.machine.Armed
	if a.timer != nil {
		a.timer.Stop()
		a.timer = nil
	}
	a.next = task.Time{}
	d := a.machine.Deadline(a.policy)
	if d == 0 {
		return
	}
	if a.machine.Phase == lifecycle.Running { // the run may be older than the phase: it was taken back
		d = max(d-a.ran(), time.Nanosecond)
	}
	a.timer = time.NewTimer(d)
	if a.machine.Phase == lifecycle.Backoff {
		a.next = task.Time{Time: time.Now().Add(d).UTC().Round(0)}
	}
}
