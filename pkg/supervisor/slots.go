package supervisor

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tasks/internal/schedule"
	"tasks/pkg/task"
)

// slots is the groups, and who of each may run.
type slots struct {
	mu     sync.Mutex
	groups map[string]*group
	seq    uint64 // the last place in a queue: a time in nanoseconds, each later than the one before
	closed bool   // nobody is admitted
	barred bool   // likewise, for barFor

	lacking atomic.Bool // since a task that could not begin, until one has
}

// barFor is how long nothing leaves a queue after a task could not begin for
// want of room.
const barFor = 2 * time.Second

// group is one group: what was set of it, and its tasks at this moment.
type group struct {
	*schedule.Group
	set *task.Group // nil: nothing was
}

func newSlots() *slots { return &slots{groups: make(map[string]*group)} }

func (s *slots) groupLocked(name string) *group {
	g := s.groups[name]
	if g == nil {
		g = &group{Group: schedule.New(schedule.Unlimited)}
		s.groups[name] = g
	}
	return g
}

// enter puts a into the queue of its group, since the given time, and tells
// whether it is admitted at once; if not, a.granted will have an element when it is.
func (s *slots) enter(a *actor) (since task.Time, slot int, admitted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.seq == 0 {
		a.seq = s.nextLocked()
	}
	a.ticket.Owner, a.ticket.Priority, a.ticket.Seq = a, a.spec.Priority, a.seq
	since = task.Time{Time: time.Unix(0, int64(a.seq)).UTC()}
	a.seq = 0
	g := s.groupLocked(a.spec.Group)
	g.Enter(&a.ticket)
	s.admitLocked(g)
	select {
	case slot := <-a.granted:
		return since, slot, true
	default:
		return since, 0, false
	}
}

// hold takes in a run of an earlier supervisor, with its slot.
func (s *slots) hold(a *actor, slot int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.ticket.Owner = a
	s.groupLocked(a.spec.Group).Hold(&a.ticket, slot)
}

// keep has a, which is admitted, enter in its place the next time.
func (s *slots) keep(a *actor) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.seq = a.ticket.Seq
}

// next is the place behind all others.
func (s *slots) next() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.nextLocked()
}

// nextLocked is the present as a place: a supervisor that follows has the order from
// the times in the records, so no two are the same, whatever becomes of the clock.
func (s *slots) nextLocked() uint64 {
	s.seq = max(s.seq+1, uint64(time.Now().UnixNano()))
	return s.seq
}

// place has a enter in this place the next time; 0: behind all others.
func (s *slots) place(a *actor, seq uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.seq = seq
}

// leave takes a out of the queue, or gives back its slot.
func (s *slots) leave(a *actor) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.ticket.Group() == nil {
		return
	}
	g := s.groups[a.group]
	g.Leave(&a.ticket)
	select {
	case <-a.granted: // it was admitted, and did not hear of it
	default:
	}
	s.admitLocked(g)
	s.dropLocked(a.group)
}

func (s *slots) admitLocked(g *group) {
	if s.closed || s.barred {
		return
	}
	for t := g.Admit(); t != nil; t = g.Admit() {
		t.Owner.(*actor).granted <- t.Slot // has room: a ticket is admitted once
	}
}

// dropLocked forgets a group that nothing was set of and nobody is in.
func (s *slots) dropLocked(name string) {
	if g := s.groups[name]; g != nil && g.set == nil && g.Empty() {
		delete(s.groups, name)
	}
}

// apply makes set what is set of the group called name; nil: nothing is.
func (s *slots) apply(name string, set *task.Group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.groupLocked(name)
	g.set, g.Slots, g.Paused = set, schedule.Unlimited, false
	if set != nil {
		g.Paused = set.Paused
		if set.Slots != nil {
			g.Slots = *set.Slots
		}
	}
	s.admitLocked(g)
	s.dropLocked(name)
}

// get is what is set of the group called name.
func (s *slots) get(name string) (task.Group, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g := s.groups[name]; g != nil && g.set != nil {
		return *g.set, true
	}
	return task.Group{Name: name}, false
}

// all is what is set, by name.
func (s *slots) all() map[string]task.Group {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[string]task.Group)
	for name, g := range s.groups {
		if g.set != nil {
			all[name] = *g.set
		}
	}
	return all
}

// close has nobody admitted until open is called.
func (s *slots) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

func (s *slots) open() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = false
	s.admitAllLocked()
}

func (s *slots) admitAllLocked() {
	for _, g := range s.groups {
		s.admitLocked(g)
	}
}

// bar has nobody admitted for a while, and tells whether that is news.
func (s *slots) bar() (first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.barred {
		s.barred = true
		time.AfterFunc(barFor, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.barred = false
			s.admitAllLocked()
		})
	}
	return !s.lacking.Swap(true)
}

// roomy tells whether a task that has begun is the first after a bar.
func (s *slots) roomy() bool { return s.lacking.Load() && s.lacking.Swap(false) }

// reserve gives those who waited, in this order, the places that they have had since
// these times. Who had none comes before all who had.
func (s *slots) reserve(waited []*actor, since []task.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := time.Now()
	if i := slices.IndexFunc(since, func(t task.Time) bool { return !t.IsZero() }); i >= 0 {
		first = since[i].Time
	}
	s.seq = uint64(first.UnixNano()) - uint64(len(waited)) - 1
	for i, a := range waited {
		s.seq++
		if !since[i].IsZero() {
			s.seq = max(s.seq, uint64(since[i].UnixNano()))
		}
		a.seq = s.seq
	}
}

// Groups is every group that something was set of or that has a task, sorted by
// name.
func (s *Supervisor) Groups() []task.Group {
	all := s.slots.all()
	for _, t := range s.List() {
		if t.Group == "" {
			continue
		}
		g := all[t.Group]
		g.Name = t.Group
		switch t.State {
		case task.Waiting, task.BackingOff:
			g.Waiting++
		case task.Queued:
			g.Queued++
		case task.Starting, task.Running, task.Paused, task.Stopping:
			g.Running++
		}
		all[t.Group] = g
	}
	groups := make([]task.Group, 0, len(all))
	for _, g := range all {
		groups = append(groups, g)
	}
	slices.SortFunc(groups, func(a, b task.Group) int { return task.CompareNames(a.Name, b.Name) })
	return groups
}

// Group is one of Groups; the error is an ErrNotFound.
func (s *Supervisor) Group(name string) (task.Group, error) {
	for _, g := range s.Groups() {
		if g.Name == name {
			return g, nil
		}
	}
	return task.Group{}, task.NoSuchGroup(name)
}

// ChangeGroup changes what is set of the group called name, which need not be
// there, and returns when that is durable and in effect: a queue that may go on
// does so at once. Of what change is given it may set Slots, Paused and Hooks.
func (s *Supervisor) ChangeGroup(name string, change func(*task.Group)) (task.Group, error) {
	s.changing.Lock() // one at a time, in the store and in effect
	defer s.changing.Unlock()
	set, _ := s.slots.get(name)
	if set.Name = name; set.Slots != nil {
		set.Slots = new(*set.Slots) // a change in place that is not saved is none
	}
	change(&set)
	if err := set.Check(); err != nil {
		return task.Group{}, err
	}
	if s.opts.Store != nil {
		if err := s.opts.Store.SaveGroup(set); err != nil {
			return task.Group{}, err
		}
	}
	s.slots.apply(name, &set)
	return s.Group(name)
}

// RemoveGroup forgets what was set of a group. While a task of it has not ended
// the error is an ErrConflict.
func (s *Supervisor) RemoveGroup(name string) (task.Group, error) {
	s.changing.Lock()
	defer s.changing.Unlock()
	g, err := s.Group(name)
	if err != nil {
		return g, err
	}
	if n := g.Running + g.Queued + g.Waiting; n > 0 {
		verb := "tasks that have"
		if n == 1 {
			verb = "task that has"
		}
		return g, task.Errorf(task.ErrConflict, name, "Group %s has %d %s not ended.", name, n, verb)
	}
	if s.opts.Store != nil {
		if err := s.opts.Store.DeleteGroup(name); err != nil {
			return g, err
		}
	}
	s.slots.apply(name, nil)
	return g, nil
}

// PauseGroup has nothing new begin in the group, and pauses what runs, so far as
// it can be paused.
func (s *Supervisor) PauseGroup(ctx context.Context, name string) (task.Group, error) {
	return s.stir(ctx, name, true, OpPause, task.Running)
}

// ResumeGroup undoes PauseGroup.
func (s *Supervisor) ResumeGroup(ctx context.Context, name string) (task.Group, error) {
	return s.stir(ctx, name, false, OpResume, task.Paused)
}

func (s *Supervisor) stir(ctx context.Context, name string, paused bool, kind OpKind, state task.State) (task.Group, error) {
	if _, err := s.Group(name); err != nil {
		return task.Group{}, err
	}
	if _, err := s.ChangeGroup(name, func(g *task.Group) { g.Paused = paused }); err != nil {
		return task.Group{}, err
	}
	var calls []*Call
	for _, t := range s.List() {
		if t.Group == name && t.State == state {
			calls = append(calls, s.Submit(Op{Kind: kind, Name: t.Name}))
		}
	}
	for _, c := range calls { // one that has ended meanwhile, or is a function, is none
		if _, err := c.Wait(ctx); err != nil && ctx.Err() != nil {
			return task.Group{}, context.Cause(ctx)
		}
	}
	return s.Group(name)
}
