package deps

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"tasks/pkg/task"
)

func parse(text string) Graph {
	g := make(Graph)
	for _, f := range strings.Fields(text) {
		name, after, _ := strings.Cut(f, ":")
		g[name] = strings.FieldsFunc(after, func(r rune) bool { return r == ',' })
	}
	return g
}

func TestSortAndLevels(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ names, graph, sorted, cycles, levels string }{
		{"a b c", "", "a b c", "", "a b c"},
		{"a b c", "a:c b:a", "c a b", "", "c|a|b"},
		{"a b c d", "a:b,c b:d c:d", "d b c a", "", "d|b c|a"},
		{"a b", "a:b b:a", "b a", "a b", "b|a"},
		{"a", "a:a", "a", "a", "a"},
		{"x a b c", "a:b b:c c:a", "x c b a", "a b c", "x c|b|a"},
	} {
		names, g := strings.Fields(c.names), parse(c.graph)
		sorted, cycles := g.Sort(names)
		if got := strings.Join(sorted, " "); got != c.sorted {
			t.Errorf("%s of %s: %q, not %q", c.names, c.graph, got, c.sorted)
		}
		if got := texts(cycles); got != c.cycles {
			t.Errorf("%s of %s has the cycles %q, not %q", c.names, c.graph, got, c.cycles)
		}
		if got := texts(g.Levels(names)); got != c.levels {
			t.Errorf("%s of %s has the levels %q, not %q", c.names, c.graph, got, c.levels)
		}
	}
	if got := texts(parse("a:gone,b b:away").Levels([]string{"a", "b"})); got != "b|a" {
		t.Errorf("with names that are not there: %q", got)
	}
}

func texts(lists [][]string) string {
	var out []string
	for _, l := range lists {
		out = append(out, strings.Join(l, " "))
	}
	return strings.Join(out, "|")
}

func TestMisplaced(t *testing.T) {
	t.Parallel()
	g := parse("a:b b:c d:gone")
	if name, after, bad := g.Misplaced([]string{"c", "b", "a", "d"}); bad {
		t.Errorf("%s before %s", name, after)
	}
	if name, after, bad := g.Misplaced([]string{"c", "a", "b"}); !bad || name != "a" || after != "b" {
		t.Error(name, after, bad)
	}
}

func TestGraphOf(t *testing.T) {
	t.Parallel()
	a := task.Spec{Name: "a"}
	a.After, a.AfterEnded = []string{"b"}, []string{"c"}
	if got := GraphOf([]task.Spec{a, {Name: "b"}}); fmt.Sprint(got) != "map[a:[b c] b:[]]" {
		t.Error(got)
	}
}

// Whatever the graph: the order has every name once. Without a cycle, the order and the
// levels have each name behind its dependencies; with one, each reported cycle is a cycle.
func TestRandomGraphs(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	acyclic := 0
	for range 2000 {
		var names []string
		for i := range 1 + r.IntN(8) {
			names = append(names, fmt.Sprint(i))
		}
		g := make(Graph)
		for range r.IntN(10) {
			name := names[r.IntN(len(names))]
			g[name] = append(g[name], names[r.IntN(len(names))])
		}
		sorted, cycles := g.Sort(names)
		if !slices.Equal(slices.Sorted(slices.Values(sorted)), names) {
			t.Fatalf("%v: %v", g, sorted)
		}
		for _, c := range cycles {
			for i, name := range c {
				if !slices.Contains(g[name], c[(i+1)%len(c)]) {
					t.Fatalf("%v: %v is not a cycle", g, c)
				}
			}
		}
		on := slices.ContainsFunc(names, func(name string) bool { return path(g, g[name], name) != nil })
		if on != (len(cycles) > 0) {
			t.Fatalf("%v: cycles %v", g, cycles)
		}
		levels := slices.Concat(g.Levels(names)...)
		if len(levels) != len(names) {
			t.Fatalf("%v: levels %v", g, levels)
		}
		if on {
			continue
		}
		acyclic++
		for _, order := range [][]string{sorted, levels} {
			if name, after, bad := g.Misplaced(order); bad {
				t.Fatalf("%v: %s before %s in %v", g, name, after, order)
			}
		}
	}
	if acyclic < 200 {
		t.Errorf("only %d graphs had no cycle", acyclic)
	}
}
