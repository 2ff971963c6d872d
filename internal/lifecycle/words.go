package lifecycle

import (
	"fmt"
	"strings"
	"syscall"

	"tasks/pkg/task"
)

// Public returns the state that users see.
func (s State) Public() task.State {
	switch s.Phase {
	case Sleeping, Waiting:
		return task.Waiting
	case Queued:
		return task.Queued
	case Idle, Probing:
		return task.Starting
	case Starting:
		if s.Cause != ByItself {
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
		if s.Disabled {
			return task.Stopped
		}
		return s.Last.State
	}
}

// IsReady reports whether the run is ready, and whether that is known.
func (s State) IsReady() (ready, known bool) {
	switch s.Phase {
	case Running, Paused:
		return true, true
	case Starting, Probing:
		return false, true
	}
	return false, false
}

// Reason explains the state in a sentence for people; unreached says why a stop could
// not be sent to all of the run.
func (s State) Reason(p Policy, unreached string) string {
	switch s.Phase {
	case Sleeping:
		if !s.Series.Ran && s.Last.Exit.Err == "" {
			return ""
		}
		return s.Why(p)
	case Backoff:
		return s.Why(p)
	case Over:
		if s.Disabled {
			return scheduleDisabled
		}
		return s.Why(p)
	case Stuck:
		if unreached != "" {
			s.Phase = Stopping
			return s.Doing(p) + "; " + unreached
		}
	}
	return s.Doing(p)
}

const scheduleDisabled = "schedule disabled"

// NotStarted says why the task called name cannot be started; waitsFor names the
// tasks that it waits for.
func (s State) NotStarted(name, waitsFor string) string {
	switch s.Phase {
	case Running:
		return fmt.Sprintf("Task %s is already running.", name)
	case Backoff:
		return fmt.Sprintf("Task %s is in backoff: 'tasks restart %s' starts it now.", name, name)
	case Sleeping:
		return fmt.Sprintf("Task %s is waiting for its time: 'tasks restart %s' starts it now.", name, name)
	case Waiting:
		return fmt.Sprintf("Task %s is waiting: it %s.", name, waitsFor)
	}
	return fmt.Sprintf("Task %s is %s.", name, s.Public())
}

// Doing says in a sentence for people why a run that has not ended is not simply
// running.
func (s State) Doing(p Policy) string {
	var why string
	switch s.Cause {
	case ByItself:
		if s.Disabled {
			return scheduleDisabled
		}
		if s.Series.Missed > 0 && s.Phase != Sleeping {
			return fmt.Sprintf("once for %d missed %s", s.Series.Missed, plural(s.Series.Missed, "time", "times"))
		}
		return ""
	case ByStop, ByReplacement:
		why = "was asked to stop"
	case ByRestart:
		why = "will be started again"
	case ByTime:
		why = "its next time has come"
	case ByUnready:
		why = s.unready(p, s.Run.Note)
	case ByUnhealthy:
		why = "unhealthy: " + s.Run.Note
	case ByShutdown:
		why = "supervisor is shutting down"
	case ByTimeout:
		why = fmt.Sprintf("timed out after %s", p.Timeout)
	case ByLeftBehind:
		why = "main process ended; stopping what it left behind"
	}
	switch s.Phase {
	case Killing:
		why += "; killed"
	case Stuck:
		why += "; still there after KILL"
	}
	return why
}

func (s State) unready(p Policy, note string) string {
	why := fmt.Sprintf("not ready after %s", p.Ready)
	if note != "" {
		why += ": " + note
	}
	return why
}

// ExitCode begins the reason of a run that ended by itself with a code that does not count
// as success.
const ExitCode = "exit code "

// Why says in a sentence for people how the last run ended; "" for exit code 0.
func (s State) Why(p Policy) string {
	var parts []string
	say := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	e := s.Last.Exit
	switch s.Last.Cause {
	case ByStop, ByReplacement:
		if !s.Series.Ran && !p.Repeats {
			say("stopped before it began")
			break
		}
		say("stopped")
	case ByRestart:
		say("restarted")
	case ByShutdown:
		say("supervisor was shut down")
	case ByTime:
		say("its next time had come")
	case ByUnready:
		say("%s", s.unready(p, s.Last.Note))
	case ByUnhealthy:
		say("unhealthy: %s", s.Last.Note)
	case ByTimeout:
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
			say("%s%d", ExitCode, e.Code)
		}
	}
	if s.Last.Killed && e.Signal == syscall.SIGKILL {
		say("killed")
	}
	switch n := e.LeftBehind; {
	case n > 0 && s.Last.Cause == ByLeftBehind:
		say("main process ended; %d %s swept", n, plural(n, "other", "others"))
	case n > 0:
		say("%d escaped %s stopped too", n, plural(n, "process", "processes"))
	}
	if s.Phase == Over && s.Series.Restarts > 0 && s.Series.Restarts == p.Max && s.Last.State == task.Failed {
		say("gave up after %d %s", s.Series.Restarts, plural(s.Series.Restarts, "restart", "restarts"))
	}
	return strings.Join(parts, "; ")
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
