package lifecycle

import (
	"math"
	"time"

	"tasks/pkg/task"
)

// Next gives the machine after in, and what to do. A request that the state
// does not allow is a task.ErrConflict and changes nothing.
func (m Machine) Next(p Policy, in Input) (Machine, []Action, error) {
	switch in.Kind {
	case DoStart:
		if m.Phase != Idle && m.Phase != Over {
			return m, nil, task.ErrConflict
		}
		return m.begin(p, in)
	case DoStop:
		return m.stop(p, in)
	case DoRestart:
		return m.restart(p, in)
	case DoPause:
		return m.pause(Running, Paused)
	case DoResume:
		return m.pause(Paused, Running)
	case DidTick:
		return m.tick(p, in)
	case DidClear, DidBlock, DidGrant:
		if m.Cause == None { // else the supervisor ends
			return m.goOn(p, in)
		}
	case DidBegin:
		return m.began(p)
	case DidAdopt:
		if m.Phase == Idle || m.Phase == Over {
			return m.adopt(p, in), nil, nil
		}
	case DidReady:
		if m.Phase == Probing {
			return m.enter(Running), nil, nil
		}
	case DidSicken:
		if m.Phase == Running {
			m.Cause, m.Note = Unhealthy, in.Exit.Err
			return m.end(p.Grace, false)
		}
	case DidFail, DidLack:
		switch {
		case m.Phase != Starting:
		case in.Kind == DidLack && p.Grouped:
			return m.yield()
		default:
			m.Exited, m.Exit = true, in.Exit
			return m.settle(p, in)
		}
	case DidExit:
		return m.exited(p, in)
	case DidVanish:
		if m.Exited && (m.Phase == Stopping || m.Phase == Killing || m.Phase == Stuck) {
			m.Exit.Swept = in.Exit.Swept
			return m.settle(p, in)
		}
	case DidTimeOut:
		return m.timedOut(p, in)
	}
	return m, nil, nil
}

func (m Machine) enter(p Phase) Machine {
	m.Phase = p
	m.Taken = (m.Taken || p == Sleeping || p.Up()) && p != Over
	m.Armed++
	return m
}

// begin puts the task on its way to a run that counts from zero again.
func (m Machine) begin(p Policy, in Input) (Machine, []Action, error) {
	m.Wish, m.Restarts, m.Streak = task.Up, 0, 0
	m.Cause, m.Unasked, m.Late = None, in.Unasked, in.Late
	m.Begun, m.Again = m.Begun && in.Unasked && in.Later, false
	m.Retry = in.Retry || m.Phase == Backoff
	switch {
	case in.Later:
		return m.enter(Sleeping), nil, nil
	case p.After && !in.Clear:
		return m.enter(Waiting), nil, nil
	}
	return m.queue(p)
}

func (m Machine) queue(p Policy) (Machine, []Action, error) {
	if p.Grouped {
		return m.enter(Queued), nil, nil
	}
	return m.launch()
}

func (m Machine) launch() (Machine, []Action, error) {
	m.Before = m.Begun
	m.Cause, m.Exited, m.Killed, m.Note, m.Exit, m.Begun = None, false, false, "", task.Exit{}, true
	return m.enter(Starting), []Action{Launch}, nil
}

// yield takes a run that could not begin back to where it waited for its slot.
func (m Machine) yield() (Machine, []Action, error) {
	m.Begun, m.Killed, m.Again = m.Before, false, false
	switch m.Cause {
	case Stop:
		m.Last.State, m.Last.Cause = task.Stopped, Stop
		return m.enter(Over), []Action{Forget}, nil
	case Restart:
		m.Cause = None
	}
	return m.enter(Queued), []Action{Forget}, nil
}

// goOn leaves a phase whose event has happened.
func (m Machine) goOn(p Policy, in Input) (Machine, []Action, error) {
	unasked := m.Unasked || in.Unasked // who asked for it was answered as the wait began
	switch {
	case in.Kind == DidClear && m.Phase == Waiting:
		m.Unasked = unasked
		return m.queue(p)
	case in.Kind == DidBlock && m.Phase == Waiting:
		m.Last = Ending{State: task.Failed, Exit: in.Exit}
		if p.Repeats { // its next time may find it otherwise
			return m.enter(Sleeping), nil, nil
		}
		return m.enter(Over), nil, nil
	case in.Kind == DidGrant && m.Phase == Queued:
		m.Unasked = unasked
		return m.launch()
	}
	return m, nil, nil
}

// tick is what a time that has come does.
func (m Machine) tick(p Policy, in Input) (Machine, []Action, error) {
	if m.Wish == task.Down { // taken back, and about to be stopped
		return m, nil, nil
	}
	switch m.Cause {
	case Stop, Restart, Replace, Shutdown:
		return m, nil, nil
	}
	queue := p.Overlap == task.OverlapQueue
	again := queue || p.Overlap == task.OverlapReplace
	switch {
	case m.Phase == Sleeping, m.Phase == Backoff && p.Repeats:
		return m.begin(p, Input{Unasked: true, Late: in.Late})
	case !p.Repeats:
	case m.Phase.Up() && p.Overlap == task.OverlapReplace:
		m.Cause = Replace
		return m.end(p.Grace, false)
	case m.Phase == Starting && queue: // to be replaced, it is as new as what would follow
		m.Again = true
	case m.Phase.Up() && again, m.Phase == Stopping && again, m.Phase == Killing && again, m.Phase == Stuck && again:
		m.Again = true
	}
	return m, nil, nil
}

func (m Machine) stop(p Policy, in Input) (Machine, []Action, error) {
	if in.Cause == Stop {
		m.Wish = task.Down
	}
	switch {
	case m.Phase.Pending() && in.Cause == Shutdown: // goes on waiting, in the next supervisor
		m.Cause = Shutdown
		return m, nil, nil
	case m.Phase.Pending() && !m.Begun:
		m.Last = Ending{State: task.Stopped, Cause: in.Cause}
		return m.enter(Over), nil, nil
	case m.Phase.Pending(), m.Phase == Idle, m.Phase == Backoff:
		m.Last.State, m.Last.Cause = task.Stopped, in.Cause
		return m.enter(Over), nil, nil
	case m.Phase == Over:
		return m, nil, nil
	}
	first := m.Cause == None
	if m.Cause != Stop { // a shutdown does not undo that
		m.Cause = in.Cause
	}
	given := in.Grace >= 0
	grace := p.Grace
	if given {
		grace = in.Grace
	}
	switch m.Phase {
	case Starting:
		if first || given {
			m.Grace = grace
		}
		m.Killed = m.Killed || in.Now
		return m, nil, nil
	case Probing, Running, Paused:
		return m.end(grace, in.Now)
	case Stopping:
		if in.Now {
			return m.kill()
		}
		if given {
			m.Grace = grace
			return m.enter(Stopping), nil, nil
		}
	case Stuck:
		return m, []Action{Kill, Report}, nil
	}
	return m, nil, nil
}

// end asks the run to end, or kills it at once.
func (m Machine) end(grace time.Duration, now bool) (Machine, []Action, error) {
	if now {
		return m.kill()
	}
	m.Grace = grace
	return m.enter(Stopping), []Action{Ask}, nil
}

func (m Machine) kill() (Machine, []Action, error) {
	m.Killed = true
	return m.enter(Killing), []Action{Kill}, nil
}

func (m Machine) restart(p Policy, in Input) (Machine, []Action, error) {
	m.Wish = task.Up
	switch m.Phase {
	case Idle, Sleeping, Backoff, Over:
		return m.begin(p, in)
	case Waiting, Queued: // keeps its place, and counts from zero again
		m.Cause, m.Unasked, m.Begun = None, in.Unasked, false
		m.Restarts, m.Streak = 0, 0
		return m, nil, nil
	case Starting:
		m.Retry = m.Retry || m.Unasked && !in.Unasked
		m.Restarts, m.Streak, m.Unasked = 0, 0, in.Unasked
		if m.Cause != None {
			m.Cause = Restart
		}
		return m, nil, nil // its run is as new as a restart would make it
	case Probing, Running, Paused:
		m.Cause = Restart
		return m.end(p.Grace, false)
	case Stuck:
		m.Cause = Restart
		return m, []Action{Report}, nil
	default:
		m.Cause = Restart
		return m, nil, nil
	}
}

func (m Machine) pause(from, to Phase) (Machine, []Action, error) {
	switch m.Phase {
	case from:
		return m.enter(to), nil, nil
	case to:
		return m, nil, nil
	}
	return m, nil, task.ErrConflict
}

func (m Machine) began(p Policy) (Machine, []Action, error) {
	switch {
	case m.Phase != Starting:
		return m, nil, nil
	case m.Cause != None: // a stop came meanwhile
		return m.end(m.Grace, m.Killed)
	case p.Ready > 0:
		return m.enter(Probing), nil, nil
	default:
		return m.enter(Running), nil, nil
	}
}

func (m Machine) adopt(p Policy, in Input) Machine {
	m.Cause, m.Exited, m.Killed, m.Note, m.Exit, m.Begun, m.Again = None, false, false, "", task.Exit{}, true, false
	switch {
	case in.Paused:
		return m.enter(Paused)
	case p.Ready > 0 && !in.Ready:
		return m.enter(Probing)
	default:
		return m.enter(Running)
	}
}

func (m Machine) exited(p Policy, in Input) (Machine, []Action, error) {
	if m.Exited || !m.Phase.Live() || m.Phase == Starting {
		return m, nil, nil
	}
	m.Exited, m.Exit = true, in.Exit
	switch {
	case !in.Left:
		return m.settle(p, in)
	case !m.Phase.Up():
		return m, nil, nil
	case p.Leave:
		return m.settle(p, in)
	default:
		m.Cause = Sweep
		return m.end(p.Grace, false)
	}
}

func (m Machine) timedOut(p Policy, in Input) (Machine, []Action, error) {
	switch m.Phase {
	case Probing:
		m.Cause, m.Note = Unready, in.Exit.Err
		if p.Timeout > 0 && (p.Timeout < p.Ready || in.Ran >= p.Timeout) {
			m.Cause, m.Note = Timeout, ""
		}
		return m.end(p.Grace, false)
	case Running:
		m.Cause = Timeout
		return m.end(p.Grace, false)
	case Stopping:
		return m.kill()
	case Killing:
		return m.enter(Stuck), []Action{Report}, nil
	case Backoff:
		m.Restarts++
		m.Streak++
		m.Cause, m.Unasked, m.Retry, m.Late = None, true, true, 0
		return m.queue(p)
	}
	return m, nil, nil
}

// settle decides what follows a run that is over.
func (m Machine) settle(p Policy, in Input) (Machine, []Action, error) {
	m.Last = Ending{p.outcome(m.Cause, m.Exit), m.Cause, m.Exit, m.Killed, m.Note}
	unbegun := (in.Kind == DidFail || in.Kind == DidLack && !m.Retry) && !m.Unasked && !(p.Repeats && m.Taken) // its caller is told, and it is not tried again
	switch {
	case m.Cause == Restart, m.Cause == Replace: // in the slot that it has
		m.Unasked, m.Retry = m.Cause == Replace, true
		m.Restarts, m.Streak, m.Again, m.Late = 0, 0, false, 0
		next, acts, err := m.launch()
		return next, append([]Action{Settle}, acts...), err
	case m.Cause == Stop, m.Cause == Shutdown, m.Wish == task.Down, unbegun:
		return m.enter(Over), []Action{Settle}, nil
	case m.Again:
		next, acts, err := m.begin(p, Input{Unasked: true})
		return next, append([]Action{Settle}, acts...), err
	case m.again(p):
		if in.Ran > p.Backoff.Max {
			m.Streak = 0
		}
		m.Pause = pause(p.Backoff, m.Streak, in.Jitter)
		return m.enter(Backoff), []Action{Settle}, nil
	case p.Repeats:
		m.Cause = None
		return m.enter(Sleeping), []Action{Settle}, nil
	}
	return m.enter(Over), []Action{Settle}, nil
}

// again tells whether the policy starts the task once more.
func (m Machine) again(p Policy) bool {
	if p.Restart == task.RestartAlways || p.Restart == task.RestartOnFailure && m.Last.State != task.Done {
		return p.Max < 0 || m.Restarts < p.Max
	}
	return false
}

func (p *Policy) outcome(c Cause, e task.Exit) task.State {
	switch {
	case c == Stop || c == Shutdown || c == Restart || c == Replace:
		return task.Stopped
	case c == Timeout || c == Unready || c == Unhealthy:
		return task.Failed
	case e.Lost:
		return task.Lost
	case p.ok(e):
		return task.Done
	}
	return task.Failed
}

// pause doubles from Min to Max, and adds up to a fifth, never beyond Max.
func pause(b task.Backoff, streak int, jitter float64) time.Duration {
	d := float64(b.Min) * math.Pow(2, float64(min(streak, 62))) * (1 + jitter/5)
	if d >= float64(b.Max) { // before the conversion, which could overflow
		return b.Max
	}
	return time.Duration(d)
}
