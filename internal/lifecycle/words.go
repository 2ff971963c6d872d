package lifecycle

import (
	"fmt"
	"strings"
	"syscall"

	"tasks/pkg/task"
)

// Public is the state that users see.
func (m Machine) Public() task.State {
	switch m.Phase {
	case Idle:
		return task.Starting
	case Starting:
		if m.Cause != None {
			return task.Stopping
		}
		return task.Starting
	case Running:
		return task.Running
	case Stopping, Killing, Stuck:
		return task.Stopping
	case Backoff:
		return task.BackingOff
	default:
		return m.Last.State
	}
}

// Doing says why a run that has not ended is not simply running, as a sentence
// for people.
func (m Machine) Doing(p Policy) string {
	var s string
	switch m.Cause {
	case None:
		return ""
	case Stop:
		s = "was asked to stop"
	case Restart:
		s = "is to be started again"
	case Shutdown:
		s = "supervisor is shutting down"
	case Timeout:
		s = fmt.Sprintf("timed out after %s", p.Timeout)
	case Sweep:
		s = "main process ended; what it left is being swept"
	}
	switch m.Phase {
	case Killing:
		s += "; killed"
	case Stuck:
		s += "; still there after KILL"
	}
	return s
}

// Why says how the last run that is over came to its end, as a sentence for
// people; "" for exit code 0.
func (m Machine) Why(p Policy) string {
	var parts []string
	say := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	e := m.Last.Exit
	switch m.Last.Cause {
	case Stop:
		say("stopped")
	case Restart:
		say("restarted")
	case Shutdown:
		say("supervisor was shut down")
	case Timeout:
		say("timed out after %s", p.Timeout)
	default:
		switch {
		case e.Err != "":
			say("%s", e.Err)
		case e.Lost:
			say("ended while no supervisor watched")
		case e.Signal != 0:
			say("ended by %s", task.SignalName(e.Signal))
		case e.Code != 0:
			say("exit code %d", e.Code)
		}
	}
	if m.Last.Killed && e.Signal == syscall.SIGKILL {
		say("killed")
	}
	switch n := e.Swept; {
	case n > 0 && m.Last.Cause == Sweep:
		say("main process ended; %d %s swept", n, plural(n, "other", "others"))
	case n > 0:
		say("%d escaped %s swept", n, plural(n, "process", "processes"))
	}
	if m.Phase == Over && m.Restarts > 0 && m.Restarts == p.Max && m.Last.State == task.Failed {
		say("gave up after %d %s", m.Restarts, plural(m.Restarts, "restart", "restarts"))
	}
	return strings.Join(parts, "; ")
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
