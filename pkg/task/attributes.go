package task

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Attributes are what a process inherits besides its directory and environment.
// What is not set is as the caller has it, or else as the supervisor has it.
type Attributes struct {
	Umask  *Umask  `json:"umask,omitempty"`
	Nice   *int    `json:"nice,omitempty"` // -20, served first, to 19
	Ulimit Ulimits `json:"ulimit,omitempty"`

	Caller Caller `json:"caller,omitzero"`
}

// A Caller is what of the program that started a task is handed on to it. A nice value that
// is refused to the supervisor is ignored: nobody asked for it.
type Caller struct {
	Umask *Umask `json:"umask,omitempty"`
	Nice  *int   `json:"nice,omitempty"`
}

// Or returns c, completed from other.
func (c Caller) Or(other Caller) Caller {
	if c.Umask == nil {
		c.Umask = other.Umask
	}
	if c.Nice == nil {
		c.Nice = other.Nice
	}
	return c
}

// Without is c without what other has as well.
func (c Caller) Without(other Caller) Caller {
	if c.Umask != nil && other.Umask != nil && *c.Umask == *other.Umask {
		c.Umask = nil
	}
	if c.Nice != nil && other.Nice != nil && *c.Nice == *other.Nice {
		c.Nice = nil
	}
	return c
}

// A Umask is a file mode creation mask, umask(2): octal digits such as 0022 as text.
type Umask uint32

func (u Umask) String() string { return fmt.Sprintf("%04o", uint32(u)) }

// MarshalText implements [encoding.TextMarshaler].
func (u Umask) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (u *Umask) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 8, 32)
	if err != nil || n > 0o777 {
		return fmt.Errorf("bad umask %q: use octal digits from 0 to 777, such as 022", text)
	}
	*u = Umask(n)
	return nil
}

// Ulimits are limits of the resources that a process may use, by their names in
// prlimit(1).
type Ulimits map[string]Limit

// A Limit bounds one resource, see getrlimit(2): SOFT, or SOFT:HARD, as text. Without
// HARD both are the same.
type Limit struct{ Soft, Hard uint64 }

// Unlimited is a limit that is none.
const Unlimited = math.MaxUint64

// LimitNames are the resources that have limits.
func LimitNames() []string {
	return []string{
		"as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio", "rttime", "sigpending", "stack",
	}
}

func (l Limit) String() string {
	if l.Soft == l.Hard {
		return limitText(l.Soft)
	}
	return limitText(l.Soft) + ":" + limitText(l.Hard)
}

func limitText(n uint64) string {
	if n == Unlimited {
		return "unlimited"
	}
	return strconv.FormatUint(n, 10)
}

// MarshalText implements [encoding.TextMarshaler].
func (l Limit) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (l *Limit) UnmarshalText(text []byte) error {
	soft, hard, both := strings.Cut(string(text), ":")
	if !both {
		hard = soft
	}
	var err1, err2 error
	l.Soft, err1 = parseLimit(soft)
	l.Hard, err2 = parseLimit(hard)
	switch {
	case err1 != nil || err2 != nil:
		return fmt.Errorf("bad limit %q: use SOFT or SOFT:HARD, each a number or unlimited", text)
	case l.Soft > l.Hard:
		return fmt.Errorf("bad limit %q: the soft limit is above the hard one", text)
	}
	return nil
}

func parseLimit(text string) (uint64, error) {
	if text == "unlimited" {
		return Unlimited, nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if n == Unlimited {
		err = errors.New("out of range")
	}
	return n, err
}

func (u Ulimits) String() string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(u)) {
		all = append(all, name+"="+u[name].String())
	}
	return strings.Join(all, " ")
}

// check implements the part of [Spec.Check].
func (a *Attributes) check(*Spec) error {
	for _, nice := range []*int{a.Nice, a.Caller.Nice} {
		if nice != nil && (*nice < -20 || *nice > 19) {
			return fmt.Errorf("bad nice value %d: use -20 to 19", *nice)
		}
	}
	for _, umask := range []*Umask{a.Umask, a.Caller.Umask} {
		if umask != nil && *umask > 0o777 {
			return fmt.Errorf("bad umask %s: use 0 to 777", umask)
		}
	}
	for name, l := range a.Ulimit {
		if !slices.Contains(LimitNames(), name) {
			return fmt.Errorf("no limit is called %q: use one of %s", name, strings.Join(LimitNames(), ", "))
		}
		if l.Soft > l.Hard {
			return fmt.Errorf("bad limit %s=%s: the soft limit is above the hard one", name, l)
		}
	}
	return nil
}

// EffectiveUmask is the umask of the task's processes; nil: the supervisor's.
func (a *Attributes) EffectiveUmask() *Umask {
	if a.Umask != nil {
		return a.Umask
	}
	return a.Caller.Umask
}

// EffectiveNice is the nice value of the task's processes; nil: the supervisor's.
func (a *Attributes) EffectiveNice() *int {
	if a.Nice != nil {
		return a.Nice
	}
	return a.Caller.Nice
}
