package supervisor

import (
	"time"

	"tasks/internal/lifecycle"
	"tasks/pkg/engine"
)

// setDeadline has the deadline of the phase come after d.
func (a *actor) setDeadline(d time.Duration) {
	a.clocks.timer, a.clocks.by = time.NewTimer(d), time.Now().Add(d)
}

// deadlineComes acts on the deadline of the phase. What has happened before it counts, also
// where this program did not run meanwhile, and nobody has said so yet.
func (a *actor) deadlineComes() {
	switch more := a.moreTime(); {
	case a.endComes():
		a.setDeadline(reportPause)
	case more > 0:
		a.setDeadline(more)
	default:
		if note, ready := a.lastWord(); ready {
			a.checked(nil)
		} else {
			a.happens(lifecycle.TimedOut{Note: note, Ran: a.ran()})
		}
	}
}

// How long the end of a main process may take to be reported: as long as a supervisor that
// takes thousands of runs back has not begun to look. A debugger may hold it forever.
const (
	reportPause = 100 * time.Millisecond
	reportTime  = 30 * time.Second
)

// endComes reports whether the main process has ended, or all of the run, and the event of
// that is still to come.
func (a *actor) endComes() bool {
	switch ender, ok := a.run.proc.(engine.Ender); {
	case a.run.proc == nil:
		return false
	case a.run.exited == nil:
		return a.run.gone != nil && closed(a.run.gone)
	case closed(a.run.exited):
		return true
	case !ok || !ender.Ended():
		return false
	case a.run.awaited.IsZero():
		a.run.awaited = time.Now()
	}
	return time.Since(a.run.awaited) < reportTime
}

// lateness is by how much a deadline may be missed by a program that runs.
const lateness = 500 * time.Millisecond

// moreTime is how much more time a run has to get ready: as much as its checks have waited
// for their turns, and as this program was late.
func (a *actor) moreTime() (more time.Duration) {
	if a.needs().Check != lifecycle.ReadyCheck {
		return 0
	}
	if late := time.Since(a.clocks.by); late > lateness {
		more = late
	}
	if checks, ok := a.run.checks.(engine.Delayed); ok {
		delayed := checks.Delayed()
		more += delayed - a.run.putOff
		a.run.putOff = delayed
	}
	if limit := a.role.policy.Timeout; limit > 0 {
		more = min(more, limit-a.ran())
	}
	return more
}

// lastTime is how long a readiness check may take to say why it has not succeeded.
const lastTime = time.Second

// lastWord says why the run was not ready in time, where that is what was awaited, or that
// it is.
func (a *actor) lastWord() (why string, ready bool) {
	if a.needs().Check != lifecycle.ReadyCheck || a.run.check == nil {
		return "", false
	}
	a.run.uncheck()
	wait := time.NewTimer(lastTime)
	defer wait.Stop()
	select {
	case err := <-a.run.check:
		if err != nil {
			return err.Error(), false
		}
		return "", true
	case <-wait.C:
		return "", false
	}
}
