package lifecycle

import (
	"math"
	"time"

	"tasks/pkg/task"
)

// Policy is the part of a spec that the machine goes by.
type Policy struct {
	Restart task.Restart
	Max     int // automatic restarts; negative: no limit
	Backoff task.Backoff
	Timeout time.Duration // 0: none
	Grace   time.Duration
	Leave   bool          // what a run leaves behind stays
	Success Codes         // exit codes that are no failure; none: 0
	Ready   time.Duration // how long a run may take to be ready; 0: it is at once
	After   bool          // other tasks come first
	Grouped bool          // a run needs a slot
	Repeats bool          // there is a run whenever its time comes
	Overlap task.Overlap
}

// PolicyOf is the policy of a spec, with its defaults.
func PolicyOf(s *task.Spec) Policy {
	p := Policy{
		Restart: s.Restart, Max: -1, Backoff: s.Pauses(), Grace: s.Grace(), Leave: s.LeaveChildren,
		After: len(s.After)+len(s.AfterEnded) > 0, Grouped: s.Group != "", Repeats: s.Repeats(), Overlap: s.Overlap,
	}
	for _, code := range s.SuccessCodes {
		p.Success[code/64] |= 1 << (code % 64)
	}
	if s.MaxRestarts != nil {
		p.Max = *s.MaxRestarts
	}
	if s.Timeout != nil {
		p.Timeout = time.Duration(*s.Timeout)
	}
	if s.Ready.Checked() {
		p.Ready = s.Ready.Patience()
	}
	return p
}

// Codes is a set of exit codes.
type Codes [4]uint64

func (p *Policy) ok(e task.Exit) bool {
	if p.Success == (Codes{}) || e.Signal != 0 || e.Lost || e.Err != "" {
		return e.OK()
	}
	return p.Success[e.Code/64%4]&(1<<(e.Code%64)) != 0
}

func (p *Policy) outcome(c Cause, e task.Exit) task.State {
	switch {
	case c.Asked():
		return task.Stopped
	case c == ByTimeout || c == ByUnready || c == ByUnhealthy:
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
