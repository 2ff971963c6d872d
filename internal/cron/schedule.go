package cron

import "time"

// A Schedule is a cron expression. Its zero value is never due.
type Schedule struct {
	dial
	zone *time.Location // that the expression names, or nil
}

// Next is the first time strictly after the one given, in loc unless the
// expression names a zone, or zero if there is none in the next 40 years.
//
// Where the clock is set forward or back, by any amount, it is as cron(8) has it:
// a time that it leaves out comes at the first instant after, and a time that it
// shows twice comes the first time. But if the hour is *, the schedule follows the clock:
// skipped times are skipped, repeated times repeat. That last goes for a minute that begins
// with * as well.
func (s Schedule) Next(after time.Time, loc *time.Location) time.Time {
	if s.next == nil {
		return time.Time{}
	}
	if s.zone != nil {
		loc = s.zone
	}
	return s.after(after, loc)
}

// A dial is a set of readings of a clock. A reading is what the clock shows, as
// the time of UTC that shows the same: of readings there are no gaps and no
// repeats, so searching them is simple.
type dial struct {
	next  func(reading time.Time) time.Time // the first strictly after, or zero
	again bool                              // a reading that is shown twice counts twice; if not, late must be set
	late  bool                              // a reading that is left out counts at the first instant after
}

// after is the first instant strictly after t at which a clock in loc shows one
// of the readings. It goes through the stretches of time between two changes of
// the offset to UTC: within one, readings and instants run alike.
func (d dial) after(t time.Time, loc *time.Location) time.Time {
	t = t.Round(0).In(loc)
	due := d.next(reading(t))
	start, end := stretch(t)
	if !d.again && !start.IsZero() {
		before := start.Add(-1)
		if last := reading(before); !due.After(last) && !due.IsZero() {
			due = d.next(last) // up to there the clock had shown them before it was set back
		}
	}
	for !due.IsZero() {
		if at := due.Add(-offset(t)); end.IsZero() || at.Before(end) {
			return at.In(loc)
		}
		t = end.In(loc)
		first := reading(t)
		switch {
		case d.late && due.Before(first):
			return t
		case d.again:
			due = d.next(first.Add(-1))
		}
		_, end = stretch(t)
	}
	return time.Time{}
}

// stretch is from when until when the offset of t is in force; zero: for ever.
// [time.Time.ZoneBounds] takes all years for 365 days: on 31 December of a leap
// year that is not in the tables of the zone, the end that it gives is not after t.
func stretch(t time.Time) (start, end time.Time) {
	start, end = t.ZoneBounds()
	if !end.IsZero() && !end.After(t) {
		end = t.Truncate(24 * time.Hour).Add(24 * time.Hour)
	}
	return start, end
}

func reading(t time.Time) time.Time { return t.Add(offset(t)).UTC() }

// offset is what the zone of t is ahead of UTC.
func offset(t time.Time) time.Duration {
	_, seconds := t.Zone()
	return time.Duration(seconds) * time.Second
}
