package deps

import (
	"maps"
	"slices"
	"sync"
)

// An Order is a graph that changes, and that notifies the waiters of a name when its task
// has changed. It may be used by several goroutines; its lock is the last of all, and wake
// is called with it held.
type Order struct {
	mu      sync.Mutex
	ranking                           // what comes after what
	behind  map[string]map[*Wait]bool // who waits at this moment, by what for
	waits   map[*Wait]bool
	closed  bool
}

// A Wait is for some names of an order.
type Wait struct {
	order *Order
	names []string
	wake  func()
	news  map[string]bool // what has changed since it was asked
	all   bool            // it must look at all
}

// NewOrder is an order without names.
func NewOrder() *Order {
	return &Order{ranking: newRanking(), behind: make(map[string]map[*Wait]bool), waits: make(map[*Wait]bool)}
}

// Set has name come after the others, unless that would be a cycle: that is returned
// then, from name to name, and nothing is changed.
func (o *Order) Set(name string, after []string) (cycle []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := o.node(name)
	if cycle = o.cycle(n, after); cycle == nil {
		o.connect(n, after)
	}
	o.drop(n)
	return cycle
}

// Restore is Set of what an earlier order had, without a search for cycles.
func (o *Order) Restore(name string, after []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ranked = false
	o.connect(o.node(name), after)
	o.drop(o.node(name))
}

// Expect announces g, before all of it is set one after the other, so that it is searched
// once. Done is called when it was.
func (o *Order) Expect(g Graph) (done func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	nodes := o.expect(g)
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.forget(nodes)
	}
}

// Await has wake called at every change of names from now on, until the wait ends.
// It must not block, nor call the order.
func (o *Order) Await(names []string, wake func()) *Wait {
	w := &Wait{order: o, names: names, wake: wake, news: make(map[string]bool)}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.waits[w] = true
	for _, name := range names {
		if o.behind[name] == nil {
			o.behind[name] = make(map[*Wait]bool)
		}
		o.behind[name][w] = true
	}
	return w
}

// End ends the wait.
func (w *Wait) End() {
	o := w.order
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.waits, w)
	for _, name := range w.names {
		if delete(o.behind[name], w); len(o.behind[name]) == 0 {
			delete(o.behind, name)
		}
	}
}

// News is what has changed since it was last asked for.
func (w *Wait) News() []string {
	w.order.mu.Lock()
	defer w.order.mu.Unlock()
	names := slices.Collect(maps.Keys(w.news))
	if w.all {
		names = slices.Clone(w.names)
	}
	w.all = false
	clear(w.news)
	return names
}

// Awaited reports whether anybody waits for name, or has done so and waits for another.
func (o *Order) Awaited(name string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.behind[name]) > 0
}

// Changed notifies the waiters of name.
func (o *Order) Changed(name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for w := range o.behind[name] {
		w.news[name] = true
		w.wake()
	}
}

// Close keeps the waiters waiting, whatever becomes of the others, until Open is called:
// they ask Closed after each look.
func (o *Order) Close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
}

// Open ends what Close began, and has all look at all that they wait for.
func (o *Order) Open() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = false
	for w := range o.waits {
		w.all = true
		w.wake()
	}
}

// Closed reports whether the current state must be ignored.
func (o *Order) Closed() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.closed
}
