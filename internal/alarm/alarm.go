// Package alarm is a timer by the wall clock, which may be set.
package alarm

import "time"

// An Alarm goes off at a point of the wall clock. The zero value never does. It is
// one goroutine's.
type Alarm struct {
	At    time.Time // zero: never
	timer *time.Timer
}

// C has an element when the time has come by the clock as it was when the alarm was armed:
// the receiver compares At with the clock, and arms it again.
func (a *Alarm) C() <-chan time.Time {
	if a.timer == nil {
		return nil
	}
	return a.timer.C
}

// Set has it go off at the time that comes next; zero is never.
func (a *Alarm) Set(at, now time.Time) {
	a.At = at
	a.Arm(now)
}

// Arm sets the timer, which runs by the monotonic clock, by what the wall clock is
// now: call it when that was set, or the machine has slept.
func (a *Alarm) Arm(now time.Time) {
	a.Stop()
	if !a.At.IsZero() {
		a.timer = time.NewTimer(max(a.At.Sub(now), 0))
	}
}

// Stop has it not go off until it is armed again; At stays.
func (a *Alarm) Stop() {
	if a.timer != nil {
		a.timer.Stop()
		a.timer = nil
	}
}

// Steady is a recorded time on the monotonic clock: whoever sets the wall clock from
// now on does not move it.
func Steady(t time.Time) time.Time {
	now := time.Now()
	return now.Add(-now.Sub(t))
}
