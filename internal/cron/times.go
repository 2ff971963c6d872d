package cron

import (
	"errors"
	"fmt"
	"math/bits"
	"time"

	"tasks/pkg/task"
)

// ErrPassed is what At says of a point in time that is over.
var ErrPassed = errors.New("has passed")

// Every is the first of the times anchor+d, anchor+2d and so on that is strictly
// after the one given, however far away that is. It is zero if d is not positive.
func Every(anchor time.Time, d time.Duration, after time.Time) time.Time {
	anchor = anchor.Round(0)
	if d <= 0 {
		return time.Time{}
	}
	if first := anchor.Add(d); first.After(after) {
		return first
	}
	return after.Round(0).Add(d - since(anchor, after, d)).In(anchor.Location())
}

// since is how much of the last d has passed at to, counted from from, which is
// not later. [time.Time.Sub] ends at 292 years.
func since(from, to time.Time, d time.Duration) time.Duration {
	seconds, nanos := to.Unix()-from.Unix(), to.Nanosecond()-from.Nanosecond()
	if nanos < 0 {
		seconds, nanos = seconds-1, nanos+int(time.Second)
	}
	hi, lo := bits.Mul64(uint64(seconds), uint64(time.Second))
	lo, carry := bits.Add64(lo, uint64(nanos), 0)
	return time.Duration(bits.Rem64(hi+carry, lo, uint64(d)))
}

// Missed is how many times after from, up to and including now, next gives one by
// one, but at most most of them.
func Missed(next func(after time.Time) time.Time, from, now time.Time, most int) int {
	for n := range most {
		from = next(from)
		if from.IsZero() || from.After(now) {
			return n
		}
	}
	return most
}

// At is the time that text says, see [task.ParseAt]: a point in time, which must
// be after now, else the error is an ErrPassed; or the next time after now at
// which a clock in loc shows a time of day, or leaves it out.
func At(text string, now time.Time, loc *time.Location) (time.Time, error) {
	at, clock, err := task.ParseAt(text)
	switch {
	case err != nil:
		return time.Time{}, err
	case at.IsZero():
		return dial{next: daily(clock), again: true, late: true}.after(now, loc), nil
	case !at.After(now):
		return time.Time{}, fmt.Errorf("%s %w: it is %s", text, ErrPassed, now.In(at.Location()).Format(time.RFC3339))
	}
	return at.In(loc), nil
}

// daily are the readings of a time of day.
func daily(clock time.Duration) func(time.Time) time.Time {
	const day = 24 * time.Hour
	return func(reading time.Time) time.Time {
		at := reading.Truncate(day).Add(clock)
		if !at.After(reading) {
			at = at.Add(day)
		}
		return at
	}
}
