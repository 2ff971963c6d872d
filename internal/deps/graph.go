// Package deps is the one dependency graph: which task comes after which, their order,
// cycles, and who waits for what.
package deps

import (
	"slices"

	"tasks/pkg/task"
)

// Of is the names of all tasks that a run of spec comes after.
func Of(spec *task.Spec) []string { return slices.Concat(spec.After, spec.AfterEnded) }

// A Graph is the names that each name comes after. Names that it does not have come
// after none.
type Graph map[string][]string

// GraphOf is what specs come after, by their names.
func GraphOf(specs []task.Spec) Graph {
	g := make(Graph, len(specs))
	for i := range specs {
		g[specs[i].Name] = Of(&specs[i])
	}
	return g
}

// Sort is names with dependencies first, else in the given order; what they depend on is
// among them. A cycle is the names on it, each before one that it comes after; the order is
// of no use then.
func (g Graph) Sort(names []string) (sorted []string, cycles [][]string) {
	const onPath, done = 1, 2
	state := make(map[string]int, len(names))
	var path []string
	var visit func(name string)
	visit = func(name string) {
		state[name] = onPath
		path = append(path, name)
		for _, next := range g[name] {
			switch state[next] {
			case 0:
				visit(next)
			case onPath:
				cycles = append(cycles, slices.Clone(path[slices.Index(path, next):]))
			}
		}
		path = path[:len(path)-1]
		state[name] = done
		sorted = append(sorted, name)
	}
	for _, name := range names {
		if state[name] == 0 {
			visit(name)
		}
	}
	return sorted, cycles
}

// Misplaced is the first of names that is before one that it comes after, and that
// one; ok is false where there is none.
func (g Graph) Misplaced(names []string) (name, after string, ok bool) {
	at := make(map[string]int, len(names))
	for i, name := range names {
		at[name] = i
	}
	for i, name := range names {
		for _, after := range g[name] {
			if at[after] > i {
				return name, after, true
			}
		}
	}
	return "", "", false
}

// Levels is names in steps: each comes after some of the step before it, and after
// none of its own or a later one. It ignores names that are not among them, and cuts a
// cycle somewhere.
func (g Graph) Levels(names []string) [][]string {
	const onPath = -1
	level := make(map[string]int, len(names)) // from 1; 0: not among them
	for _, name := range names {
		level[name] = 0
	}
	var visit func(name string) int
	visit = func(name string) int {
		if l, among := level[name]; !among || l != 0 {
			return max(l, 0)
		}
		level[name] = onPath
		most := 0
		for _, next := range g[name] {
			most = max(most, visit(next))
		}
		level[name] = most + 1
		return most + 1
	}
	var steps [][]string
	for _, name := range names {
		at := visit(name)
		for len(steps) < at {
			steps = append(steps, nil)
		}
		steps[at-1] = append(steps[at-1], name)
	}
	return steps
}
