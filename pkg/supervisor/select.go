package supervisor

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"tasks/internal/typo"
	"tasks/pkg/task"
)

// A Selector names tasks: by name and glob, by group, or all of them.
type Selector = task.Selector

// maxGuesses is for how many unknown names of a selector what was meant is looked for.
const maxGuesses = 100

// Select resolves sel to names: each once, in the order given, those of a glob
// sorted. What does not exist, or matches nothing, is an ErrNotFound each.
func (s *Supervisor) Select(sel Selector) ([]string, []error) {
	if err := sel.Check(); err != nil {
		return nil, []error{err}
	}
	infos := sync.OnceValue(s.Shared) // plain names are looked up
	short := sync.OnceValue(func() map[string]string { return shortNames(infos(), sel.Dir) })
	var names []string
	var errs []error
	seen := make(map[string]bool)
	take := func(name string) {
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	for _, want := range sel.Names {
		if !task.IsGlob(want) {
			if s.lookup(want) != nil {
				take(want)
			} else if full := short()[want]; full != "" {
				take(full)
			} else if len(errs) < maxGuesses {
				errs = append(errs, s.noSuch(want))
			} else {
				errs = append(errs, task.NoSuchTask(want))
			}
			continue
		}
		if _, err := path.Match(want, ""); err != nil {
			errs = append(errs, task.Errorf(task.ErrUsage, want, "bad pattern %q: %v", want, err))
			continue
		}
		found := false
		for _, info := range infos() {
			if ok, _ := path.Match(want, info.Name); ok {
				found = true
				take(info.Name)
			}
		}
		if !found {
			errs = append(errs, task.NoSuchTask(want))
		}
	}
	groups := sel.InGroups()
	if !sel.All && len(groups) == 0 {
		return names, errs
	}
	found, wanted := make(map[string]bool), set(groups)
	for _, info := range infos() {
		if sel.All || info.Group != "" && wanted[info.Group] {
			found[info.Group] = true
			take(info.Name)
		}
	}
	for _, group := range groups {
		if g, set := s.queues.Get(group); !found[group] && (!set || g.Temporary) {
			if len(errs) < maxGuesses {
				errs = append(errs, s.noSuchGroup(group))
			} else {
				errs = append(errs, task.NoSuchGroup(group))
			}
		}
	}
	return names, errs
}

// Similar is the known name that name is most likely a slip of, or "".
func (s *Supervisor) Similar(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return typo.Nearest(name, s.namesLocked())
}

func (s *Supervisor) namesLocked() []string {
	names := make([]string, 0, len(s.tasks))
	for name, a := range s.tasks {
		if a.shown.Load() != nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (s *Supervisor) noSuchLocked(name string) error {
	err := task.NoSuchTask(name)
	names := s.namesLocked()
	if s.isGroupLocked(name) {
		err.Msg += ": it is a group: use -g " + name
	} else if like := cmp.Or(typo.Nearest(name, names), onlyShort(name, names), nearestShort(name, names)); like != "" {
		err.Msg += fmt.Sprintf(" (did you mean %s?)", like)
	}
	return err
}

func (s *Supervisor) isGroupLocked(name string) bool {
	if g, set := s.queues.Get(name); set && !g.Temporary {
		return true
	}
	for _, a := range s.tasks {
		if now := a.shown.Load(); now != nil && now.info.Group == name && name != "" {
			return true
		}
	}
	return false
}

// onlyShort is the only name that is name after its project, or "".
func onlyShort(name string, names []string) (full string) {
	for _, n := range names {
		if strings.HasSuffix(n, "."+name) {
			if full != "" {
				return ""
			}
			full = n
		}
	}
	return full
}

// nearestShort is the name that, without its project, name is most likely a slip of, or "".
func nearestShort(name string, names []string) string {
	full := make(map[string]string)
	var shorts []string
	for _, n := range names {
		if _, short, ok := strings.Cut(n, "."); ok && full[short] == "" {
			full[short] = n
			shorts = append(shorts, short)
		}
	}
	return full[typo.Nearest(name, shorts)]
}

func (s *Supervisor) noSuch(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.noSuchLocked(name)
}

func set(names []string) map[string]bool {
	all := make(map[string]bool, len(names))
	for _, name := range names {
		all[name] = true
	}
	return all
}
