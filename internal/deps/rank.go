package deps

import "slices"

// A ranking is a graph without cycles that changes. Each of its names has a rank above
// those of all that it comes after, so that most of what is set is free of cycles at a
// glance, and a search for one goes no further than to the rank of the name that it is for.
type ranking struct {
	nodes   map[string]*node // that come after others, or that others come after
	ranked  bool             // else the ranks are of no use, until they are next needed
	top     int              // no rank is above
	bottom  int              // or below
	search  int              // number of the last one
	visited int              // edges that were looked at for the sake of cycles
}

// A node is a name.
type node struct {
	name   string
	after  []*node
	before int // edges that lead here, and nodes that expect some
	rank   int

	next   []*node // that it is expected to come after
	left   int     // edges that lead here from what has no rank yet
	found  int     // by the search of that number
	cameBy *node   // from there
}

func newRanking() ranking { return ranking{nodes: make(map[string]*node), ranked: true} }

// node is the one called name, which is new where there was none.
func (r *ranking) node(name string) *node {
	n := r.nodes[name]
	if n == nil {
		r.bottom-- // it comes after none so far
		n = &node{name: name, rank: r.bottom}
		r.nodes[name] = n
	}
	return n
}

// drop forgets n where nothing is known of it.
func (r *ranking) drop(n *node) {
	if n.before == 0 && len(n.after) == 0 {
		delete(r.nodes, n.name)
	}
}

// cycle is the shortest one that there would be if n came after those names, from n to
// n; nil for none.
func (r *ranking) cycle(n *node, after []string) []string {
	if slices.Contains(after, n.name) {
		return []string{n.name, n.name}
	}
	if n.before == 0 { // nothing leads back to it
		return nil
	}
	r.rankAll()
	r.search++
	var open []*node
	reach := func(d, by *node) {
		if (d.rank >= n.rank || !r.ranked) && d.found != r.search {
			d.found, d.cameBy = r.search, by
			open = append(open, d)
		}
	}
	r.visited += len(after)
	for _, name := range after {
		if d := r.nodes[name]; d != nil {
			reach(d, n)
		}
	}
	for len(open) > 0 {
		d := open[0]
		open = open[1:]
		if d == n {
			path := []string{n.name}
			for d = d.cameBy; d != n; d = d.cameBy {
				path = append(path, d.name)
			}
			path = append(path, n.name)
			slices.Reverse(path)
			return path
		}
		r.visited += len(d.after)
		for _, next := range d.after {
			reach(next, d)
		}
	}
	return nil
}

// connect makes n depend on names and nothing else; it is not a cycle.
func (r *ranking) connect(n *node, after []string) {
	was := n.after
	n.after = nil
	if len(after) > 0 {
		n.after = make([]*node, len(after))
	}
	most := n.rank - 1
	for i, name := range after {
		d := r.node(name)
		d.before++
		n.after[i] = d
		most = max(most, d.rank)
	}
	for _, d := range was {
		d.before--
		r.drop(d)
	}
	switch {
	case most < n.rank:
	case n.before == 0:
		r.top++
		n.rank = r.top
	default:
		r.ranked = false
	}
}

// rankAll ranks all names again if a start has made that necessary.
func (r *ranking) rankAll() {
	if !r.ranked {
		r.ranked = r.sort(true) || r.sort(false)
	}
}

// sort ranks all names by what they come after and, if that counts, what they are
// expected to. It is false, and the ranks are as they were, where that is a cycle.
func (r *ranking) sort(expected bool) bool {
	lists := func(n *node) [2][]*node {
		r.visited += len(n.after)
		if !expected {
			return [2][]*node{n.after}
		}
		r.visited += len(n.next)
		return [2][]*node{n.after, n.next}
	}
	for _, n := range r.nodes {
		n.left = 0
	}
	for _, n := range r.nodes {
		for _, after := range lists(n) {
			for _, d := range after {
				d.left++
			}
		}
	}
	sorted := make([]*node, 0, len(r.nodes)) // dependents first
	for _, n := range r.nodes {
		if n.left == 0 {
			sorted = append(sorted, n)
		}
	}
	for i := 0; i < len(sorted); i++ {
		for _, after := range lists(sorted[i]) {
			for _, d := range after {
				if d.left--; d.left == 0 {
					sorted = append(sorted, d)
				}
			}
		}
	}
	if len(sorted) < len(r.nodes) {
		return false
	}
	r.top, r.bottom = len(sorted), 1
	for i, n := range sorted {
		n.rank = r.top - i
	}
	return true
}

// expect ranks all names as they may be while the names of g are connected one by one,
// dependencies first, and notes that in the nodes that it returns. Where that was of no use
// there are none.
func (r *ranking) expect(g Graph) (nodes []*node) {
	if !r.disorders(g) {
		return nil
	}
	for name, after := range g {
		n := r.node(name)
		if n.next != nil || len(after) == 0 {
			r.drop(n)
			continue
		}
		n.before++
		nodes, n.next = append(nodes, n), make([]*node, len(after))
		for i, name := range after {
			n.next[i] = r.node(name)
			n.next[i].before++
		}
	}
	if !r.sort(true) {
		r.forget(nodes)
		return nil
	}
	r.ranked = true
	return nodes
}

// disorders reports whether the ranks will not do for all of g.
func (r *ranking) disorders(g Graph) bool {
	for name, after := range g {
		n := r.nodes[name]
		if n == nil || n.before == 0 {
			continue
		}
		r.visited += len(after)
		for _, name := range after {
			d := r.nodes[name]
			if !r.ranked || d != nil && d.rank >= n.rank || len(g[name]) > 0 && (d == nil || d.before == 0) { // it will be above all
				return true
			}
		}
	}
	return false
}

// forget takes back what expect has noted.
func (r *ranking) forget(nodes []*node) {
	for _, n := range nodes {
		for _, d := range n.next {
			d.before--
			r.drop(d)
		}
		n.next = nil
		n.before--
		r.drop(n)
	}
}
