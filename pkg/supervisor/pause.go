package supervisor

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"tasks/internal/lifecycle"
	"tasks/pkg/engine"
	"tasks/pkg/task"
)

// A suspension is a pause or resume under way. It takes the engine seconds where a process
// cannot be stopped, so the actor handles a stop meanwhile.
type suspension struct {
	call   *Call
	pause  bool
	proc   engine.Process
	result chan error
	behind []*Call // handled after it
}

// outcome is where the loop hears of it.
func (s *suspension) outcome() <-chan error {
	if s == nil {
		return nil
	}
	return s.result
}

// holds reports whether c takes effect only once it is over.
func (s *suspension) holds(c *Call) bool {
	return s != nil && (c == s.call || slices.Contains(s.behind, c))
}

// pausing reports whether the run is about to be paused.
func (a *actor) pausing() bool {
	return a.suspension != nil && a.suspension.pause && a.state.CanPause()
}

// waits reports whether c comes after the pause or resume under way.
func (a *actor) waits(c *Call) bool {
	if a.suspension == nil {
		return false
	}
	switch c.request.kind {
	case toPause, toResume, toFollowGroup, toLeave:
		a.suspension.behind = append(a.suspension.behind, c)
		return true
	}
	return false
}

// pauseEvent is what the state hears once the processes are paused or resumed.
func pauseEvent(pause bool) (e lifecycle.Event, verb string) {
	if pause {
		return lifecycle.Pause{}, "pause"
	}
	return lifecycle.Resume{}, "resume"
}

// pause suspends or resumes the processes of the run, before the state hears of it:
// that may fail.
func (a *actor) pause(c *Call, pause bool) {
	e, verb := pauseEvent(pause)
	after, _, err := a.state.Step(a.role.policy, e)
	_, able := a.run.proc.(engine.Pauser)
	switch {
	case err != nil:
		c.fail(a.cannot(verb))
	case after.Armed == a.state.Armed: // it is so
		a.calls.add(lifecycle.ForRecord, c)
		a.happens(e)
	case !able:
		c.fail(task.Errorf(task.ErrConflict, a.name, "cannot %s %s: a function has only its stop event", verb, a.name))
	default:
		a.suspend(c, pause)
	}
}

func (a *actor) cannot(verb string) error {
	if verb == "pause" && a.is() == string(task.Starting) {
		return task.Errorf(task.ErrConflict, a.name, "Task %s is starting: it can be paused once it is ready.", a.name)
	}
	return task.Errorf(task.ErrConflict, a.name, "Task %s is %s: cannot %s it.", a.name, a.is(), verb)
}

// suspend has the engine pause or resume the run.
func (a *actor) suspend(c *Call, pause bool) {
	p := a.run.proc.(engine.Pauser)
	s := &suspension{call: c, pause: pause, proc: a.run.proc, result: make(chan error, 1)}
	a.suspension = s
	go func() {
		if pause {
			s.result <- p.Pause()
		} else {
			s.result <- p.Resume()
		}
	}()
}

// suspended takes the result of the pause or resume.
func (a *actor) suspended(err error) {
	s := a.suspension
	a.suspension = nil
	e, verb := pauseEvent(s.pause)
	after, _, refused := a.state.Step(a.role.policy, e)
	switch {
	case refused != nil || a.run.proc != s.proc || err != nil && closed(s.proc.Exited()):
		s.call.fail(a.cannot(verb))
	case err != nil:
		s.call.fail(fmt.Errorf("cannot %s %s: %w", verb, a.name, err))
	default:
		switch {
		case after.Armed == a.state.Armed: // it was recorded already
		case s.pause:
			a.run.paused()
		default:
			a.run.resumed()
		}
		a.calls.add(lifecycle.ForRecord, s.call)
		a.happens(e)
	}
	for _, c := range s.behind {
		a.handle(c)
	}
}

// followGroup pauses or resumes the run as its group is now: of a pause and a resume at the
// same time the last holds. What can be neither is left alone.
func (a *actor) followGroup(c *Call) {
	group, _ := a.sup.queues.Get(a.role.spec.Group)
	_, able := a.run.proc.(engine.Pauser)
	if able && (group.Paused && a.state.CanPause() || !group.Paused && a.state.CanResume()) {
		a.pause(c, group.Paused)
		return
	}
	c.answer(noTask, nil)
}

// pauseWithGroup pauses a run that has come to be in a paused group, and reports whether
// it is in one: PauseGroup sees only the runs that began before it.
func (a *actor) pauseWithGroup() bool {
	if a.role.spec.Group == "" || !a.state.CanPause() {
		return false
	}
	group, _ := a.sup.queues.Get(a.role.spec.Group)
	_, able := a.run.proc.(engine.Pauser)
	if !able || !group.Paused {
		return false
	}
	c := newCall(Pause(a.name))
	a.handle(c)
	a.logFailure(c, "cannot pause a run of a paused group")
	return true
}

// pauseAsRecorded is for a run that was taken back: it may have been paused or resumed, and
// that was not recorded.
func (a *actor) pauseAsRecorded(paused bool) {
	if _, able := a.run.proc.(engine.Pauser); !able {
		return
	}
	_, verb := pauseEvent(paused)
	c := newCall(Request{name: a.name})
	a.suspend(c, paused)
	a.logFailure(c, "cannot "+verb+" a run that was taken back")
}

// logFailure is for what nobody waits for. That a run has ended meanwhile is not a failure.
func (a *actor) logFailure(c *Call, what string) {
	a.sup.actors.Go(func() {
		if _, err := c.Wait(context.Background()); err != nil && !errors.Is(err, task.ErrConflict) && !errors.Is(err, task.ErrUnavailable) {
			a.sup.opts.Logger.Warn(what, "task", a.name, "err", err)
		}
	})
}
