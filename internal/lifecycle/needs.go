package lifecycle

import "time"

// Needs is what a phase waits for, from when it is entered until the next phase is:
// see [State.Armed].
type Needs struct {
	Tasks           bool          // its dependencies: DependenciesMet or DependencyFailed
	Slot            Slot          //
	Deadline        time.Duration // TimedOut, if not 0
	DeadlineIsRetry bool          // at the deadline the task is restarted
	Check           Check         //
	Alarm           bool          // a Tick may come
	Time            bool          // the next scheduled time stays in the record
}

// Slot is what a phase has to do with the slots of its group.
type Slot uint8

// The relations to a slot.
const (
	NoSlot  Slot = iota
	InQueue      // it waits for one: SlotGranted
	HasSlot      // it has one, and gives it back
)

// Check is the kind of check that looks at a run.
type Check uint8

// The checks.
const (
	NoCheck     Check = iota
	ReadyCheck        // Ready or TimedOut
	HealthCheck       // Unhealthy
)

// Needs returns the needs of the phase; the run has lasted for ran.
func (s State) Needs(p Policy, ran time.Duration) Needs {
	n := Needs{Alarm: s.Phase != Over, Time: s.Phase != Over || s.Last.Cause == ByShutdown || s.Disabled}
	n.Deadline, n.DeadlineIsRetry = s.Deadline(p, ran), s.Phase == Backoff
	switch {
	case s.Phase == Waiting:
		n.Tasks = true
	case s.Phase == Queued && p.Grouped:
		n.Slot = InQueue
	case s.Phase.Live():
		n.Slot = HasSlot
	}
	switch s.Phase {
	case Probing:
		n.Check = ReadyCheck
	case Running:
		n.Check = HealthCheck
	}
	return n
}

// Deadline is how long the phase may last; 0: forever. The run may be older than the
// phase, as it was taken back or paused. A readiness check has its full time even so.
func (s State) Deadline(p Policy, ran time.Duration) time.Duration {
	left := max(p.Timeout-ran, time.Nanosecond)
	switch s.Phase {
	case Probing:
		if p.Timeout > 0 {
			return min(p.Ready, left)
		}
		return p.Ready
	case Running:
		if p.Timeout > 0 {
			return left
		}
	case Stopping:
		return max(s.Grace, time.Nanosecond)
	case Killing:
		return KillWait
	case Queued:
		if !p.Grouped {
			return ResourcesWait
		}
	case Backoff:
		return max(s.BackoffDelay, time.Nanosecond)
	}
	return 0
}
