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
	case Sleeping, Waiting:
		return task.Waiting
	case Queued:
		return task.Queued
	case Idle, Probing:
		return task.Starting
	case Starting:
		if m.Cause != None {
			return task.Stopping
		}
		return task.Starting
	case Running:
		return task.Running
	case Paused:
		return task.Paused
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
		if m.Late > 0 && m.Phase != Sleeping {
			return fmt.Sprintf("once for %d missed %s", m.Late, plural(m.Late, "time", "times"))
		}
		return ""
	case Stop:
		s = "was asked to stop"
	case Restart:
		s = "is to be started again"
	case Replace:
		s = "its next time has come"
	case Unready:
		s = m.unready(p, m.Note)
	case Unhealthy:
		s = "unhealthy: " + m.Note
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

func (m Machine) unready(p Policy, note string) string {
	s := fmt.Sprintf("not ready after %s", p.Ready)
	if note != "" {
		s += ": " + note
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
	case Replace:
		say("its next time had come")
	case Unready:
		say("%s", m.unready(p, m.Last.Note))
	case Unhealthy:
		say("unhealthy: %s", m.Last.Note)
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
		case !p.ok(e):
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
