package supervisor

import (
	"context"
	"errors"
	"syscall"
	"time"

	"tasks/internal/failpoint"
	"tasks/internal/lifecycle"
	"tasks/internal/queue"
	"tasks/internal/room"
	"tasks/pkg/engine"
	"tasks/pkg/task"
)

const kill = syscall.SIGKILL

// keepRuns is how many runs of a task are remembered.
const keepRuns = 10

type launched struct {
	proc   engine.Process
	checks engine.Checks
	err    error
	asked  bool // the engine: the error is its own
}

// launch asks the engine for a run, beside the loop: it may take its time.
func (a *actor) launch() {
	past := &a.past
	past.run++
	past.policy = a.role.policy
	past.refused, past.lost, past.rested, a.ahead.missing = nil, "", task.Time{}, ""
	past.add(task.Run{Run: past.run, StartedAt: task.Now()})
	l := engine.Launch{Spec: new(a.role.spec), Run: past.run, Slot: a.ahead.slot}
	result := make(chan launched, 1)
	ctx, giveUp := context.WithCancel(context.Background())
	a.run = present{launched: result, since: time.Now(), giveUp: giveUp}
	sup, engine := a.sup, a.role.engine
	go func() {
		result <- sup.startRun(ctx, engine, l)
		giveUp()
	}()
}

// startTimeout is how long a request waits for a start that hangs.
const startTimeout = time.Second

// hurryStart gives a start up after a moment: a request waits for it.
func (a *actor) hurryStart() {
	if a.state.StartIsAwaited() && a.run.giveUp != nil {
		time.AfterFunc(startTimeout, a.run.giveUp)
		a.run.giveUp = nil
	}
}

// forgetRun is for a run that has not come to be.
func (a *actor) forgetRun() {
	a.past.run--
	a.sup.queues.Keep(a.place)
	a.past.history = a.past.history[:len(a.past.history)-1]
	a.run = present{}
}

// startRun prepares what a run needs, and begins it.
func (s *Supervisor) startRun(ctx context.Context, engine engine.Engine, l engine.Launch) launched {
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
	proc, err := engine.Start(ctx, l)
	if err != nil && checks != nil {
		checks.Close()
		checks = nil
	}
	return launched{proc, checks, err, true}
}

// checksOf makes the checks of a run; nil where it has none.
func (s *Supervisor) checksOf(l engine.Launch, log string) (engine.Checks, error) {
	if !l.Spec.Ready.Checked() && !l.Spec.Health.Checked() {
		return nil, nil
	}
	if !s.hasChecksFor(l.Spec) {
		return nil, errors.New(noChecks)
	}
	return s.opts.Checker.Begin(l, log)
}

const noChecks = "this supervisor has no readiness and health checks"

func (s *Supervisor) hasChecksFor(spec *task.Spec) bool {
	return s.opts.Checker != nil || !spec.Ready.Checked() && !spec.Health.Checked()
}

func (a *actor) begun(l launched) {
	a.run.launched, a.run.giveUp = nil, nil
	switch {
	case errors.Is(l.err, engine.ErrHangs): // as where there is no room: it may begin later
		a.ahead.missing = l.err.Error()
		a.happens(lifecycle.OutOfResources{Exit: failure(l), Lasted: a.lasted()})
		return
	case room.OutOfResources(l.err):
		a.ahead.missing = l.err.Error()
		if a.sup.queues.Bar() {
			a.sup.opts.Logger.Warn("cannot begin tasks; waiting tasks are tried again", "every", queue.BarFor, "task", a.name, "err", l.err)
		}
		a.happens(lifecycle.OutOfResources{Exit: failure(l), Lasted: a.lasted()})
		return
	case l.err != nil:
		a.happens(lifecycle.Failed{Exit: failure(l), Lasted: a.lasted()})
		return
	case a.sup.queues.Roomy():
		a.sup.opts.Logger.Info("tasks begin again", "task", a.name)
	}
	a.hold(l.proc, l.checks)
	a.happens(lifecycle.Began{Brief: a.ahead.slot > 0 && !a.role.spec.Service()})
	a.pauseWithGroup()
}

// hold makes proc the present run.
func (a *actor) hold(proc engine.Process, checks engine.Checks) {
	a.run.proc, a.run.exited, a.run.gone, a.run.checks = proc, proc.Exited(), proc.Gone(), checks
	a.past.amend().PID = proc.Ref().PID
	if announcer, ok := proc.(engine.Announcer); ok {
		announcer.Announce(a.runEnds)
		a.run.announced = true
	}
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

// endRun has all of the run end by sig.
func (a *actor) endRun(sig syscall.Signal) {
	a.run.proc.Stop(sig)
	failpoint.At("asked")
}

// ran is how long the present run has lasted, but for its pauses.
func (a *actor) ran() time.Duration {
	switch r := &a.run; {
	case r.since.IsZero():
		return 0
	case !r.pausedAt.IsZero():
		return r.pausedAt.Sub(r.since)
	default:
		return time.Since(r.since)
	}
}

// paused notes that the run was paused, and resumed that it was resumed.
func (p *present) paused() { p.pausedAt = time.Now() }

func (p *present) resumed() {
	d := time.Since(p.pausedAt)
	p.since, p.pausedFor, p.pausedAt = p.since.Add(d), p.pausedFor+d, time.Time{}
}
