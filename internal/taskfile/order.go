package taskfile

import (
	"fmt"
	"slices"
	"strings"

	"tasks/internal/deps"
)

// sort is the entries with dependencies first, else in the order of the file. Names that
// are there twice or not at all, and cycles, are problems.
func (l *loader) sort(all []*entry) []*entry {
	made := make(map[string]*entry) // by every name that an after may have
	total := 0
	for _, e := range all {
		made[e.name] = e
	}
	for _, e := range all {
		if total += max(e.count, 1); total > MaxTasks {
			l.report(e.key.pos, "more than %d tasks", MaxTasks)
			return nil
		}
		if e.count == 0 {
			continue
		}
		for _, name := range e.names() {
			if other, taken := made[name]; taken {
				l.report(other.key.pos, "%s is an instance of %s already, in line %d", name, e.name, e.key.line)
			}
			made[name] = e
		}
	}
	if len(l.problems) > 0 {
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
				l.report(d.item.pos, "there is no task %s for %s to come after%s", name, e.name, like(name, names))
			}
		}
	}
	if len(l.problems) > 0 || l.tooMany(all) {
		return nil
	}
	names = nil
	after, byName := make(deps.Graph), make(map[string]*entry)
	for _, e := range all {
		names = append(names, e.name)
		byName[e.name] = e
		for _, d := range e.after {
			after[e.name] = append(after[e.name], d.on.name)
		}
	}
	names, cycles := after.Sort(names)
	for _, c := range cycles {
		var round []*entry
		for _, name := range c {
			round = append(round, byName[name])
		}
		l.cycle(round)
	}
	done := make([]*entry, len(names))
	for i, name := range names {
		done[i] = byName[name]
	}
	return done
}

// tooMany reports that the tasks come after each other in more than
// [MaxAfter] pairs.
func (l *loader) tooMany(all []*entry) bool {
	total := 0
	for _, e := range all {
		for _, d := range e.after {
			n := 1
			if d.name == d.on.name {
				n = max(d.on.count, 1)
			}
			if total += max(e.count, 1) * n; total <= MaxAfter {
				continue
			}
			hint := ""
			if name := d.item.written(d.name); n > 1 {
				hint = fmt.Sprintf(": let one task come after %s, and %s after that one", name, e.name)
			}
			l.report(d.item.pos, "more than %d dependencies%s", MaxAfter, hint)
			return true
		}
	}
	return false
}

// cycle tells of a cycle, from the first one in the file on.
func (l *loader) cycle(round []*entry) {
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
	l.report(at, "dependency cycle: %s", strings.Join(names, " -> "))
}
