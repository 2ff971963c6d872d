package queue

import (
	"cmp"
	"container/heap"
	"slices"
)

// Unlimited is the number of slots of a group without a limit.
const Unlimited = -1

// Group is the tasks that share slots, a value without goroutine, clock or I/O. Each
// decision costs O(log n). Make one with [NewGroup].
type Group struct {
	Slots  int  // runs at the same time; Unlimited: any number
	Paused bool // nothing new begins

	queue   queue
	running int          // tickets that were admitted
	taken   map[int]bool // slot numbers
	free    numbers      // those below top that were given back; some may be taken again
	top     int          // the greatest number that was ever given
}

// NewGroup is an empty group.
func NewGroup(slots int) *Group { return &Group{Slots: slots, taken: make(map[int]bool)} }

// Ticket is the place of one task: in the queue, or admitted. The
// zero value is in no group.
type Ticket struct {
	Owner    any    // for whoever made it
	Priority int    // higher first
	Seq      uint64 // first come, first served among equals
	Slot     int    // once admitted: its number, distinct among the admitted; 0 if there is no limit

	group *Group
	index int // in the queue; admitted: -1
}

// Group is the one that t is in, or nil.
func (t *Ticket) Group() *Group { return t.group }

// Admitted reports whether t has left the queue to run.
func (t *Ticket) Admitted() bool { return t.group != nil && t.index < 0 }

// Enter puts t, which is in no group, into the queue.
func (g *Group) Enter(t *Ticket) {
	t.group, t.Slot = g, 0
	heap.Push(&g.queue, t)
}

// Hold takes in t, which is in no group, as one that runs already, with the slot
// that it has.
func (g *Group) Hold(t *Ticket, slot int) {
	t.group, t.index, t.Slot = g, -1, slot
	g.running++
	for g.top < slot {
		g.top++
		heap.Push(&g.free, g.top)
	}
	if slot > 0 {
		g.taken[slot] = true
	}
}

// Next returns the ticket that is next, and the slot that it gets, without a change
// of the group.
func (g *Group) Next() (t *Ticket, slot int, ok bool) {
	limited := g.Slots != Unlimited
	if g.Paused || len(g.queue) == 0 || limited && g.running >= g.Slots {
		return nil, 0, false
	}
	if limited {
		slot = g.lowest()
	}
	return g.queue[0], slot, true
}

// Admit does what Next has decided, and returns nil where that is nothing.
func (g *Group) Admit() *Ticket {
	t, slot, ok := g.Next()
	if !ok {
		return nil
	}
	heap.Pop(&g.queue)
	t.index, t.Slot = -1, slot
	g.running++
	if slot > 0 {
		g.taken[slot] = true
		g.top = max(g.top, slot)
	}
	return t
}

// Queue is the tickets that wait to be admitted, in their order.
func (g *Group) Queue() []*Ticket {
	all := slices.Clone([]*Ticket(g.queue))
	slices.SortFunc(all, func(a, b *Ticket) int { return cmp.Or(cmp.Compare(b.Priority, a.Priority), cmp.Compare(a.Seq, b.Seq)) })
	return all
}

// Leave takes t out of the group, wherever in it it is.
func (g *Group) Leave(t *Ticket) {
	if t.index >= 0 {
		heap.Remove(&g.queue, t.index)
	} else {
		g.running--
		if t.Slot > 0 {
			delete(g.taken, t.Slot)
			heap.Push(&g.free, t.Slot)
		}
	}
	t.group, t.index, t.Slot = nil, 0, 0
}

// Prioritize changes the priority of t, which waits.
func (g *Group) Prioritize(t *Ticket, priority int) {
	t.Priority = priority
	heap.Fix(&g.queue, t.index)
}

// Keeps reports whether t, which is admitted, has a slot that g still has: another run may
// begin in it at once.
func (g *Group) Keeps(t *Ticket) bool {
	if g.Slots == Unlimited {
		return t.Slot == 0
	}
	return 0 < t.Slot && t.Slot <= g.Slots
}

// Renewable reports whether t, which is admitted, would leave a slot to another run: its own,
// or another that g still has.
func (g *Group) Renewable(t *Ticket) bool {
	return !g.Paused && (g.Keeps(t) || g.Slots == Unlimited || g.running <= g.Slots)
}

// Empty reports whether nobody is in the group.
func (g *Group) Empty() bool { return g.running == 0 && len(g.queue) == 0 }

// lowest is the lowest number that nobody has: never more than Slots where fewer
// than that many run.
func (g *Group) lowest() int {
	for len(g.free) > 0 && g.taken[g.free[0]] {
		heap.Pop(&g.free) // it was held, or is there twice
	}
	if len(g.free) > 0 {
		return g.free[0]
	}
	return g.top + 1
}

// queue is a heap of tickets.
type queue []*Ticket

func (q queue) Len() int { return len(q) }

func (q queue) Less(i, j int) bool {
	if q[i].Priority != q[j].Priority {
		return q[i].Priority > q[j].Priority
	}
	return q[i].Seq < q[j].Seq
}

func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

func (q *queue) Push(x any) {
	t := x.(*Ticket)
	t.index = len(*q)
	*q = append(*q, t)
}

func (q *queue) Pop() any {
	old := *q
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	return t
}

// numbers is a heap of slots.
type numbers []int

func (n numbers) Len() int           { return len(n) }
func (n numbers) Less(i, j int) bool { return n[i] < n[j] }
func (n numbers) Swap(i, j int)      { n[i], n[j] = n[j], n[i] }
func (n *numbers) Push(x any)        { *n = append(*n, x.(int)) }
func (n *numbers) Pop() any {
	old := *n
	x := old[len(old)-1]
	*n = old[:len(old)-1]
	return x
}
