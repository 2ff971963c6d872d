package supervisor

import (
	"fmt"
	"os"
	"strings"
	"sync"
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
	if a.endComes() {
		a.clocks.due.Stop()
		time.AfterFunc(reportPause, a.poke)
		return
	}
	now := a.sup.now()
	if now.Before(a.clocks.due.At) { // the clock was set back
		a.clocks.due.Arm(now)
		return
	}
	a.timeComes(a.advance(now))
}

// timeComes is for a time that has come, or late ones that have passed unseen. If the next run
// could not begin, the present one is not replaced.
func (a *actor) timeComes(late int) {
	if a.state.Replaces(a.role.policy) {
		err := a.room()
		if err == nil && !a.sup.queues.Renewable(a.place) {
			err = fmt.Errorf("nothing begins in the group %s", a.role.spec.Group)
		}
		if err != nil {
			a.sup.opts.Logger.Warn("a run is not replaced: its next time tries again", "task", a.name, "err", err)
			a.happens(lifecycle.Dated{})
			return
		}
	}
	a.happens(lifecycle.Tick{Missed: late})
}

// advance moves on to the next time, and tells how many have passed unseen.
func (a *actor) advance(now time.Time) (late int) {
	last := a.clocks.due.At
	next, missed := a.role.plan.Next(last, now)
	a.clocks.due.Set(next, now)
	if missed == 0 && now.Sub(last) < unseen {
		return 0
	}
	return missed + 1
}

// moveDue is for a clock that was set forward by that much.
func (a *actor) moveDue(by time.Duration) {
	if !a.clocks.next.IsZero() {
		a.clocks.next.Time = a.clocks.next.Add(by)
	}
	if !a.clocks.due.At.IsZero() && !a.byClock() {
		a.clocks.due.At = a.clocks.due.At.Add(by)
	}
	if !a.clocks.next.IsZero() || !a.clocks.due.At.IsZero() {
		a.happens(lifecycle.Dated{})
	}
}

// byClock reports whether what is due is so by the clock, and not after a while.
func (a *actor) byClock() bool {
	if a.role.spec.At == "" {
		return a.role.spec.Cron != ""
	}
	at, err := cron.At(a.role.spec.At, a.clocks.due.At.Add(-1), time.Local)
	return err == nil && at.Equal(a.clocks.due.At) // else it is every while since
}

// appoint sets the time of a task that is started by hand; later: its first run waits for
// its time.
func (a *actor) appoint(again bool) (later bool) {
	now := a.sup.now()
	first := time.Time{}
	if !again {
		first, _ = a.role.plan.First(now) // its time was due when the start was accepted
	}
	if later = first.After(now); !later {
		first, _ = a.role.plan.Next(now, now)
	}
	a.clocks.due.Set(first, now)
	return later
}

// enable enables or disables the schedule.
func (a *actor) enable(c *Call, enable bool) {
	var e lifecycle.Event = lifecycle.Disable{}
	verb := "disable"
	if enable {
		e, verb = lifecycle.Enable{}, "enable"
	}
	after, _, err := a.state.Step(a.role.policy, e)
	switch {
	case !a.role.spec.Repeats():
		c.fail(task.Errorf(task.ErrConflict, a.name, "Task %s has no schedule to %s: --cron or --every give it one.", a.name, verb))
		return
	case enable && a.role.engine == nil:
		c.fail(a.noEngine(a.role.spec))
		return
	case a.state.IsReplaced():
		c.fail(task.Errorf(task.ErrConflict, a.name, "Task %s is being replaced: %s it when that is done.", a.name, verb))
		return
	case err != nil:
		c.fail(task.Errorf(task.ErrConflict, a.name, "Task %s is %s: cannot %s its schedule.", a.name, a.is(), verb))
		return
	case after.Asleep() && !a.state.Asleep():
		a.keepRhythm()
	}
	a.calls.add(lifecycle.ForRecord, c)
	a.happens(e)
}

// keepRhythm sets the next time of a schedule that was disabled or stopped. The rhythm
// of one that was disabled is as it was.
func (a *actor) keepRhythm() {
	now := a.sup.now()
	next := a.clocks.due.At
	if next.IsZero() {
		next, _ = a.role.plan.First(now)
	}
	if !next.After(now) {
		next, _ = a.role.plan.Next(next, now)
	}
	a.clocks.due.Set(next, now)
}

// planOf is the times of s, or an ErrUsage.
func planOf(s *task.Spec) (cron.Plan, error) {
	plan, err := cron.New(s.When, time.Local)
	if err != nil {
		return plan, task.Errorf(task.ErrUsage, s.Name, "%v", err)
	}
	return plan, nil
}

// zoneName is the name that people know a time zone by, or "" for nil.
func zoneName(loc *time.Location) string {
	switch {
	case loc == nil:
		return ""
	case loc.String() != "Local": // as TZ has it
		return loc.String()
	}
	return localZone()
}

// localZone is what /etc/localtime leads to.
var localZone = sync.OnceValue(func() string {
	path, _ := os.Readlink("/etc/localtime")
	if _, name, ok := strings.Cut(path, "/zoneinfo/"); ok {
		return name
	}
	return "Local"
})

// ClockSet must be called when the wall clock was set, forward by that much or back
// if by is negative, and with 0 when the machine was suspended. A time of day then
// comes by the new clock; a delay gets neither shorter nor longer.
func (s *Supervisor) ClockSet(by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.tasks {
		a.moved.Add(int64(by))
		a.poke()
	}
}
