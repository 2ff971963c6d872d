package task

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// A Group is what the tasks of a group share, and how many of them there are.
type Group struct {
	Name   string `json:"name"`
	Slots  *int   `json:"slots"` // runs at the same time; 0: no new ones; null: no limit
	Paused bool   `json:"paused,omitempty"`
	Hooks         // of each of its tasks, beside their own

	Temporary  bool `json:"temporary,omitempty"`  // nobody has set it by hand: it is forgotten with its last task
	Unfinished bool `json:"unfinished,omitempty"` // it was paused or resumed, and what runs in it is still to be

	Running int `json:"running"` // runs, paused ones included
	Queued  int `json:"queued"`  // wait for a slot
	Waiting int `json:"waiting"` // wait for a time or for other tasks

	Unknown Unknown `json:"-"`
}

// Check reports the first thing wrong with the settings of g as an [ErrUsage].
func (g *Group) Check() error {
	if err := CheckName(g.Name); err != nil {
		return Errorf(ErrUsage, g.Name, "bad group: %v", err)
	}
	switch {
	case g.Slots != nil && *g.Slots < 0:
		return Errorf(ErrUsage, g.Name, "bad number of slots %d: use 0 or more", *g.Slots)
	case g.Slots != nil && *g.Slots > MaxSlots:
		return Errorf(ErrUsage, g.Name, "bad number of slots %d: give %d or less, or none for no limit", *g.Slots, MaxSlots)
	}
	if err := g.Hooks.check(nil); err != nil {
		return Errorf(ErrUsage, g.Name, "%v", err)
	}
	return nil
}

// Unset reports whether nothing is set of g.
func (g *Group) Unset() bool { return g.Slots == nil && !g.Paused && g.Hooks == Hooks{} }

// NoSuchGroup is the ErrNotFound for name.
func NoSuchGroup(name string) *Error {
	name = clip(name, MaxName)
	return Errorf(ErrNotFound, name, "No such group: %s", name)
}

// String says how many slots g has.
func (g *Group) String() string {
	if g.Slots == nil {
		return "none"
	}
	return fmt.Sprint(*g.Slots)
}

// Slots is a number of slots, as JSON a number or "none".
type Slots struct{ N *int } // nil: no limit

func (s Slots) String() string {
	if s.N == nil {
		return "none"
	}
	return strconv.Itoa(*s.N)
}

// MarshalJSON writes a number or "none".
func (s Slots) MarshalJSON() ([]byte, error) {
	if s.N == nil {
		return []byte(`"none"`), nil
	}
	return json.Marshal(*s.N)
}

// UnmarshalJSON reads a number or "none".
func (s *Slots) UnmarshalJSON(b []byte) error {
	if string(b) == `"none"` {
		s.N = nil
		return nil
	}
	n := 0
	if err := json.Unmarshal(b, &n); err != nil {
		return fmt.Errorf("slots cannot be %s: give a number or \"none\"", b)
	}
	s.N = &n
	return nil
}
