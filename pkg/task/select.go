package task

// A Selector names tasks: by name and glob, by group, or all of them.
type Selector struct {
	Names  []string `json:"names,omitempty"` // names, or globs as in path.Match
	All    bool     `json:"all,omitempty"`
	Group  string   `json:"group,omitempty"`
	Groups []string `json:"groups,omitempty"` // further ones
}

// Empty tells whether s selects nothing.
func (s Selector) Empty() bool { return len(s.Names) == 0 && !s.All && len(s.InGroups()) == 0 }

// InGroups is Group and Groups.
func (s Selector) InGroups() []string {
	if s.Group == "" {
		return s.Groups
	}
	return append([]string{s.Group}, s.Groups...)
}
