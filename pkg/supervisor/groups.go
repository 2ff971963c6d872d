package supervisor

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"tasks/internal/typo"
	"tasks/pkg/task"
)

// Groups is every group that something was set of or that has a task, sorted by
// name. A temporary one without a task is forgotten.
func (s *Supervisor) Groups() []task.Group {
	all, used := s.groups()
	groups := make([]task.Group, 0, len(all))
	for _, g := range all {
		if !g.Temporary || used[g.Name] {
			groups = append(groups, g)
		}
	}
	slices.SortFunc(groups, func(a, b task.Group) int { return task.CompareNames(a.Name, b.Name) })
	return groups
}

// groups is all groups by name, and which of them have a task.
func (s *Supervisor) groups() (all map[string]task.Group, used map[string]bool) {
	all, used = s.queues.All(), make(map[string]bool)
	for _, t := range s.Shared() {
		if t.Group == "" {
			continue
		}
		g := all[t.Group]
		g.Name, used[t.Group] = t.Group, true
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
	return all, used
}

// Group is one of Groups; the error is an ErrNotFound.
func (s *Supervisor) Group(name string) (task.Group, error) {
	for _, g := range s.Groups() {
		if g.Name == name {
			return g, nil
		}
	}
	return task.Group{}, s.noSuchGroup(name)
}

func (s *Supervisor) noSuchGroup(name string) error {
	err := task.NoSuchGroup(name)
	var names []string
	for _, g := range s.Groups() {
		names = append(names, g.Name)
	}
	if s.lookup(name) != nil {
		err.Msg += ": it is a task"
	} else if like := typo.Nearest(name, names); like != "" {
		err.Msg += fmt.Sprintf(" (did you mean %s?)", like)
	}
	return err
}

// ChangeGroup changes what is set of the group called name, which need not be
// there, and returns when that is durable and in effect: a queue that has slots continues
// at once. Of what change is given it may set Slots, Paused, Temporary and Hooks.
func (s *Supervisor) ChangeGroup(name string, change func(*task.Group)) (task.Group, error) {
	s.changing.Lock() // one at a time, in the store and in effect
	defer s.changing.Unlock()
	if change == nil {
		return task.Group{}, task.Errorf(task.ErrUsage, name, "nothing to change of the group %s", name)
	}
	return s.changeGroupLocked(name, change, true)
}

// changeKnownGroup is ChangeGroup for one that is there: else the error is an ErrNotFound.
func (s *Supervisor) changeKnownGroup(name string, change func(*task.Group)) (task.Group, error) {
	s.changing.Lock()
	defer s.changing.Unlock()
	if g, err := s.Group(name); err != nil {
		return g, err
	}
	return s.changeGroupLocked(name, change, false)
}

func (s *Supervisor) changeGroupLocked(name string, change func(*task.Group), toCome bool) (task.Group, error) {
	set, _ := s.queues.Get(name)
	was := set
	if set.Name = name; set.Slots != nil {
		set.Slots = new(*set.Slots) // a change in place that is not saved is none
	}
	change(&set)
	set.Name, set.Running, set.Queued, set.Waiting = name, 0, 0, 0 // they are not settings
	if err := set.Check(); err != nil {
		return task.Group{}, err
	}
	if set.Hooks != was.Hooks {
		if err := s.checkHooks(name, set.Hooks); err != nil {
			return task.Group{}, err
		}
	}
	if s.opts.Store != nil {
		if err := s.opts.Store.SaveGroup(set); err != nil {
			return task.Group{}, err
		}
	}
	s.queues.Set(name, &set, toCome)
	if set.Paused != was.Paused {
		s.pokeAll() // the reasons of queued tasks change
	}
	all, _ := s.groups()
	return all[name], nil
}

// UnawaitGroup says that no more tasks come for which ChangeGroup was called so many times:
// a temporary group without a task is forgotten.
func (s *Supervisor) UnawaitGroup(name string, times int) {
	if forgotten := s.queues.Unawait(name, times); forgotten != "" {
		s.forgetGroup(forgotten)
	}
}

// forgetGroup deletes the record of a temporary group that is forgotten, unless it was set
// again.
func (s *Supervisor) forgetGroup(name string) {
	s.changing.Lock()
	defer s.changing.Unlock()
	delete(s.stirs, name)
	if _, set := s.queues.Get(name); !set {
		s.deleteGroup(name)
	}
}

func (s *Supervisor) deleteGroup(name string) {
	if s.opts.Store == nil {
		return
	}
	if err := s.opts.Store.DeleteGroup(name); err != nil { // the next supervisor tries it again
		s.opts.Logger.Warn("cannot forget a group", "group", name, "err", err)
	}
}

// dropTemporary forgets the temporary groups that no task is in.
func (s *Supervisor) dropTemporary(groups []task.Group, records []task.Record) []task.Group {
	used := make(map[string]bool)
	for i := range records {
		used[records[i].Spec.Group] = true
		if next := records[i].Next; next != nil {
			used[next.Group] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(groups), func(g task.Group) bool {
		if !g.Temporary || used[g.Name] {
			return false
		}
		s.deleteGroup(g.Name)
		return true
	})
}

func (s *Supervisor) pokeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.tasks {
		a.poke()
	}
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
	s.queues.Set(name, nil, false)
	delete(s.stirs, name)
	return g, nil
}

// PauseGroup stops admitting tasks of the group, and pauses its runs. If one cannot be
// paused that is an error; the group is paused, and so are its other runs. Functions keep running.
func (s *Supervisor) PauseGroup(ctx context.Context, name string) (task.Group, error) {
	return s.stir(ctx, name, true)
}

// ResumeGroup undoes PauseGroup.
func (s *Supervisor) ResumeGroup(ctx context.Context, name string) (task.Group, error) {
	return s.stir(ctx, name, false)
}

// stir pauses or resumes a group. It is recorded as unfinished before, so that the next
// supervisor finishes what this one began.
func (s *Supervisor) stir(ctx context.Context, name string, paused bool) (task.Group, error) {
	turn := 0
	if _, err := s.changeKnownGroup(name, func(g *task.Group) {
		g.Paused, g.Unfinished = paused, true
		s.turns++
		turn = s.turns
		s.stirs[name] = turn
	}); err != nil {
		return task.Group{}, err
	}
	return s.stirRuns(ctx, name, paused, turn)
}

// finishGroup is for a group that the supervisor before was pausing or resuming.
func (s *Supervisor) finishGroup(g task.Group) {
	if _, err := s.stirRuns(context.Background(), g.Name, g.Paused, 0); err != nil && !errors.Is(err, task.ErrUnavailable) {
		s.opts.Logger.Warn("cannot pause or resume all of a group", "group", g.Name, "err", err)
	}
}

// stirRuns is the part of stir that is about what runs: each task that has not ended looks
// what the group is when its turn comes, so what was asked for last holds for all.
func (s *Supervisor) stirRuns(ctx context.Context, name string, paused bool, turn int) (task.Group, error) {
	var calls []*Call
	for _, t := range s.List() {
		if t.Group == name && !t.State.Ended() {
			calls = append(calls, s.Submit(Request{kind: toFollowGroup, name: t.Name}))
		}
	}
	var failed []error
	for _, c := range calls {
		switch _, err := c.Wait(ctx); {
		case err == nil, errors.Is(err, task.ErrNotFound), errors.Is(err, task.ErrConflict): // it has ended meanwhile
		case ctx.Err() != nil:
			return task.Group{}, context.Cause(ctx)
		case errors.Is(err, task.ErrUnavailable): // left to the next supervisor
			return task.Group{}, err
		default:
			failed = append(failed, err)
		}
	}
	if failed != nil { // and stays unfinished: the next supervisor tries it
		g, _ := s.Group(name)
		return g, notAll(name, paused, failed)
	}
	return s.changeKnownGroup(name, func(g *task.Group) {
		if s.stirs[name] == turn { // else another comes after it
			g.Unfinished = false
		}
	})
}

// notAll names a run of the group that is not as the group is.
func notAll(name string, paused bool, failed []error) error {
	state, more := "resumed", ""
	if paused {
		state = "paused"
	}
	if n := len(failed) - 1; n > 0 {
		more = fmt.Sprintf(" (and %d more)", n)
	}
	return fmt.Errorf("group %s is %s, but not all of its tasks: %w%s", name, state, failed[0], more)
}
