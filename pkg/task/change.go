package task

import (
	"path/filepath"
	"unicode/utf8"
)

// The bounds of a Change, and of a tasks file.
const (
	MaxTasks = 10_000  // instances counted
	MaxAfter = 100_000 // dependencies between tasks
)

// A Change is what a tasks file makes of its tasks, all of it or nothing: they become
// what the file says, or with Down they are stopped.
type Change struct {
	ID      string  `json:"id"`                // made by who asks for it: one that is known is not begun again
	File    string  `json:"file"`              // absolute
	Project string  `json:"project,omitempty"` // what the names of the file begin with; "" for none
	Prune   bool    `json:"prune,omitempty"`   // all other tasks of the file are stopped
	Down    bool    `json:"down,omitempty"`    // of Tasks only the names count
	Missing bool    `json:"missing,omitempty"` // of Tasks only those start that are not there; the others stay as they are
	Groups  []Group `json:"groups,omitempty"`
	Tasks   []Spec  `json:"tasks,omitempty"` // each after those of them that it comes after

	// Of one that was begun, as it is recorded:
	Kept        []string       `json:"kept,omitempty"`   // tasks that nothing is done about: they are not among Tasks
	Ran         map[string]int `json:"ran,omitempty"`    // the last run of each of Tasks before it
	CompletedAt Time           `json:"over_at,omitzero"` // when nothing was left to do; then it has no tasks any more
	Why         string         `json:"why,omitempty"`    // it was not carried out as a whole; "": it was

	Unknown Unknown `json:"-"`
}

// Names are those of all its tasks.
func (c *Change) Names() []string {
	names := make([]string, 0, len(c.Tasks)+len(c.Kept))
	for i := range c.Tasks {
		names = append(names, c.Tasks[i].Name)
	}
	return append(names, c.Kept...)
}

// maxChangeID is the longest id of a change, in bytes.
const maxChangeID = 64

// Check reports the first thing that is wrong with c as an [ErrUsage]. Whether its tasks
// are in order is not looked at.
func (c *Change) Check() error {
	usage := func(format string, args ...any) error { return Errorf(ErrUsage, "", format, args...) }
	switch {
	case c.ID == "" || len(c.ID) > maxChangeID || !utf8.ValidString(c.ID):
		return usage("bad id of a change: give 1 to %d bytes of text", maxChangeID)
	case !filepath.IsAbs(c.File) || len(c.File) > maxPath || !utf8.ValidString(c.File):
		return usage("bad path of a tasks file %q: give an absolute path", clip(c.File, 80))
	case c.Project != "" && CheckName(c.Project) != nil:
		return usage("bad project: %v", CheckName(c.Project))
	case len(c.Tasks) > MaxTasks:
		return usage("more than %d tasks", MaxTasks)
	}
	groups, names, after := make(map[string]bool), make(map[string]bool), 0
	for i := range c.Groups {
		g := &c.Groups[i]
		if err := g.Check(); err != nil {
			return err
		}
		if groups[g.Name] {
			return Errorf(ErrUsage, g.Name, "two groups are named %s", g.Name)
		}
		groups[g.Name] = true
	}
	for i := range c.Tasks {
		s := &c.Tasks[i]
		if err := s.Check(); err != nil {
			return err
		}
		if names[s.Name] {
			return Errorf(ErrUsage, s.Name, "two tasks are named %s", s.Name)
		}
		names[s.Name] = true
		if !c.Down && len(s.Command) == 0 {
			return Errorf(ErrUsage, s.Name, "no command for the task %s", s.Name)
		}
		if after += len(s.After) + len(s.AfterEnded); after > MaxAfter {
			return usage("more than %d dependencies", MaxAfter)
		}
	}
	return nil
}

// maxPath is PATH_MAX of Linux: no longer path leads to a file.
const maxPath = 4096
