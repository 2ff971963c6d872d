package supervisor

import (
	"time"

	"tasks/internal/cron"
	"tasks/internal/lifecycle"
	"tasks/pkg/task"
)

// unseen is how late a time must be noticed to count as missed: the machine
// slept, the clock was set, or no supervisor was there.
const unseen = 5 * time.Second

// tick is called when the timer says that the time has come.
func (a *actor) tick() {
	now := a.sup.now()
	if now.Before(a.due.At) { // the clock was set back
		a.due.Arm(now)
		return
	}
	was := a.machine
	a.comes(a.advance(now))
	if a.machine == was {
		a.dated()
	}
}

// dated shows and records when the next time comes, where nothing else has
// changed. A time that still leads to a run stays in the record.
func (a *actor) dated() {
	m := &a.machine
	if !m.Again && m.Cause != lifecycle.Shutdown && (m.Phase.Up() || !m.Phase.Live()) {
		if err := a.save(); err != nil {
			a.sup.opts.Logger.Error("cannot save a task", "task", a.name, "err", err)
		}
	}
	a.show()
}

// advance moves on to the next time, and tells how many have passed unseen.
func (a *actor) advance(now time.Time) (late int) {
	last := a.due.At
	next, missed := a.plan.Next(last, now)
	a.due.Set(next, now)
	if missed == 0 && now.Sub(last) < unseen {
		return 0
	}
	return missed + 1
}

// moveDue is for a clock that was set forward by that much.
func (a *actor) moveDue(by time.Duration) {
	if !a.next.IsZero() {
		a.next.Time = a.next.Add(by)
	}
	if !a.due.At.IsZero() && !a.byClock() {
		a.due.At = a.due.At.Add(by)
	}
	if !a.next.IsZero() || !a.due.At.IsZero() {
		a.dated()
	}
}

// byClock tells whether what is due is so by the clock, and not after a while.
func (a *actor) byClock() bool {
	if a.spec.At == "" {
		return a.spec.Cron != ""
	}
	at, err := cron.At(a.spec.At, a.due.At.Add(-1), time.Local)
	return err == nil && at.Equal(a.due.At) // else it is every while since
}

// appoint sets the time of a task that is started by hand; later is whether its
// first run is not to begin at once.
func (a *actor) appoint(again bool) (later bool, err error) {
	now := a.sup.now()
	first := time.Time{}
	if !again {
		if first, err = a.plan.First(now); err != nil {
			return false, task.Errorf(task.ErrUsage, a.name, "%v", err)
		}
	}
	if later = first.After(now); !later {
		first, _ = a.plan.Next(now, now)
	}
	a.due.Set(first, now)
	return later, nil
}

// planOf is the times of s, or an ErrUsage.
func planOf(s *task.Spec) (cron.Plan, error) {
	plan, err := cron.New(s.When, time.Local)
	if err != nil {
		return plan, task.Errorf(task.ErrUsage, s.Name, "%v", err)
	}
	return plan, nil
}

// ClockSet is to be called when the wall clock was set forward by that much, or
// back where by is negative, and with 0 when the machine has slept: what is due
// at a time of day is due at that time of the new clock, and what is due after a
// while is neither earlier nor later.
func (s *Supervisor) ClockSet(by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.tasks {
		a.moved.Add(int64(by))
		a.poke()
	}
}
