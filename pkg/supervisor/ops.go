package supervisor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tasks/internal/cron"
	"tasks/internal/fault"
	"tasks/internal/lifecycle"
	"tasks/pkg/task"
)

// handle begins one operation.
func (a *actor) handle(c *Call) {
	switch kind := c.op.Kind; {
	case (kind == OpStart || kind == OpRestart) && a.sup.isClosing():
		// Behind the last stop, it would begin what nobody ends.
		a.refuse(c, shuttingDown(a.name))
	case kind == OpStart:
		a.start(c)
	case a.fresh(): // its first start is still to come
		c.fail(a.sup.noSuch(a.name))
	case kind == OpStop:
		a.wantEnd(c)
	case kind == OpRestart:
		a.restart(c)
	case kind == OpSignal:
		a.signal(c)
	case kind == OpRemove:
		a.remove(c)
	case kind == OpPause, kind == OpResume:
		a.pause(c, kind == OpPause)
	case kind == opLeave:
		a.leave(c)
	default:
		c.fail(task.Errorf(task.ErrUsage, a.name, "unknown operation %d", kind))
	}
}

func (a *actor) fresh() bool { return a.machine.Phase == lifecycle.Idle }

// refuse answers a start with err; of a task that never was nothing stays.
func (a *actor) refuse(c *Call, err error) {
	if a.fresh() {
		a.vanish()
	} else {
		a.show() // it is not replaced
	}
	c.fail(err)
}

func (a *actor) start(c *Call) {
	if !a.fresh() && a.machine.Phase != lifecycle.Over {
		if !c.op.Replace {
			c.fail(a.conflict())
			return
		}
		err := a.room()
		if spec := c.op.Spec; err == nil && len(spec.Command) > 0 {
			_, err = a.prepare(spec) // it is refused before the other is stopped
		}
		if err == nil {
			err = a.recordable()
		}
		if err != nil {
			c.fail(err)
			return
		}
		a.afterStop(c)
		return
	}
	replaces := a.replacing
	a.replacing = false
	spec, fn := *c.op.Spec, c.op.fn
	again := fn == nil && len(spec.Command) == 0
	if again && a.fresh() {
		fn = a.sup.opts.Builtin
		again = false
	}
	if again {
		spec, fn = a.spec, a.fn
	}
	if a.engineOf(spec, fn) == nil {
		a.refuse(c, a.noEngine(spec))
		return
	}
	plan, err := a.prepare(&spec)
	if err != nil {
		a.refuse(c, err)
		return
	}
	if !again {
		a.adoptSpec(spec, fn, plan)
	}
	later, err := a.appoint(false)
	if err != nil {
		a.refuse(c, err)
		return
	}
	a.anew()
	a.begins = append(a.begins, c)
	a.sup.queues.Put(a.place, c.op.place)
	a.input(lifecycle.Input{Kind: lifecycle.DoStart, Later: later, Retry: replaces})
	if p := a.machine.Phase; p == lifecycle.Sleeping || p == lifecycle.Waiting { // a place is had when it can be used
		a.sup.queues.Put(a.place, 0)
	}
}

// anew forgets what was of an ended task: it is started again.
func (a *actor) anew() { a.refused, a.rested, a.queued = nil, task.Time{}, task.Time{} }

// prepare looks whether what spec names is there, before anything is changed.
func (a *actor) prepare(spec *task.Spec) (cron.Plan, error) {
	plan, err := planOf(spec)
	if err == nil {
		_, err = plan.First(a.sup.now())
		if err != nil {
			err = task.Errorf(task.ErrUsage, a.name, "%v", err)
		}
	}
	if err == nil {
		err = a.sup.known(spec)
	}
	if err == nil {
		err = a.comeAfter(spec)
	}
	return plan, err
}

// adoptSpec makes spec what the task is.
func (a *actor) adoptSpec(spec task.Spec, fn Func, plan cron.Plan) {
	a.spec, a.fn, a.policy, a.engine, a.plan = spec, fn, lifecycle.PolicyOf(&spec), a.engineOf(spec, fn), plan
}

// engineOf is what runs such a task, or nil.
func (a *actor) engineOf(spec task.Spec, fn Func) task.Engine {
	switch {
	case fn != nil:
		return funcEngine{fn}
	case len(spec.Command) > 0:
		return a.sup.opts.Commands
	default:
		return nil
	}
}

func (a *actor) noEngine(spec task.Spec) error {
	if len(spec.Command) > 0 {
		return noCommands(a.name)
	}
	return task.Errorf(task.ErrUsage, a.name, "no command for the task %s", a.name)
}

func (a *actor) conflict() error {
	switch st := a.machine.Public(); st {
	case task.Running:
		return task.Errorf(task.ErrConflict, a.name, "Task %s is already running.", a.name)
	case task.BackingOff:
		return task.Errorf(task.ErrConflict, a.name, "Task %s is in backoff: 'tasks restart %s' starts it now.", a.name, a.name)
	case task.Waiting:
		if a.machine.Phase == lifecycle.Sleeping {
			return task.Errorf(task.ErrConflict, a.name, "Task %s is waiting for its time: 'tasks restart %s' starts it now.", a.name, a.name)
		}
		return task.Errorf(task.ErrConflict, a.name, "Task %s is waiting: it %s.", a.name, a.waitsFor())
	default:
		return task.Errorf(task.ErrConflict, a.name, "Task %s is %s.", a.name, st)
	}
}

// is is the task's state as part of a sentence.
func (a *actor) is() string {
	if st := a.machine.Public(); st != task.BackingOff {
		return string(st)
	}
	return "in backoff"
}

func (a *actor) restart(c *Call) {
	if c.op.unasked {
		a.resuming = false
	}
	if a.engine == nil { // a function of an earlier program
		c.fail(a.noEngine(a.spec))
		return
	}
	if err := a.room(); err != nil {
		c.fail(err)
		return
	}
	if c.op.unasked {
		a.begins = append(a.begins, c)
		a.input(lifecycle.Input{Kind: lifecycle.DoRestart, Unasked: true, Later: c.op.later, Late: c.op.late, Clear: c.op.clear})
		return
	}
	switch a.machine.Phase {
	case lifecycle.Over:
		if err := a.sup.known(&a.spec); err != nil {
			c.fail(err)
			return
		}
		a.anew()
		a.appoint(true)
	case lifecycle.Sleeping:
		if !a.spec.Repeats() {
			a.due.Set(time.Time{}, time.Time{})
		}
	}
	if err := a.intend(); err != nil {
		c.fail(err)
		return
	}
	a.begins = append(a.begins, c)
	a.input(lifecycle.Input{Kind: lifecycle.DoRestart})
}

// pause stops or resumes the processes of the run, before the machine hears of it:
// that may fail.
func (a *actor) pause(c *Call, pause bool) {
	kind, from, to, verb := lifecycle.DoPause, lifecycle.Running, lifecycle.Paused, "pause"
	if !pause {
		kind, from, to, verb = lifecycle.DoResume, lifecycle.Paused, lifecycle.Running, "resume"
	}
	p, able := a.proc.(task.Pauser)
	var err error
	switch {
	case a.machine.Phase == to:
		c.answer(&a.shown.Load().info, nil)
		return
	case a.machine.Phase != from:
		c.fail(task.Errorf(task.ErrConflict, a.name, "Task %s is %s: cannot %s it.", a.name, a.is(), verb))
		return
	case !able:
		c.fail(task.Errorf(task.ErrConflict, a.name, "cannot %s %s: a function has only its stop event", verb, a.name))
		return
	case pause:
		if err = p.Pause(); err == nil {
			a.pausedAt = time.Now()
		}
	default:
		if err = p.Resume(); err == nil {
			a.since = a.since.Add(time.Since(a.pausedAt)) // no run time
		}
	}
	if err != nil {
		c.fail(fmt.Errorf("cannot %s %s: %w", verb, a.name, err))
		return
	}
	a.turns = append(a.turns, c)
	a.input(lifecycle.Input{Kind: kind})
}

// wantEnd asks the run to end; the call is answered when it has.
func (a *actor) wantEnd(c *Call) {
	in := lifecycle.Input{Kind: lifecycle.DoStop, Cause: lifecycle.Stop, Now: c.op.Now, Grace: -1}
	if c.op.cause != lifecycle.None {
		in.Cause = c.op.cause
	}
	if c.op.CapGrace {
		in.Grace = c.op.Grace
		if c.op.atMost {
			in.Grace = min(in.Grace, a.policy.Grace)
		}
	}
	a.ends = append(a.ends, c)
	a.input(in)
}

// afterStop stops the task and then has c's operation begin anew.
func (a *actor) afterStop(c *Call) {
	a.replacing = c.op.Kind == OpStart
	stop := newCall(Op{Kind: OpStop, Name: a.name, Now: c.op.Now, Grace: c.op.Grace, CapGrace: c.op.CapGrace})
	a.wantEnd(stop)
	go func() { // it ends: every call is answered
		info, err := stop.Shared(context.Background())
		if err == nil {
			info, err = a.sup.Submit(c.op).Shared(context.Background())
		}
		if c.op.Kind == OpRemove && errors.Is(err, task.ErrNotFound) { // another was faster
			info, err = stop.info, nil
		}
		c.answer(info, err)
	}()
}

// leave lets go of a run that can be taken back, once its record says that it
// is there, and whether it is to end; any other is stopped. One whose main
// process has ended is awaited: nobody could tell later how.
func (a *actor) leave(c *Call) {
	fault.At("leaving")
	a.left = true
	_, lasts := a.engine.(task.Adopter)
	switch {
	case a.machine.Phase.Pending(): // goes on waiting, in the next supervisor
		c.op.cause = lifecycle.Shutdown
		a.wantEnd(c)
	case a.machine.Phase.Live() && !lasts:
		c.op.cause = lifecycle.Shutdown
		a.wantEnd(c)
	case a.machine.Phase == lifecycle.Starting:
		a.begins = append(a.begins, c)
	case a.machine.Phase.Live() && a.machine.Exited:
		a.ends = append(a.ends, c)
	case a.machine.Phase.Live() && (a.machine.Cause == lifecycle.Stop || a.unsaved != nil):
		c.answer(&a.shown.Load().info, a.save())
	case a.unsaved != nil:
		c.answer(&a.shown.Load().info, a.save())
	default:
		c.answer(&a.shown.Load().info, nil)
	}
}

func (a *actor) signal(c *Call) {
	if a.proc == nil || a.machine.Exited {
		c.fail(task.Errorf(task.ErrConflict, a.name, "Task %s is %s: there is no process to signal.", a.name, a.is()))
		return
	}
	if err := a.proc.Signal(c.op.Signal); err != nil {
		c.fail(task.Errorf(task.ErrConflict, a.name, "cannot signal %s: %v", a.name, err))
		return
	}
	c.answer(&a.shown.Load().info, nil)
}

func (a *actor) remove(c *Call) {
	info := a.shown.Load().info
	switch {
	case a.machine.Phase != lifecycle.Over && c.op.Force:
		a.afterStop(c)
	case a.machine.Phase != lifecycle.Over:
		c.fail(task.Errorf(task.ErrConflict, a.name, "Task %s is %s: stop it first, or use --force.", a.name, a.is()))
	case c.op.ended != task.Time{} && c.op.ended != info.EndedAt:
		c.fail(task.Errorf(task.ErrConflict, a.name, "Task %s has run again.", a.name))
	default:
		if err := a.forget(info); err != nil {
			if (c.op.ended != task.Time{}) { // nobody asked for it
				a.sup.opts.Logger.Warn("cannot forget a task", "task", a.name, "err", err)
			}
			c.fail(err)
			return
		}
		c.answer(&info, nil)
	}
}

// forget removes the ended task for good. Its logs come first: they may be what has
// filled the disk, and where they cannot be deleted the task stays, so that whoever
// has mended that can remove it again.
func (a *actor) forget(info task.Info) error {
	if logs := a.sup.opts.Logs; logs != nil {
		if err := logs.Remove(a.name); err != nil {
			return fmt.Errorf("cannot remove %s: %w", a.name, err)
		}
	}
	fault.At("removed")
	if st := a.sup.opts.Store; st != nil {
		var removed task.Removed // of what the name alone starts again, nothing need be known
		if len(a.spec.Command) > 0 {
			removed = task.Removed{At: wall(a.sup.now()), Job: a.spec.Job}
		}
		if err := st.Delete(a.name, removed); err != nil {
			return fmt.Errorf("cannot remove %s: %w", a.name, err)
		}
	}
	// In this order nobody who hears of it still finds the task, and no event
	// of a new one with its name comes before this.
	a.shown.Store(nil)
	a.sup.hub.publish(&info, true)
	a.vanish()
	a.sup.order.Changed(a.name)
	return nil
}

// vanish takes the task out of the supervisor and ends the goroutine.
func (a *actor) vanish() {
	a.sup.mu.Lock()
	defer a.sup.mu.Unlock()
	delete(a.sup.tasks, a.name)
	a.sup.order.Set(a.name, nil)
	a.quit()
}
