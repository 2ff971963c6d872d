package task

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A Size is a number of bytes that is written as text, such as "64MiB". As a
// limit, 0 is none, and written so.
type Size int64

// sizeUnits are the units from the largest on; those of 1024 go before those
// of 1000, to be preferred where both divide a size.
var sizeUnits = []struct {
	name  string
	bytes int64
}{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3},
}

// ParseSize reads a number, whole or with decimals, and a unit: KiB, MiB, GiB,
// TiB (or K, M, G, T) are powers of 1024, KB, MB, GB, TB those of 1000, none and
// B are bytes. Upper and lower case are one. "none" is 0.
func ParseSize(s string) (Size, error) {
	bad := fmt.Errorf("bad size %q: use a number with a unit, such as 64MiB or 10MB, or none", clip(s, 40))
	text := strings.ToUpper(strings.TrimSpace(s))
	if text == "NONE" {
		return 0, nil
	}
	number := strings.TrimRight(text, "BIKMGT")
	unit := text[len(number):]
	number = strings.TrimSpace(number)
	bytes := int64(1)
	if unit != "" && unit != "B" {
		bytes = 0
		for _, u := range sizeUnits {
			if name := strings.ToUpper(u.name); unit == name || unit+"IB" == name {
				bytes = u.bytes
				break
			}
		}
	}
	if bytes == 0 || number == "" || strings.Trim(number, "0123456789.") != "" {
		return 0, bad
	}
	if n, err := strconv.ParseInt(number, 10, 64); err == nil && n <= math.MaxInt64/bytes {
		return Size(n * bytes), nil
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || n*float64(bytes) >= math.MaxInt64 {
		return 0, bad
	}
	return Size(n * float64(bytes)), nil
}

// String is z in the largest unit that divides it: "64MiB", "10MB", "1234".
func (z Size) String() string {
	if z == 0 {
		return "none"
	}
	for _, u := range sizeUnits {
		if int64(z)%u.bytes == 0 {
			return strconv.FormatInt(int64(z)/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(z), 10)
}

// MarshalText writes z as String does.
func (z Size) MarshalText() ([]byte, error) { return []byte(z.String()), nil }

// UnmarshalText reads what [ParseSize] reads.
func (z *Size) UnmarshalText(b []byte) error {
	v, err := ParseSize(string(b))
	if err == nil {
		*z = v
	}
	return err
}

// UnmarshalJSON reads text, or a plain number of bytes.
func (z *Size) UnmarshalJSON(b []byte) error {
	text := string(b)
	if text == "null" {
		return nil
	}
	if s, err := strconv.Unquote(text); err == nil {
		text = s
	}
	return z.UnmarshalText([]byte(text))
}
