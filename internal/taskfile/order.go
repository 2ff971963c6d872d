package taskfile

import (
	"slices"
	"strings"

	"tasks/pkg/task"
)

// sort is the entries in an order in which each comes after those that it is to
// run after, else in that of the file. Names that are there twice or not at all,
// and cycles, are faults.
func (l *loader) sort(all []*entry) []*entry {
	made := make(map[string]*entry) // by every name that an after may have
	total := 0
	for _, e := range all {
		made[e.name] = e
	}
	for _, e := range all {
		if total += max(e.count, 1); total > MaxTasks {
			l.fault(e.key.pos, "more than %d tasks", MaxTasks)
			return nil
		}
		if e.count == 0 {
			continue
		}
		for _, name := range e.names() {
			if other, taken := made[name]; taken {
				l.fault(other.key.pos, "%s is an instance of %s already, in line %d", name, e.name, e.key.line)
			}
			made[name] = e
		}
	}
	if len(l.faults) > 0 {
		return nil
	}
	var names []string
	for _, e := range all {
		for i := range e.after {
			d := &e.after[i]
			if d.on = made[d.name]; d.on == nil {
				if names == nil {
					names = sorted(made)
				}
				name := d.item.written(d.name)
				l.fault(d.item.pos, "there is no task %s for %s to come after%s", name, e.name, like(name, names))
			}
		}
	}
	if len(l.faults) > 0 {
		return nil
	}
	s := sorter{loader: l, state: make(map[*entry]int)}
	for _, e := range all {
		if s.state[e] == 0 {
			s.visit(e)
		}
	}
	return s.done
}

// A sorter walks entries after what they depend on.
type sorter struct {
	*loader
	state map[*entry]int // 1: on the path; 2: done
	path  []*entry
	done  []*entry
}

func (s *sorter) visit(e *entry) {
	s.state[e] = 1
	s.path = append(s.path, e)
	for _, d := range e.after {
		switch s.state[d.on] {
		case 0:
			s.visit(d.on)
		case 1:
			s.cycle(s.path[slices.Index(s.path, d.on):])
		}
	}
	s.path = s.path[:len(s.path)-1]
	s.state[e] = 2
	s.done = append(s.done, e)
}

// cycle tells of a circle, from the first one in the file on.
func (s *sorter) cycle(round []*entry) {
	first := 0
	for i, e := range round {
		if f := round[first].key; e.key.line < f.line || e.key.line == f.line && e.key.col < f.col {
			first = i
		}
	}
	round = slices.Concat(round[first:], round[:first+1])
	var names []string
	for _, e := range round {
		names = append(names, e.name)
	}
	at := round[0].key.pos
	for _, d := range round[0].after {
		if d.on == round[1] {
			at = d.item.pos
			break
		}
	}
	s.fault(at, "the tasks wait for each other: %s", strings.Join(names, " after "))
}

// Levels is the names of f's tasks in steps: each comes after some of the step before.
func Levels(f *File) [][]string { return levels(f.Tasks) }

// Down is the names of the tasks in now that are from the file, ended or not, in
// steps to be stopped one after the other: each before those that it came after.
// A file that does not exist any more is the same if f is in its place.
func Down(f *File, now []task.Info) [][]string {
	var specs []task.Spec
	b := f.belonging()
	for i := range now {
		if t := &now[i]; b.own(t) || b.orphan(t) {
			s := t.Spec
			s.Name = t.Name
			specs = append(specs, s)
		}
	}
	steps := levels(specs)
	slices.Reverse(steps)
	return steps
}

// levels tolerates names that are not there, and circles: specs that come from a
// supervisor are from several states of the file.
func levels(specs []task.Spec) [][]string {
	byName := make(map[string]*task.Spec)
	for i := range specs {
		byName[specs[i].Name] = &specs[i]
	}
	level := make(map[string]int) // 0: not known; -1: on the way
	var visit func(name string) int
	visit = func(name string) int {
		s := byName[name]
		if s == nil || level[name] != 0 {
			return max(level[name], 0)
		}
		level[name] = -1
		most := 0
		for _, names := range [][]string{s.After, s.AfterEnded} {
			for _, before := range names {
				most = max(most, visit(before))
			}
		}
		level[name] = most + 1
		return most + 1
	}
	var steps [][]string
	for _, s := range specs {
		at := visit(s.Name)
		for len(steps) < at {
			steps = append(steps, nil)
		}
		steps[at-1] = append(steps[at-1], s.Name)
	}
	return steps
}
