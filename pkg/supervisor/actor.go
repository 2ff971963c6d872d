package supervisor

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"tasks/internal/fault"
	"tasks/internal/lifecycle"
	"tasks/internal/queue"
	"tasks/internal/room"
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

	place   *queue.Place  // in its group
	stirred chan struct{} // has an element when there is something to look at again
	moved   atomic.Int64  // how far the clock was set since the loop looked, in nanoseconds

	// The loop's own, what only that goroutine touches:

	role
	machine lifecycle.Machine
	reason  string // why the state is what it is, for people
	journal
	present
	ahead
	clocks
	callers
}

type launched struct {
	proc   task.Process
	checks task.Checks
	err    error
	asked  bool // the engine: the error is its own
}

// keepRuns is how many runs of a task are remembered.
const keepRuns = 10

func newActor(s *Supervisor, name string) *actor {
	return &actor{
		sup: s, name: name, mail: make(chan *Call), done: make(chan struct{}),
		place: queue.NewPlace(), stirred: make(chan struct{}, 1),
	}
}

// poke has the loop look again at what it waits for.
func (a *actor) poke() {
	select {
	case a.stirred <- struct{}{}:
	default:
	}
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
		due := a.due.C()
		if a.resuming {
			due = nil
		}
		if a.left { // what begins now is the next supervisor's
			if due = nil; a.machine.Phase == lifecycle.Backoff {
				deadline = nil
			}
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
			a.saveLate()
		case <-deadline:
			a.timer, a.armed = nil, 0
			a.input(lifecycle.Input{Kind: lifecycle.DidTimeOut, Exit: task.Exit{Err: a.unready()}})
		case <-due:
			a.tick()
		case slot := <-a.place.Granted():
			a.slot = slot
			a.input(lifecycle.Input{Kind: lifecycle.DidGrant, Unasked: true})
		case <-a.stirred:
			a.lookAgain()
		case err := <-a.check:
			a.checked(err)
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

// drain answers those whose operation will not come to its end, and saves what there
// will be no later time for.
func (a *actor) drain() {
	if a.unsaved != nil && a.shown.Load() != nil {
		a.saveLate()
	}
	if a.timer != nil {
		a.timer.Stop()
	}
	a.due.Stop()
	a.endCheck()
	if a.checks != nil {
		a.checks.Close()
	}
	for _, c := range slices.Concat(a.begins, a.ends, a.turns) {
		c.fail(task.Errorf(task.ErrUnavailable, a.name, "the supervisor has ended"))
	}
}

// launch asks the engine for a run, beside the loop: it may take its time.
func (a *actor) launch() {
	a.run++
	a.since, a.refused, a.rested, a.lack = time.Now(), nil, task.Time{}, ""
	a.history = append(a.history, task.Run{Run: a.run, StartedAt: task.Now()})
	if len(a.history) > keepRuns {
		a.history = append([]task.Run(nil), a.history[1:]...)
	}
	l := task.Launch{Spec: new(a.spec), Run: a.run, Slot: a.slot}
	result := make(chan launched, 1)
	a.launched = result
	sup, engine := a.sup, a.engine
	go func() { result <- sup.begin(engine, l) }()
}

// begin prepares what a run needs, and begins it.
func (s *Supervisor) begin(engine task.Engine, l task.Launch) launched {
	path := ""
	if logs := s.opts.Logs; logs != nil {
		f, err := logs.Create(l.Spec.Name, l.Run)
		if err != nil {
			return launched{err: err}
		}
		l.Log, path = f, logs.Path(l.Spec.Name, l.Run)
		if keeper, ok := logs.(LogKeeper); ok {
			keeper.Watch(l.Spec, l.Run)
		}
	}
	checks, err := s.checksOf(l, path)
	if err != nil {
		if l.Log != nil {
			l.Log.Close()
		}
		return launched{err: err}
	}
	if checks != nil {
		l.Env = checks.Env()
	}
	proc, err := engine.Start(context.Background(), l)
	if err != nil && checks != nil {
		checks.Close()
		checks = nil
	}
	return launched{proc, checks, err, true}
}

// checksOf makes the checks of a run; nil where it has none.
func (s *Supervisor) checksOf(l task.Launch, log string) (task.Checks, error) {
	if !l.Spec.Ready.Checked() && !l.Spec.Health.Checked() {
		return nil, nil
	}
	if s.opts.Checker == nil {
		return nil, errors.New("this supervisor has no readiness and health checks")
	}
	return s.opts.Checker.Begin(l, log)
}

func (a *actor) begun(l launched) {
	a.launched = nil
	switch {
	case room.Lacks(l.err):
		a.lack = l.err.Error()
		if a.sup.queues.Bar() {
			a.sup.opts.Logger.Warn("cannot begin tasks; those in queues stay there, and are tried again", "every", queue.BarFor, "task", a.name, "err", l.err)
		}
		a.input(lifecycle.Input{Kind: lifecycle.DidLack, Exit: failure(l)})
		return
	case l.err != nil:
		a.input(lifecycle.Input{Kind: lifecycle.DidFail, Exit: failure(l)})
		return
	case a.sup.queues.Roomy():
		a.sup.opts.Logger.Info("tasks begin again", "task", a.name)
	}
	a.hold(l.proc, l.checks)
	a.input(lifecycle.Input{Kind: lifecycle.DidBegin})
}

// hold makes proc the present run.
func (a *actor) hold(proc task.Process, checks task.Checks) {
	a.proc, a.exited, a.gone, a.checks = proc, proc.Exited(), proc.Gone(), checks
	a.history[len(a.history)-1].PID = proc.Ref().PID
}

// failure is the exit of a run that could not begin: 127 where the command, or
// its directory, is not there, else 126, as POSIX shells have it.
func failure(l launched) task.Exit {
	code := 126
	if l.asked && (errors.Is(l.err, syscall.ENOENT) || errors.Is(l.err, task.ErrNotFound)) {
		code = 127
	}
	return task.Exit{Code: code, Err: l.err.Error()}
}

// input runs the machine for one thing that happened, and for what follows from
// it at once: a slot that is free, a task that has ended already.
func (a *actor) input(in lifecycle.Input) {
	in.Ran, in.Jitter = a.ran(), rand.Float64()
	was, settled, stuck := a.machine, false, false
	for more := true; more; {
		next, acts, err := a.machine.Next(a.policy, in)
		if err != nil { // who asks checks before
			a.sup.opts.Logger.Error("unexpected request", "task", a.name, "phase", was.Phase, "err", err)
			return
		}
		a.machine = next
		a.act(acts) // before what follows, which may be another ending
		settled = settled || slices.Contains(acts, lifecycle.Settle)
		stuck = stuck || slices.Contains(acts, lifecycle.Report)
		var follows lifecycle.Input
		if follows, more = a.follow(); more {
			in = follows
		}
	}
	a.arm()
	a.after(was, in.Kind, settled, stuck)
}

func (a *actor) act(actions []lifecycle.Action) {
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
		case lifecycle.Forget:
			a.run--
			a.sup.queues.Keep(a.place)
			a.history, a.since = a.history[:len(a.history)-1], time.Time{}
		}
	}
}

// ask has all of the run end by sig.
func (a *actor) ask(sig syscall.Signal) {
	a.proc.Stop(sig)
	fault.At("asked")
}
