package deps

import (
	"maps"
	"slices"
	"sync"
)

// An Order is a graph that changes, and tells those that wait for a name when what
// has it has changed. It may be used by several goroutines; its lock is the last of
// all, and wake is called with it held.
type Order struct {
	mu     sync.Mutex
	after  Graph
	behind map[string]map[*Wait]bool // who waits at this moment, by what for
	closed bool
}

// A Wait is for some names of an order.
type Wait struct {
	order *Order
	names []string
	wake  func()
	news  map[string]bool // what has changed since it was asked
}

// NewOrder is an order without names.
func NewOrder() *Order {
	return &Order{after: make(Graph), behind: make(map[string]map[*Wait]bool)}
}

// Set has name come after the others, unless that would be a cycle: that is returned
// then, from name to name, and nothing is changed.
func (o *Order) Set(name string, after []string) (cycle []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if path := o.after.Path(after, name); path != nil {
		return append([]string{name}, path...)
	}
	if len(after) > 0 {
		o.after[name] = after
	} else {
		delete(o.after, name)
	}
	return nil
}

// Await has wake called at every change of names from now on, until the wait ends.
// It must not block, nor call the order.
func (o *Order) Await(names []string, wake func()) *Wait {
	w := &Wait{order: o, names: names, wake: wake, news: make(map[string]bool)}
	o.mu.Lock()
	defer o.mu.Unlock()
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
	clear(w.news)
	return names
}

func (w *Wait) tell(name string) {
	w.news[name] = true
	w.wake()
}

// Awaited tells whether anybody waits for name, or has done so and waits for another.
func (o *Order) Awaited(name string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.behind[name]) > 0
}

// Changed tells those that wait for name that it has changed.
func (o *Order) Changed(name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for w := range o.behind[name] {
		w.tell(name)
	}
}

// Close has those that wait go on waiting, whatever becomes of the others, until
// Open is called: they ask Closed after each look.
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
	for name, waiters := range o.behind {
		for w := range waiters {
			w.tell(name)
		}
	}
}

// Closed tells whether what is so at this moment means nothing.
func (o *Order) Closed() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.closed
}
