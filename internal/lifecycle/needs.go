package lifecycle

import "time"

// Needs is what a phase waits for. It begins when the phase is entered, and ends
// when another one is: see [State.Armed].
type Needs struct {
	Tasks    bool          // that the others have ended, or are ready: DependenciesMet or DependencyFailed
	Slot     Slot          //
	Deadline time.Duration // TimedOut, if not 0
	Pauses   bool          // the deadline is the next try
	Check    Check         //
	Alarm    bool          // a Tick may come
	Time     bool          // the time of one that is over stays in the record
}

// Slot is what a phase has to do with the slots of its group.
type Slot uint8

// What that may be.
const (
	NoSlot  Slot = iota
	InQueue      // for one: SlotGranted
	HasSlot      // which it gives back
)

// Check is what looks at a run.
type Check uint8

// The checks.
const (
	NoCheck     Check = iota
	ReadyCheck        // Ready or TimedOut
	HealthCheck       // Unhealthy
)

// Needs is what the phase needs where its run has lasted that long.
func (s State) Needs(p Policy, ran time.Duration) Needs {
	n := Needs{Alarm: s.Phase != Over, Time: s.Phase != Over || s.Last.Cause == ByShutdown}
	n.Deadline, n.Pauses = s.Deadline(p, ran), s.Phase == Backoff
	switch {
	case s.Phase == Waiting:
		n.Tasks = true
	case s.Phase == Queued:
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

// Deadline is how long the phase may last; 0: for ever. The run may be older than the
// phase: it was taken back, or paused. One that was not ready then may take as long
// as any other.
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
	case Backoff:
		return max(s.Pause, time.Nanosecond)
	}
	return 0
}
