// Package queue is the groups of tasks that share slots: who runs, and who is next.
package queue

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tasks/pkg/task"
)

// Queues is the groups, and who of each may run. Its methods, and those of a place,
// may be called by any goroutine; its lock is the last of all, and nothing is called
// with it held.
type Queues struct {
	mu     sync.Mutex
	groups map[string]*group
	halted map[string]bool // batches that are given up: none of their tasks is admitted
	seq    uint64          // the last place in a queue: a time in nanoseconds, each later than the one before
	closed bool            // nobody is admitted
	barred bool            // likewise, for BarFor

	outOfResources atomic.Bool // since a task could not start, until one does
}

// BarFor is how long nothing leaves a queue after a task could not start because the
// machine is out of resources.
const BarFor = 2 * time.Second

// group is one group: what was set of it, and its tasks at this moment.
type group struct {
	*Group
	set     *task.Group // nil: nothing was
	members int         // its tasks, in whatever state
	awaited int         // how often it was set for tasks to come since the last one came
}

// New makes Queues without groups.
func New() *Queues { return &Queues{groups: make(map[string]*group), halted: make(map[string]bool)} }

// A Place is the place of one task: in the queue of its group, or admitted.
// Its owner alone calls the methods of Queues with it. The zero Place is in no group.
type Place struct {
	Batch string // that its task is of, which has not begun; "": none

	ticket  Ticket   // guarded by Queues
	seq     uint64   // in the queue to come, if not 0; guarded by Queues
	granted chan int // has the slot once the ticket is admitted; nil: it was in no group so far
	group   string   // that the ticket is of; its owner's
	member  string   // the group that its task belongs to; guarded by Queues
}

// Granted has the slot of one that was not admitted at once, when it is.
func (p *Place) Granted() <-chan int { return p.granted }

// Taken reports whether p is in a group.
func (p *Place) Taken() bool { return p.group != "" }

func (q *Queues) groupLocked(name string) *group {
	g := q.groups[name]
	if g == nil {
		g = &group{Group: NewGroup(Unlimited)}
		q.groups[name] = g
	}
	return g
}

// Enter puts p into the queue of a group, since the given time, and reports whether it
// is admitted at once, with which slot; if not, Granted has it later.
func (q *Queues) Enter(p *Place, group string, priority int) (since task.Time, slot int, admitted bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if p.seq == 0 {
		p.seq = q.nextLocked()
	}
	if p.granted == nil {
		p.granted = make(chan int, 1)
	}
	p.group = group
	p.ticket.Owner, p.ticket.Priority, p.ticket.Seq = p, priority, p.seq
	since = task.Time{Time: time.Unix(0, int64(p.seq)).UTC()}
	p.seq = 0
	if p.Batch != "" && q.halted[p.Batch] { // it is about to be stopped
		return since, 0, false
	}
	g := q.groupLocked(group)
	g.awaited = 0
	g.Enter(&p.ticket)
	q.admitLocked(g)
	select {
	case slot := <-p.granted:
		return since, slot, true
	default:
		return since, 0, false
	}
}

// Hold takes in a run of an earlier supervisor, with its slot.
func (q *Queues) Hold(p *Place, group string, slot int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	p.group, p.ticket.Owner = group, p
	q.groupLocked(group).Hold(&p.ticket, slot)
}

// Keeps reports whether the group of p, which is admitted, still has its slot.
func (q *Queues) Keeps(p *Place) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	g := p.ticket.Group()
	return g == nil || g.Keeps(&p.ticket)
}

// Renewable reports whether something can begin in the group of p, which is admitted, once
// its run has ended.
func (q *Queues) Renewable(p *Place) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	g := p.ticket.Group()
	return g == nil || g.Renewable(&p.ticket)
}

// Keep has p, which is admitted, enter where it was the next time.
func (q *Queues) Keep(p *Place) {
	q.mu.Lock()
	defer q.mu.Unlock()
	p.seq = p.ticket.Seq
}

// Last is behind all others: a number for [Queues.Put].
func (q *Queues) Last() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.nextLocked()
}

// nextLocked is the present as a number: a supervisor that follows has the order from
// the times in the records, so no two are the same, whatever becomes of the clock.
func (q *Queues) nextLocked() uint64 {
	q.seq = max(q.seq+1, uint64(time.Now().UnixNano()))
	return q.seq
}

// Put has p enter there the next time; 0: behind all others.
func (q *Queues) Put(p *Place, seq uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	p.seq = seq
}

// Places is the position of each that waits in the queue of its group, from 1 on.
func (q *Queues) Places() map[*Place]int {
	q.mu.Lock()
	defer q.mu.Unlock()
	at := make(map[*Place]int)
	for _, g := range q.groups {
		for i, t := range g.Queue() {
			at[t.Owner.(*Place)] = i + 1
		}
	}
	return at
}

// Halt has nobody of the batch admitted any more.
func (q *Queues) Halt(batch string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.halted[batch] = true
	for name, g := range q.groups {
		for _, t := range g.Queue() {
			if t.Owner.(*Place).Batch == batch {
				g.Leave(t)
			}
		}
		q.admitLocked(g)
		q.dropLocked(name)
	}
}

// Prioritize changes the priority of p, if it waits.
func (q *Queues) Prioritize(p *Place, priority int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if p.ticket.Group() == nil || p.ticket.Admitted() {
		return
	}
	g := q.groups[p.group]
	g.Prioritize(&p.ticket, priority)
	q.admitLocked(g)
}

// Regroup takes p out of its group, as its task enters another one. If it has waited there, it
// has the place in the other queue that it would have if it had waited in that.
func (q *Queues) Regroup(p *Place) (waited bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if waited = !p.ticket.Admitted() || len(p.granted) > 0; waited {
		p.seq = p.ticket.Seq
	}
	q.leaveLocked(p)
	return waited
}

// Leave takes p out of the queue, or gives back its slot.
func (q *Queues) Leave(p *Place) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.leaveLocked(p)
}

func (q *Queues) leaveLocked(p *Place) {
	if p.ticket.Group() == nil {
		p.group = "" // it was halted
		return
	}
	g := q.groups[p.group]
	g.Leave(&p.ticket)
	select {
	case <-p.granted: // it was admitted, and did not hear of it
	default:
	}
	q.admitLocked(g)
	q.dropLocked(p.group)
	p.group = ""
}

func (q *Queues) admitLocked(g *group) {
	if q.closed || q.barred {
		return
	}
	for t := g.Admit(); t != nil; t = g.Admit() {
		t.Owner.(*Place).granted <- t.Slot // has room: a ticket is admitted once
	}
}

// dropLocked forgets a group that nothing was set of and nobody is in.
func (q *Queues) dropLocked(name string) {
	if g := q.groups[name]; g != nil && g.set == nil && g.Empty() && g.members == 0 {
		delete(q.groups, name)
	}
}

// Belong makes the task of p one of the group called name, in whatever state it is; "": of
// none. Where it was the last one of a temporary group, what was set of that is forgotten,
// and its name returned.
func (q *Queues) Belong(p *Place, name string) (forgotten string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	left := p.member
	if left == name {
		return ""
	}
	if p.member = name; name != "" {
		g := q.groupLocked(name)
		g.members, g.awaited = g.members+1, 0
	}
	if left == "" {
		return ""
	}
	q.groups[left].members--
	return q.forgetLocked(left)
}

// Unawait takes back so many calls of Set for tasks to come, whether or not one came. If that
// leaves a temporary group without a task, what was set of it is forgotten, and its name returned.
func (q *Queues) Unawait(name string, times int) (forgotten string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	g := q.groups[name]
	if g == nil {
		return ""
	}
	g.awaited = max(g.awaited-times, 0)
	return q.forgetLocked(name)
}

// forgetLocked forgets what was set of a temporary group that has no task and awaits none.
func (q *Queues) forgetLocked(name string) (forgotten string) {
	g := q.groups[name]
	if g.members == 0 && g.Empty() && g.set != nil && g.set.Temporary && g.awaited == 0 {
		g.set, g.Slots, g.Paused, forgotten = nil, Unlimited, false, name
	}
	q.dropLocked(name)
	return forgotten
}

// Set makes set what is set of the group called name; nil: nothing is. A temporary one that is
// set for tasks to come is kept until one has, or Unawait is called.
func (q *Queues) Set(name string, set *task.Group, toCome bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	g := q.groupLocked(name)
	g.set, g.Slots, g.Paused = set, Unlimited, false
	if toCome {
		g.awaited++
	}
	if set != nil {
		g.Paused = set.Paused
		if set.Slots != nil {
			g.Slots = *set.Slots
		}
	}
	q.admitLocked(g)
	q.dropLocked(name)
}

// Get is what is set of the group called name.
func (q *Queues) Get(name string) (task.Group, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if g := q.groups[name]; g != nil && g.set != nil {
		return *g.set, true
	}
	return task.Group{Name: name}, false
}

// All is what is set, by name.
func (q *Queues) All() map[string]task.Group {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := make(map[string]task.Group)
	for name, g := range q.groups {
		if g.set != nil {
			all[name] = *g.set
		}
	}
	return all
}

// Close has nobody admitted until Open is called.
func (q *Queues) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
}

// Open ends what Close began.
func (q *Queues) Open() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = false
	q.admitAllLocked()
}

func (q *Queues) admitAllLocked() {
	for _, g := range q.groups {
		q.admitLocked(g)
	}
}

// Bar has nobody admitted for BarFor, and reports whether that is news.
func (q *Queues) Bar() (first bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.barred {
		q.barred = true
		time.AfterFunc(BarFor, func() {
			q.mu.Lock()
			defer q.mu.Unlock()
			q.barred = false
			q.admitAllLocked()
		})
	}
	return !q.outOfResources.Swap(true)
}

// Roomy reports whether a task that has begun is the first after a bar.
func (q *Queues) Roomy() bool { return q.outOfResources.Load() && q.outOfResources.Swap(false) }

// Reserve gives waiting tasks, in this order, the places that they have had since these
// times. Who had none comes before all who had.
func (q *Queues) Reserve(waited []*Place, since []task.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	first := time.Now()
	if i := slices.IndexFunc(since, func(t task.Time) bool { return !t.IsZero() }); i >= 0 {
		first = since[i].Time
	}
	q.seq = uint64(first.UnixNano()) - uint64(len(waited)) - 1
	for i, p := range waited {
		q.seq++
		if !since[i].IsZero() {
			q.seq = max(q.seq, uint64(since[i].UnixNano()))
		}
		p.seq = q.seq
	}
}
