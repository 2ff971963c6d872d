package task

import (
	"path"
	"slices"
	"strings"
)

// MaxGlobs is how many globs a selector may have, and MaxGlobBytes how many bytes they may
// have in all: each task's name is matched with every one, by a watch at each change.
const (
	MaxGlobs     = 100
	MaxGlobBytes = 16 << 10
)

// A Selector names tasks: by name and glob, by group, or all of them.
type Selector struct {
	Names  []string `json:"names,omitempty"` // names, or globs as in path.Match
	All    bool     `json:"all,omitempty"`
	Group  string   `json:"group,omitempty"`
	Groups []string `json:"groups,omitempty"` // further ones
	Dir    string   `json:"dir,omitempty"`    // absolute: names may leave out the project whose tasks file is there, or nearest above
}

// Empty reports whether s selects nothing.
func (s Selector) Empty() bool { return len(s.Names) == 0 && !s.All && len(s.InGroups()) == 0 }

// InGroups is Group and Groups.
func (s Selector) InGroups() []string {
	if s.Group == "" {
		return s.Groups
	}
	return append([]string{s.Group}, s.Groups...)
}

// IsGlob tells a glob from a name.
func IsGlob(name string) bool { return strings.ContainsAny(name, "*?[") }

// Check reports globs beyond [MaxGlobs] or [MaxGlobBytes], and names or groups beside All, which
// would count for nothing, as an [ErrUsage].
func (s Selector) Check() error {
	if s.All && (len(s.Names) > 0 || len(s.InGroups()) > 0) {
		return Errorf(ErrUsage, "", "all is every task: it goes without names and groups")
	}
	size, n := 0, 0
	for _, name := range s.Names {
		if IsGlob(name) {
			size += len(name)
			n++
		}
	}
	switch {
	case size > MaxGlobBytes:
		return Errorf(ErrUsage, "", "the patterns have %d bytes, at most %d are allowed: give fewer of them at once", size, MaxGlobBytes)
	case n > MaxGlobs:
		return Errorf(ErrUsage, "", "there are %d patterns, at most %d are allowed: give fewer of them at once", n, MaxGlobs)
	}
	return nil
}

// Matcher tells the tasks, also future ones, that s selects.
func (s Selector) Matcher() func(*Info) bool {
	named, wanted := set(s.Names), set(s.InGroups())
	globs := slices.DeleteFunc(slices.Clone(s.Names), func(name string) bool { return !IsGlob(name) })
	return func(t *Info) bool {
		if s.All || t.Group != "" && wanted[t.Group] || named[t.Name] {
			return true
		}
		return slices.ContainsFunc(globs, func(glob string) bool {
			ok, err := path.Match(glob, t.Name)
			return ok && err == nil
		})
	}
}

func set(words []string) map[string]bool {
	all := make(map[string]bool, len(words))
	for _, word := range words {
		all[word] = true
	}
	return all
}
