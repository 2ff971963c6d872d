package deps

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// path is a shortest way from one of from to the name to, both included, each before
// one that it comes after; nil where there is none. It looks at the whole graph.
func path(g Graph, from []string, to string) []string {
	if len(from) == 0 {
		return nil
	}
	cameBy, open := make(map[string]string), slices.Clone(from)
	for _, name := range from {
		cameBy[name] = ""
	}
	for len(open) > 0 {
		name := open[0]
		open = open[1:]
		if name == to {
			var path []string
			for ; name != ""; name = cameBy[name] {
				path = append(path, name)
			}
			slices.Reverse(path)
			return path
		}
		for _, next := range g[name] {
			if _, seen := cameBy[next]; !seen {
				cameBy[next] = name
				open = append(open, next)
			}
		}
	}
	return nil
}

// checkRanks looks whether the order is what g says, and whether its ranks are right.
func checkRanks(t *testing.T, o *Order, g Graph) {
	t.Helper()
	known := make(map[string]int)
	for name, after := range g {
		known[name] += 0
		for _, d := range after {
			known[d]++
		}
		var has []string
		for _, d := range o.nodes[name].after {
			has = append(has, d.name)
		}
		if !slices.Equal(has, after) {
			t.Fatalf("%s comes after %v, not %v", name, has, after)
		}
	}
	for name, n := range o.nodes {
		before, ok := known[name]
		if !ok || before != n.before {
			t.Fatalf("%s: %d, not %d come after it: %v", name, n.before, before, g)
		}
		for _, d := range n.after {
			if o.ranked && d.rank >= n.rank {
				t.Fatalf("%s has rank %d, and %s, which it is after, %d: %v", name, n.rank, d.name, d.rank, g)
			}
		}
		if n.rank > o.top || n.rank < o.bottom {
			t.Fatalf("the rank %d of %s is beyond %d or %d", n.rank, name, o.bottom, o.top)
		}
	}
	if len(known) != len(o.nodes) {
		t.Fatalf("%d names are known of %d", len(o.nodes), len(known))
	}
}

// Whatever is set, restored and expected, one after the other: what is refused is a
// shortest cycle, and nothing else is.
func TestSetAtRandom(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	refused, expected := 0, 0
	for range 300 {
		o, g := NewOrder(), make(Graph)
		set := func(name string, after []string) {
			t.Helper()
			want := path(g, after, name)
			got := o.Set(name, after)
			if want == nil && got == nil {
				if g[name] = after; len(after) == 0 {
					delete(g, name)
				}
				return
			}
			refused++
			if len(got) != len(want)+1 || got[0] != name || got[len(got)-1] != name || !slices.Contains(after, got[1]) {
				t.Fatalf("%s after %v in %v: %v, not as %v", name, after, g, got, want)
			}
			for i, n := range got[1 : len(got)-1] {
				if !slices.Contains(g[n], got[i+2]) {
					t.Fatalf("%v is not a cycle in %v", got, g)
				}
			}
		}
		draw := func() (string, []string) {
			var after []string
			for range r.IntN(4) {
				after = append(after, fmt.Sprint(r.IntN(8)))
			}
			return fmt.Sprint(r.IntN(8)), after
		}
		for range 40 {
			switch name, after := draw(); r.IntN(6) {
			case 0:
				if path(g, after, name) == nil && len(after) > 0 {
					o.Restore(name, after)
					g[name] = after
				}
			case 1:
				many := make(Graph)
				for range 3 {
					name, after := draw()
					many[name] = after
				}
				done := o.Expect(many)
				names := slices.Sorted(maps.Keys(many))
				r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
				for _, name := range names {
					set(name, many[name])
				}
				done()
				expected++
			default:
				set(name, after)
			}
			checkRanks(t, o, g)
		}
	}
	if refused < 100 || expected < 100 {
		t.Errorf("refused %d times, expected %d times", refused, expected)
	}
}

// levels is n names in each of some levels, all after all of the level before, or
// after one more.
func levels(n, deep int, more ...string) (names []string, g Graph) {
	g = make(Graph)
	var before []string
	for l := range deep {
		var level []string
		for i := range n {
			name := fmt.Sprintf("l%d-%d", l, i)
			level = append(level, name)
			g[name] = slices.Concat(before, more)
		}
		names, before = append(names, level...), level
	}
	return names, g
}

// What a start of many tasks looks at grows as their edges do, whatever is there: they
// are new, were restored, are as they were, or come after something more.
func TestEdgesLookedAt(t *testing.T) {
	t.Parallel()
	const deep = 4
	for _, n := range []int{10, 40} {
		edges := (deep - 1) * n * n
		names, g := levels(n, deep)
		all := func(o *Order, what string, names []string, g Graph) {
			t.Helper()
			o.visited = 0
			done := o.Expect(g)
			for _, name := range names {
				if cycle := o.Set(name, g[name]); cycle != nil {
					t.Fatal(cycle)
				}
			}
			done()
			if o.visited > 8*edges {
				t.Errorf("%s: of %d edges %d were looked at", what, edges, o.visited)
			}
		}
		o, restored := NewOrder(), NewOrder()
		all(o, "new", names, g)
		all(o, "the same", names, g)
		shuffled := slices.Clone(names)
		rand.New(rand.NewPCG(5, 6)).Shuffle(len(names), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		for _, name := range shuffled {
			restored.Restore(name, g[name])
		}
		if restored.visited > 0 {
			t.Errorf("restored: %d edges were looked at", restored.visited)
		}
		if cycle := restored.Set(names[0], names[len(names)-1:]); len(cycle) != deep+1 {
			t.Errorf("restored: %v", cycle)
		}
		if restored.visited > 8*edges {
			t.Errorf("the first after that: of %d edges %d were looked at", edges, restored.visited)
		}
		_, more := levels(n, deep, "more")
		more["more"] = []string{"one"}
		for _, o := range []*Order{o, restored} {
			all(o, "after one more", slices.Concat([]string{"more"}, names), more)
			all(o, "without it", names, g)
		}
		for l := range deep - 1 { // each name of a level after something that is above the one before
			for i := range n {
				name := fmt.Sprintf("l%d-%d", l+1, i)
				o.Set("x-"+name, g[name])
				more[name] = append(more[name], "x-"+name)
			}
		}
		all(o, "after what is above", slices.Concat([]string{"more"}, names), more)
	}
}

// Two that are expected at the same time, and what cannot be as it is expected.
func TestExpectTwice(t *testing.T) {
	t.Parallel()
	o := NewOrder()
	o.Set("a", []string{"b"})
	o.Set("c", []string{"a"})
	first := o.Expect(Graph{"a": {"x"}, "x": {"y"}})
	second := o.Expect(Graph{"a": {"z"}, "z": {"y"}, "x": {"a"}})
	third := o.Expect(Graph{"b": {"c"}}) // a cycle, as things are
	o.Set("x", []string{"y"})
	o.Set("a", []string{"x"})
	if cycle := o.Set("b", []string{"c"}); cycle != nil {
		t.Error(cycle)
	}
	if cycle := o.Set("x", []string{"b"}); !slices.Equal(cycle, []string{"x", "b", "c", "a", "x"}) {
		t.Error(cycle)
	}
	first()
	third()
	second()
	checkRanks(t, o, Graph{"a": {"x"}, "x": {"y"}, "c": {"a"}, "b": {"c"}})
	for _, name := range []string{"a", "x", "c", "b"} {
		o.Set(name, nil)
	}
	if len(o.nodes) > 0 {
		t.Error("something is left:", o.nodes)
	}
}
