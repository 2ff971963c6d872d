package cron

import (
	"fmt"
	"time"

	"tasks/pkg/task"
)

// MaxMissed is the most that Plan.Next counts as missed.
const MaxMissed = 1000

// setBack is by how much a clock may be set back without a time of day that it
// then shows again being due again, as in cron(8).
const setBack = 3 * time.Hour

// A Plan says when the runs of a task are due. Its zero value is: at once, and
// once.
type Plan struct {
	delay time.Duration
	at    string
	every time.Duration
	cron  Schedule
	loc   *time.Location
}

// New is the plan of w, in loc unless its cron expression names a zone. It fails
// where a time, an interval or an expression of w is bad.
func New(w task.When, loc *time.Location) (Plan, error) {
	p := Plan{at: w.At, loc: loc}
	if w.Delay != nil {
		p.delay = time.Duration(*w.Delay)
	}
	if w.Every != nil {
		if *w.Every < task.MinEvery {
			return Plan{}, fmt.Errorf("bad every %s: give %s or more", w.Every, task.MinEvery)
		}
		p.every = time.Duration(*w.Every)
	}
	if w.At != "" {
		if _, _, err := task.ParseAt(w.At); err != nil {
			return Plan{}, err
		}
	}
	if w.Cron != "" {
		var err error
		if p.cron, err = Parse(w.Cron); err != nil {
			return Plan{}, err
		}
	}
	return p, nil
}

// Repeats reports whether there are runs again and again.
func (p Plan) Repeats() bool { return p.every > 0 || p.cron.next != nil }

// Zone is the one whose clock the times are read from, or nil where no clock is.
func (p Plan) Zone() *time.Location {
	switch {
	case p.cron.next != nil && p.cron.zone != nil:
		return p.cron.zone
	case p.cron.next != nil:
		return p.loc
	case p.at != "":
		if at, _, err := task.ParseAt(p.at); err == nil && at.IsZero() {
			return p.loc
		}
	}
	return nil
}

// Times are the first n times at which runs are due if the task is started by hand at now,
// or fewer where there are no more. A run that is due at once is due at now.
func (p Plan) Times(now time.Time, n int) ([]time.Time, error) {
	at, err := p.First(now)
	if err != nil {
		return nil, err
	}
	if at.IsZero() {
		at = now.Round(0)
	}
	return p.From(at, n), nil
}

// From are n times from at on, which is one of them, or fewer where there are no more.
func (p Plan) From(at time.Time, n int) (times []time.Time) {
	for len(times) < n && !at.IsZero() {
		times = append(times, at)
		at, _ = p.Next(at, at)
	}
	return times
}

// First is when the first run is due for a task that is started by hand at now.
// Zero means at once. The error is an ErrPassed if the time to begin at is over.
func (p Plan) First(now time.Time) (at time.Time, err error) {
	now = now.Round(0)
	switch {
	case p.delay > 0:
		return now.Add(p.delay), nil
	case p.at != "":
		return At(p.at, now, p.loc)
	case p.cron.next == nil:
		return time.Time{}, nil
	}
	if at = p.cron.Next(now, p.loc); at.IsZero() {
		return at, fmt.Errorf("no date of the next %d years matches", searchYears)
	}
	return at, nil
}

// Next is the next time that is due after now, and how many were due after last
// up to now, at most MaxMissed. Without any it is zero.
//
// last is the time that is acted on, as First or Next gave it, and not when its
// run began in fact: with that an interval keeps its rhythm. Where First said at
// once, last is the time of that start. So with the next time on disk there is
// little to do for one that comes back after a while: if that time has come, act
// on it, once, and ask for the next.
//
// Where now is before last, the clock was set back. A time that was acted on does not
// become due again, unless the clock went back by more than the interval, 3 hours for a
// cron expression, or a minute for one that follows the clock. Then the next time is by the
// new clock.
func (p Plan) Next(last, now time.Time) (next time.Time, missed int) {
	if !p.Repeats() {
		return time.Time{}, 0
	}
	now = now.Round(0)
	if last = last.Round(0); last.IsZero() {
		last = now
	}
	due, grace := p.due(last)
	switch back := last.Sub(now); {
	case back <= 0:
		return due(now), Missed(due, last, now, MaxMissed)
	case back < grace:
		return due(last), 0
	case p.every > 0:
		before := now.Add(since(now, last, p.every) - p.every) // a time of the same rhythm
		return Every(before, p.every, now).In(last.Location()), 0
	default:
		return due(now), 0
	}
}

// due are the times after last, and by how much the clock may be set back before
// they start again.
func (p Plan) due(last time.Time) (due func(after time.Time) time.Time, grace time.Duration) {
	if p.every > 0 {
		return func(after time.Time) time.Time { return Every(last, p.every, after) }, p.every
	}
	grace = setBack
	if p.cron.again {
		grace = time.Minute
	}
	return func(after time.Time) time.Time { return p.cron.Next(after, p.loc) }, grace
}
