package lifecycle

import (
	"math"
	"time"

	"tasks/pkg/task"
)

// Policy is the part of a spec that the state machine needs.
type Policy struct {
	Restart task.Restart
	Max     int // automatic restarts; negative: no limit
	Backoff task.Backoff
	Timeout time.Duration // 0: none
	Grace   time.Duration
	Leave   bool          // processes that a run leaves behind are kept
	Success Codes         // exit codes that count as success; none: 0
	Ready   time.Duration // timeout of the readiness check; 0: there is none
	After   bool          // it has dependencies
	Grouped bool          // a run needs a slot
	Repeats bool          // it has a schedule
	Overlap task.Overlap

	Edited *Edited // what becomes of it when the present run has ended; nil: nothing
}

// PolicyOf returns the policy of a spec, with defaults filled in.
func PolicyOf(s *task.Spec) Policy {
	p := Policy{
		Restart: s.Restart, Max: -1, Backoff: s.BackoffOrDefault(), Grace: s.Grace(), Leave: s.LeaveChildren,
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
		p.Ready = s.Ready.Timeout()
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

// backoffDelay doubles from Min to Max and adds up to a fifth of jitter, never beyond Max.
func backoffDelay(b task.Backoff, streak int, jitter float64) time.Duration {
	d := float64(b.Min) * math.Pow(2, float64(min(streak, 62))) * (1 + jitter/5)
	if d >= float64(b.Max) { // before the conversion, which could overflow
		return b.Max
	}
	return time.Duration(d)
}
