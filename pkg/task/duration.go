package task

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// A Duration is a time.Duration that is written as Go's text, such as "1h30m".
type Duration time.Duration

func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText writes d as [time.Duration.String] does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what [ParseDuration] reads.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := ParseDuration(string(b))
	*d = Duration(v)
	return err
}

// ParseDuration reads what [time.ParseDuration] reads, and beyond that the units
// d, which is 24 hours, and w, which is 7 d.
func ParseDuration(text string) (time.Duration, error) {
	if v, err := time.ParseDuration(text); err == nil {
		return v, nil
	}
	bad := func() (time.Duration, error) {
		return 0, fmt.Errorf("bad duration %q: use a number with a unit, such as 10s, 1h30m or 1d", clip(text, 40))
	}
	rest, negative := strings.CutPrefix(text, "-")
	if !negative {
		rest = strings.TrimPrefix(rest, "+")
	}
	if rest == "" {
		return bad()
	}
	var sum time.Duration
	for rest != "" {
		unit := strings.IndexFunc(rest, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
		if unit < 1 {
			return bad()
		}
		end := len(rest)
		if next := strings.IndexAny(rest[unit:], ".0123456789"); next >= 0 {
			end = unit + next
		}
		part, times := rest[:end], time.Duration(1)
		switch rest[unit:end] {
		case "d":
			part, times = rest[:unit]+"h", 24
		case "w":
			part, times = rest[:unit]+"h", 7*24
		}
		v, err := time.ParseDuration(part)
		if err != nil || v > math.MaxInt64/times || sum > math.MaxInt64-v*times {
			return bad()
		}
		sum += v * times
		rest = rest[end:]
	}
	if negative {
		sum = -sum
	}
	return sum, nil
}

// Backoff is the range of the delay before an automatic restart. The delay starts at
// Min, doubles with each restart up to Max, and starts at Min again after a run that
// lasted longer than Max. As text it is "MIN..MAX".
type Backoff struct{ Min, Max time.Duration }

func (b Backoff) String() string { return b.Min.String() + ".." + b.Max.String() }

// MarshalText writes b as "MIN..MAX".
func (b Backoff) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText reads "MIN..MAX".
func (b *Backoff) UnmarshalText(text []byte) error {
	lo, hi, ok := strings.Cut(string(text), "..")
	from, err1 := ParseDuration(lo)
	to, err2 := ParseDuration(hi)
	if !ok || err1 != nil || err2 != nil || from <= 0 || to < from {
		return fmt.Errorf("bad backoff %q: use MIN..MAX with 0 < MIN <= MAX, such as 1s..1m", text)
	}
	*b = Backoff{from, to}
	return nil
}
