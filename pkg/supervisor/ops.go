package supervisor

import (
	"fmt"
	"slices"
	"time"

	"tasks/internal/cron"
	"tasks/internal/deps"
	"tasks/internal/failpoint"
	"tasks/internal/lifecycle"
	"tasks/internal/plan"
	"tasks/pkg/engine"
	"tasks/pkg/task"
)

// handle begins one request.
func (a *actor) handle(c *Call) {
	switch kind := c.request.kind; {
	case (c.request.starts() || kind == toEdit) && a.sup.isClosing():
		// Behind the last stop, it would begin what nobody ends.
		a.refuse(c, shuttingDown(a.name))
	case !a.state.NeverStarted() && !c.request.fits(a.role.spec.File):
		if kind == toStop {
			c.fail(task.NoSuchTask(a.name)) // what the file had was removed
		} else {
			c.fail(plan.Conflict(&a.shown.Load().info))
		}
	case kind == toStart && a.state.Inactive():
		a.start(c)
	case kind == toStart:
		a.replace(c)
	case a.state.NeverStarted(): // its first start is still to come
		c.fail(a.sup.noSuch(a.name))
	case a.waits(c):
	case kind == toRetry:
		a.retry(c)
	case kind == toEdit:
		a.edit(c)
	case kind == toStop:
		a.stop(c)
	case kind == toRestart:
		a.restart(c)
	case kind == toSignal:
		a.signal(c)
	case kind == toRemove:
		a.remove(c)
	case kind == toPause, kind == toResume:
		a.pause(c, kind == toPause)
	case kind == toEnable, kind == toDisable:
		a.enable(c, kind == toEnable)
	case kind == toFollowGroup:
		a.followGroup(c)
	case kind == toLeave:
		a.leave(c)
	default:
		c.fail(task.Errorf(task.ErrUsage, a.name, "unknown request %d", kind))
	}
}

// handleAgain begins the requests that waited for another one.
func (a *actor) handleAgain() {
	again := a.calls.retry
	a.calls.retry = nil
	for _, c := range again {
		a.handle(c)
	}
}

// refuse answers a start with err; of a task that never was nothing stays.
func (a *actor) refuse(c *Call, err error) {
	if a.state.NeverStarted() {
		a.vanish()
	}
	c.fail(err)
}

func (a *actor) start(c *Call) {
	later, err := a.become(c, false)
	if err != nil {
		a.refuse(c, err)
		return
	}
	a.calls.add(lifecycle.ForStart, c)
	a.calls.lining = c
	a.happens(lifecycle.Start{Later: later})
	a.placed()
}

// become makes the task at rest what c asks for, which was accepted already or is now;
// later: its first run waits for its time.
func (a *actor) become(c *Call, accepted bool) (later bool, err error) {
	spec, fn := *c.request.spec, c.request.fn
	again := fn == nil && len(spec.Command) == 0
	if again && a.state.NeverStarted() {
		fn = a.sup.opts.Builtin
		again = false
	}
	if again {
		a.leaveBatch()
		spec, fn = a.role.spec, a.role.fn
	}
	if a.engineOf(spec, fn) == nil {
		return false, a.noEngine(spec)
	}
	plan, err := planOf(&spec)
	switch after := deps.Of(&spec); {
	case err != nil:
	case accepted: // of what was set then this is a part
		a.sup.order.Set(a.name, after)
	default:
		err = a.accept(&spec, plan, after)
	}
	if err != nil {
		return false, err
	}
	if !again {
		a.adoptSpec(spec, fn, plan)
	}
	later = a.appoint(false)
	a.clearEnd()
	a.sup.queues.Put(a.place, c.request.place)
	return later, nil
}

// placed is for a start that may have led to no queue: a place is had when it can be
// used.
func (a *actor) placed() {
	if !a.place.Taken() {
		a.sup.queues.Put(a.place, 0)
	}
}

// clearEnd forgets the end of a task that is started again.
func (a *actor) clearEnd() {
	a.past.rested, a.ahead.queued, a.ahead.missing = task.Time{}, task.Time{}, ""
}

// accept looks whether all that spec names is there, before anything is changed, and
// has the task come after those others.
func (a *actor) accept(spec *task.Spec, plan cron.Plan, after []string) error {
	if _, err := plan.First(a.sup.now()); err != nil {
		return task.Errorf(task.ErrUsage, a.name, "%v", err)
	}
	if err := a.sup.known(spec); err != nil {
		return err
	}
	if err := a.sup.checkHooks(a.name, spec.Hooks); err != nil {
		return err
	}
	return a.comeAfter(after)
}

// acceptNext accepts a spec that will replace the present one, or the one that waits to do
// so. Until then the task comes after what any of them names: nothing that is started
// meanwhile can make a cycle of it.
func (a *actor) acceptNext(spec *task.Spec) error {
	plan, err := planOf(spec)
	if err != nil {
		return err
	}
	after := append(a.deps(), deps.Of(spec)...)
	for _, c := range a.calls.replacement {
		after = append(after, deps.Of(c.request.spec)...)
	}
	slices.Sort(after)
	return a.accept(spec, plan, slices.Compact(after))
}

// keepOrder has the task come after what its own spec names, and no other that was
// accepted.
func (a *actor) keepOrder() { a.sup.order.Restore(a.name, a.deps()) }

// adoptSpec makes spec what the task is.
func (a *actor) adoptSpec(spec task.Spec, fn Func, plan cron.Plan) {
	a.role = role{spec: spec, fn: fn, engine: a.engineOf(spec, fn), policy: lifecycle.PolicyOf(&spec), plan: plan, zone: zoneName(plan.Zone())}
}

// engineOf is what runs such a task, or nil.
func (a *actor) engineOf(spec task.Spec, fn Func) engine.Engine {
	switch {
	case fn != nil:
		return a.funcEngine(fn)
	case len(spec.Command) > 0:
		return a.sup.opts.Commands
	default:
		return nil
	}
}

func (a *actor) funcEngine(fn Func) engine.Engine {
	if a.past.output == nil && a.sup.opts.Logs == nil {
		a.past.output = new(output)
	}
	return funcEngine{fn, a.past.output}
}

func (a *actor) noEngine(spec task.Spec) error {
	if len(spec.Command) > 0 {
		return noCommands(a.name)
	}
	return task.Errorf(task.ErrUsage, a.name, "no command for the task %s", a.name)
}

// is is the task's state as part of a sentence.
func (a *actor) is() string {
	if st := a.state.Public(); st != task.BackingOff {
		return string(st)
	}
	return "in backoff"
}

func (a *actor) restart(c *Call) {
	if a.role.engine == nil { // a function of an earlier program
		c.fail(a.noEngine(a.role.spec))
		return
	}
	if err := a.room(); err != nil {
		c.fail(err)
		return
	}
	switch {
	case a.state.Inactive():
		if err := a.sup.known(&a.role.spec); err != nil {
			c.fail(err)
			return
		}
		a.leaveBatch()
		a.clearEnd()
		if a.state.Disabled {
			a.keepRhythm()
		} else {
			a.appoint(true)
		}
	case a.state.Asleep() && !a.role.spec.Repeats(): // its time is now
		a.clocks.due.Set(time.Time{}, time.Time{})
	}
	a.calls.add(lifecycle.ForStart, c)
	a.happens(lifecycle.Restart{})
}

// room keeps what the next run needs, before this one, or the wait for its time, is
// ended for it. The error is why that could not begin, as on a full disk.
func (a *actor) room() error {
	keeper, ok := a.sup.opts.Logs.(LogKeeper)
	if !ok || !a.state.IsUp() && !a.state.Asleep() {
		return nil
	}
	if err := keeper.Reserve(a.name, a.past.run); err != nil {
		return a.goesOnFor(err)
	}
	return nil
}

// stop asks the run to end; the call is answered when it has.
func (a *actor) stop(c *Call) {
	if c.request.unbegun && !a.state.Unbegun() {
		c.answer(&a.shown.Load().info, nil)
		return
	}
	a.calls.add(lifecycle.ForEnd, c)
	a.happens(lifecycle.Stop{Shutdown: c.request.shutdown, Now: c.request.end.Now, Grace: a.graceOf(c)})
}

// graceOf is what c grants the run, or negative: what the spec does.
func (a *actor) graceOf(c *Call) time.Duration {
	switch {
	case c.request.end.Grace == nil:
		return -1
	case c.request.atMost:
		return min(max(*c.request.end.Grace, 0), a.role.policy.Grace)
	}
	return max(*c.request.end.Grace, 0)
}

// leave lets go of a run that can be taken back, once its record says that it
// is there, and whether it must end; any other is stopped.
func (a *actor) leave(c *Call) {
	failpoint.At("leaving")
	_, lasts := a.role.engine.(engine.Adopter)
	e := lifecycle.Leave{Lasts: lasts}
	a.calls.add(a.state.LeaveWaitsFor(e), c)
	a.happens(e)
}

func (a *actor) signal(c *Call) {
	if a.run.proc == nil || a.state.Run.Exited {
		c.fail(task.Errorf(task.ErrConflict, a.name, "Task %s is %s: there is no process to signal.", a.name, a.is()))
		return
	}
	if err := a.run.proc.Signal(c.request.signal); err != nil {
		c.fail(task.Errorf(task.ErrConflict, a.name, "cannot signal %s: %v", a.name, err))
		return
	}
	c.answer(&a.shown.Load().info, nil)
}

func (a *actor) remove(c *Call) {
	none := task.Time{}
	switch {
	case !a.state.Inactive() && !c.request.force:
		c.fail(task.Errorf(task.ErrConflict, a.name, "Task %s is %s: stop it first, or use --force.", a.name, a.is()))
		return
	case a.state.Inactive() && c.request.ended != none && c.request.ended != a.shown.Load().info.EndedAt:
		c.fail(task.Errorf(task.ErrConflict, a.name, "Task %s has run again.", a.name))
		return
	}
	a.past.unerased = nil
	a.calls.add(lifecycle.ForRemoval, c)
	a.happens(lifecycle.Remove{Force: c.request.force, Now: c.request.end.Now, Grace: a.graceOf(c)})
	if err := a.past.unerased; err != nil && c.request.ended != none { // nobody asked for it
		a.sup.opts.Logger.Warn("cannot forget a task", "task", a.name, "err", err)
	}
}

// erase removes the ended task for good. Its logs come first: they may be what has
// filled the disk, and where they cannot be deleted the task stays, so that it can be
// removed once that is repaired.
func (a *actor) erase() (err error) {
	defer func() {
		if err != nil {
			a.past.unerased = fmt.Errorf("cannot remove %s: %w", a.name, err)
		}
	}()
	if logs := a.sup.opts.Logs; logs != nil {
		if err := logs.Remove(a.name); err != nil {
			return err
		}
	}
	failpoint.At("removed")
	if st := a.sup.opts.Store; st != nil {
		var removed task.Removed // of what the name alone starts again, nothing need be known
		if len(a.role.spec.Command) > 0 {
			removed = task.Removed{At: wall(a.sup.now()), Job: a.role.spec.Job}
		}
		return st.Delete(a.name, removed)
	}
	return nil
}

// vanish takes the task out of the supervisor and ends the goroutine. In this order
// nobody who hears of it still finds the task, and no event of a new one with its name
// comes before this.
func (a *actor) vanish() {
	if now := a.shown.Swap(nil); now != nil {
		a.past.gone, a.past.unsaved = &now.info, nil
		a.sup.hub.publish(a.past.gone, true)
		a.belongTo("")
	}
	a.sup.mu.Lock()
	delete(a.sup.tasks, a.name)
	a.sup.order.Set(a.name, nil)
	a.quit()
	a.sup.mu.Unlock()
	a.sup.order.Changed(a.name)
}
