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
		return m.begin(false)
	case DoStop:
		return m.stop(p, in)
	case DoRestart:
		return m.restart(p, in.Unasked)
	case DidBegin:
		return m.began(p)
	case DidAdopt:
		if m.Phase == Idle || m.Phase == Over {
			m.Cause, m.Exited, m.Killed, m.Exit = None, false, false, task.Exit{}
			return m.enter(Running), nil, nil
		}
	case DidFail:
		if m.Phase == Starting {
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
		return m.timedOut(p)
	}
	return m, nil, nil
}

func (m Machine) enter(p Phase) Machine {
	m.Phase = p
	m.Armed++
	return m
}

// begin starts a run that counts from zero again.
func (m Machine) begin(unasked bool) (Machine, []Action, error) {
	m.Wish, m.Restarts, m.Streak = task.Up, 0, 0
	return m.launch(unasked)
}

func (m Machine) launch(unasked bool) (Machine, []Action, error) {
	m.Cause, m.Exited, m.Killed, m.Exit, m.Unasked = None, false, false, task.Exit{}, unasked
	return m.enter(Starting), []Action{Launch}, nil
}

func (m Machine) stop(p Policy, in Input) (Machine, []Action, error) {
	if in.Cause == Stop {
		m.Wish = task.Down
	}
	switch m.Phase {
	case Idle, Backoff:
		m.Last.State, m.Last.Cause = task.Stopped, in.Cause
		return m.enter(Over), nil, nil
	case Over:
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
	case Running:
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

func (m Machine) restart(p Policy, unasked bool) (Machine, []Action, error) {
	m.Wish = task.Up
	switch m.Phase {
	case Idle, Backoff, Over:
		return m.begin(unasked)
	case Starting:
		m.Restarts, m.Streak, m.Unasked = 0, 0, unasked
		if m.Cause != None {
			m.Cause = Restart
		}
		return m, nil, nil // its run is as new as a restart would make it
	case Running:
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

func (m Machine) began(p Policy) (Machine, []Action, error) {
	switch {
	case m.Phase != Starting:
		return m, nil, nil
	case m.Cause == None:
		return m.enter(Running), nil, nil
	default: // a stop came meanwhile
		return m.end(m.Grace, m.Killed)
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
	case m.Phase != Running:
		return m, nil, nil
	case p.Leave:
		return m.settle(p, in)
	default:
		m.Cause = Sweep
		return m.end(p.Grace, false)
	}
}

func (m Machine) timedOut(p Policy) (Machine, []Action, error) {
	switch m.Phase {
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
		return m.launch(true)
	}
	return m, nil, nil
}

// settle decides what follows a run that is over.
func (m Machine) settle(p Policy, in Input) (Machine, []Action, error) {
	m.Last = Ending{outcome(m.Cause, m.Exit), m.Cause, m.Exit, m.Killed}
	switch {
	case m.Cause == Restart:
		m.Restarts, m.Streak = 0, 0
		next, acts, err := m.launch(false)
		return next, append([]Action{Settle}, acts...), err
	case m.Cause == Stop, m.Cause == Shutdown, m.Wish == task.Down, !m.again(p, in.Kind == DidFail):
		return m.enter(Over), []Action{Settle}, nil
	}
	if in.Ran > p.Backoff.Max {
		m.Streak = 0
	}
	m.Pause = pause(p.Backoff, m.Streak, in.Jitter)
	return m.enter(Backoff), []Action{Settle}, nil
}

// again tells whether the policy starts the task once more. A run that somebody
// has asked for and that cannot even begin is not tried again: its caller is told.
func (m Machine) again(p Policy, unbegun bool) bool {
	if unbegun && !m.Unasked {
		return false
	}
	if p.Restart == task.RestartAlways || p.Restart == task.RestartOnFailure && m.Last.State != task.Done {
		return p.Max < 0 || m.Restarts < p.Max
	}
	return false
}

func outcome(c Cause, e task.Exit) task.State {
	switch {
	case c == Stop || c == Shutdown || c == Restart:
		return task.Stopped
	case c == Timeout:
		return task.Failed
	case e.Lost:
		return task.Lost
	case e.OK():
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
