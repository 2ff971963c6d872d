package task

import (
	"fmt"
	"time"
)

// The bounds of the numbers that a task or a group may be given, wherever they come
// from: beyond them they are mistakes, and sums of them would overflow.
const (
	MaxDuration = 100 * 365 * 24 * time.Hour
	MinInterval = time.Millisecond // between restarts, or checks: about what one takes, below it is none
	MaxCount    = 1_000_000_000    // of restarts, retries, logs, inputs
	MaxSlots    = 1_000_000
	MaxSize     = Size(1 << 50)
)

// CheckDuration reports a duration that is negative or longer than [MaxDuration];
// nil is none.
func CheckDuration(what string, d *Duration) error {
	switch {
	case d != nil && *d < 0:
		return fmt.Errorf("bad %s %s: use 0 or more", what, d)
	case d != nil && time.Duration(*d) > MaxDuration:
		return fmt.Errorf("bad %s %s: give 876000h (100 years) or less", what, d)
	}
	return nil
}

// positive is CheckDuration where 0 is none either.
func positive(what string, d *Duration) error {
	if d != nil && *d <= 0 {
		return fmt.Errorf("bad %s %s: give more than 0", what, d)
	}
	return CheckDuration(what, d)
}

// interval is positive where less than [MinInterval] is none.
func interval(what string, d *Duration) error {
	if d != nil && *d > 0 && time.Duration(*d) < MinInterval {
		return fmt.Errorf("bad %s %s: give %s or more", what, d, MinInterval)
	}
	return positive(what, d)
}

// CheckCount reports a number that is negative or more than [MaxCount]; nil is none.
func CheckCount(what string, n *int) error {
	switch {
	case n != nil && *n < 0:
		return fmt.Errorf("bad %s %d: use 0 or more", what, *n)
	case n != nil && *n > MaxCount:
		return fmt.Errorf("bad %s %d: give %d or less", what, *n, MaxCount)
	}
	return nil
}

// CheckSize reports a size that is negative or larger than [MaxSize]; nil is none.
func CheckSize(what string, z *Size) error {
	switch {
	case z != nil && *z < 0:
		return fmt.Errorf("bad %s %d: use 0 or more", what, *z)
	case z != nil && *z > MaxSize:
		return fmt.Errorf("bad %s %s: give %s or less", what, z, MaxSize)
	}
	return nil
}

func (b Backoff) check() error {
	switch {
	case b == Backoff{}:
	case b.Min <= 0 || b.Max < b.Min:
		return fmt.Errorf("bad backoff %s: give MIN..MAX with 0 < MIN <= MAX", b)
	case b.Min < MinInterval:
		return fmt.Errorf("bad backoff %s: give a MIN of %s or more", b, MinInterval)
	case b.Max > MaxDuration:
		return fmt.Errorf("bad backoff %s: give a MAX of 876000h (100 years) or less", b)
	}
	return nil
}
