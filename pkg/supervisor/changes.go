package supervisor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"tasks/internal/plan"
	"tasks/pkg/task"
)

// A ChangeStore is a Store that keeps the changes under way, one of each file.
type ChangeStore interface {
	Store
	// SaveChange keeps c in the place of what it has of that file.
	SaveChange(c task.Change) error
	// DeleteChange forgets what it has of that file.
	DeleteChange(file string) error
}

// changes are the ones under way, the ones waiting for their turn, and some past ones.
type changes struct {
	mu    sync.Mutex // guards what follows, and what becomes of one that is recorded
	queue []*Applying
	past  []task.Change // the newest last
}

// maxPast is how many past changes are remembered, and pastKept how long a later supervisor
// remembers them: clients ask it for 10 s.
const (
	maxPast  = 100
	pastKept = time.Hour
)

// Applying is a change under way.
type Applying struct {
	change task.Change
	resume bool          // an earlier supervisor has begun it
	begun  bool          // it is recorded: its names are its own
	drop   bool          // the next supervisor does not continue it
	turn   bool          // it waits for no other any more
	asking int           // how many ask for it
	later  chan struct{} // closed where a later one takes its place
	over   chan struct{}
	ended  chan struct{} // set if the supervisor ended before the change was done
	result Applied
	err    error
}

func newApplying(c task.Change) *Applying {
	return &Applying{change: c, asking: 1, later: make(chan struct{}), over: make(chan struct{})}
}

// Applied is what has become of a change. Others read the same tasks, which must not
// be changed.
type Applied struct {
	Tasks     []*task.Info // of the change; with Down the stopped ones, with Missing the started ones
	TakenOver []string     // files that do not exist any more, and in whose place this one is
}

// Wait returns when the change was carried out: its tasks have begun, or wait. If ctx ends
// first, the change continues without its caller. If the supervisor ends first, the error
// is an ErrUnavailable; EndedByLeave then reports whether the next one continues the change.
func (a *Applying) Wait(ctx context.Context) (Applied, error) {
	select {
	case <-a.over:
	case <-ctx.Done():
		return Applied{}, context.Cause(ctx)
	}
	if a.ended != nil {
		select {
		case <-a.ended:
		case <-ctx.Done():
			return Applied{}, context.Cause(ctx)
		}
	}
	return a.result, a.err
}

func (a *Applying) fail(err error) *Applying {
	a.err = err
	close(a.over)
	return a
}

// unfinished ends what the end of the supervisor has cut off.
func (a *Applying) unfinished(s *Supervisor) *Applying {
	a.ended = s.ended
	return a.fail(shuttingDown(""))
}

// Plan is what c would change now.
func (s *Supervisor) Plan(c task.Change) (*plan.Plan, error) {
	if err := plan.Check(&c); err != nil {
		return nil, err
	}
	p, _, err := s.planNow(&c)
	if err != nil {
		return nil, err
	}
	specs, _ := p.Begin(&c)
	return p, s.acceptable(&c, specs)
}

// Apply begins a change, which is carried out whoever waits for it. Those of one file
// follow one another: with now, one that would have to wait for another is not begun, and
// nil. One whose id is known is that one. With a store that keeps changes, the next
// supervisor continues what was begun.
func (s *Supervisor) Apply(c task.Change, now bool) *Applying {
	a := newApplying(c)
	if err := plan.Check(&c); err != nil {
		return a.fail(err)
	}
	return s.enqueue(a, now)
}

// ResumeChanges continues the changes that an earlier supervisor has recorded. Call it
// after Load, before anything else.
func (s *Supervisor) ResumeChanges(recorded []task.Change) {
	var past, old []task.Change
	for _, c := range recorded {
		switch {
		case c.CompletedAt.IsZero():
			a := newApplying(c)
			a.resume, a.begun = true, true
			s.enqueue(a, false)
		case s.now().Sub(c.CompletedAt.Time).Abs() > pastKept:
			old = append(old, c)
		default:
			past = append(past, c)
		}
	}
	slices.SortStableFunc(past, func(a, b task.Change) int { return a.CompletedAt.Compare(b.CompletedAt.Time) })
	s.changes.mu.Lock()
	defer s.changes.mu.Unlock()
	s.changes.past = append(past, s.changes.past...)
	s.forgetChanges(append(old, s.trimPast()...))
}

// trimPast bounds the past changes. It returns the ones whose records nobody needs any more.
func (s *Supervisor) trimPast() (old []task.Change) {
	n := max(0, len(s.changes.past)-maxPast)
	old, s.changes.past = slices.Clone(s.changes.past[:n]), slices.Delete(s.changes.past, 0, n)
	needed := make(map[string]bool) // by file: each has one record
	for _, c := range s.changes.past {
		needed[c.File] = true
	}
	for _, a := range s.changes.queue {
		needed[a.change.File] = needed[a.change.File] || a.begun
	}
	return slices.DeleteFunc(old, func(c task.Change) bool { return needed[c.File] })
}

// forgetChanges deletes the records of past changes, side by side for the sake of a store that
// groups what it writes.
func (s *Supervisor) forgetChanges(old []task.Change) {
	st, ok := s.opts.Store.(ChangeStore)
	if !ok {
		return
	}
	var all sync.WaitGroup
	for _, c := range old {
		all.Go(func() {
			if err := st.DeleteChange(c.File); err != nil {
				s.opts.Logger.Warn("cannot forget a change", "file", c.File, "err", err)
			}
		})
	}
	all.Wait()
}

// enqueue gives a its turn.
func (s *Supervisor) enqueue(a *Applying, now bool) *Applying {
	behind := now && len(s.ofSameFile(a, s.queued())) > 0
	s.changes.mu.Lock()
	defer s.changes.mu.Unlock()
	for _, c := range s.changes.past {
		if c.ID != a.change.ID {
			continue
		}
		a.result.Tasks = s.infosOf(a.change.Names())
		if c.Why != "" {
			return a.fail(task.Errorf(nil, "", "%s", c.Why))
		}
		return a.fail(nil)
	}
	for _, other := range s.changes.queue {
		if other.change.ID == a.change.ID {
			other.asking++
			return other
		}
		behind = behind || now && other.change.File == a.change.File // it has come meanwhile
	}
	if behind {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return a.unfinished(s)
	}
	others := slices.Clone(s.changes.queue)
	s.changes.queue = append(s.changes.queue, a)
	s.dropSuperseded()
	s.actors.Go(func() {
		if s.takeTurn(a, others) {
			a.result, a.err = s.carryOut(a)
		} else {
			a.err = task.Errorf(task.ErrConflict, "", "a later up or down of %s took its place", a.change.File)
		}
		s.dequeue(a)
	})
	return a
}

// takeTurn waits for the earlier changes of the same file. It reports whether this one must
// still be carried out.
func (s *Supervisor) takeTurn(a *Applying, earlier []*Applying) bool {
	for _, other := range s.ofSameFile(a, earlier) {
		select {
		case <-other.over:
		case <-a.later:
			return false
		}
	}
	s.changes.mu.Lock()
	defer s.changes.mu.Unlock()
	a.turn = true
	return !closed(a.later)
}

// Abandon says that a caller of Apply has gone. A change that waits for its turn, and has no
// caller any more, is dropped for a later one of the whole file.
func (s *Supervisor) Abandon(a *Applying) {
	if a == nil { // Apply has begun nothing
		return
	}
	s.changes.mu.Lock()
	defer s.changes.mu.Unlock()
	a.asking--
	if !s.isClosing() { // else the next supervisor may be asked for it
		s.dropSuperseded()
	}
}

// dropSuperseded drops the changes without a caller after which a later one decides on all
// tasks of the file anyhow. A down stays: it ends runs that an up would keep.
func (s *Supervisor) dropSuperseded() {
	whole := make(map[string]bool) // files with a later change of all their tasks
	for _, a := range slices.Backward(s.changes.queue) {
		if whole[a.change.File] && !a.turn && a.asking == 0 && !a.change.Down && !closed(a.later) {
			close(a.later)
		}
		whole[a.change.File] = whole[a.change.File] || a.change.Prune
	}
}

// queued is the changes under way and the waiting ones.
func (s *Supervisor) queued() []*Applying {
	s.changes.mu.Lock()
	defer s.changes.mu.Unlock()
	return slices.Clone(s.changes.queue)
}

// ofSameFile selects the others with the file of a, by whatever path.
func (s *Supervisor) ofSameFile(a *Applying, others []*Applying) []*Applying {
	var paths []string
	for _, other := range others {
		if path := other.change.File; path != a.change.File {
			paths = append(paths, path)
		}
	}
	if paths != nil {
		paths = append(paths, a.change.File)
	}
	files := s.disk.Look(paths)
	return slices.DeleteFunc(others, func(other *Applying) bool { return !files.Same(other.change.File, a.change.File) })
}

// dequeue ends the turn of a, which was carried out or given up.
func (s *Supervisor) dequeue(a *Applying) {
	s.changes.mu.Lock()
	defer s.changes.mu.Unlock()
	s.changes.queue = slices.DeleteFunc(s.changes.queue, func(other *Applying) bool { return other == a })
	if errors.Is(a.err, task.ErrUnavailable) && s.isClosing() {
		a.unfinished(s)
		return
	}
	if a.begun && !a.drop {
		s.changes.past = append(s.changes.past, s.recordOver(&a.change, a.err))
		s.forgetChanges(s.trimPast())
	}
	if a.resume && a.err != nil {
		s.opts.Logger.Warn("cannot continue a change", "file", a.change.File, "err", a.err)
	}
	close(a.over)
}

// recordOver notes that nothing is left to do of c.
func (s *Supervisor) recordOver(c *task.Change, why error) (over task.Change) {
	over = task.Change{ID: c.ID, File: c.File, CompletedAt: wall(s.now()), Unknown: c.Unknown}
	if why != nil {
		over.Why = strings.ReplaceAll(why.Error(), "\n", "; ")
	}
	if st, ok := s.opts.Store.(ChangeStore); ok {
		if err := st.SaveChange(over); err != nil { // the next supervisor finds that nothing is left
			s.opts.Logger.Warn("cannot record that a change was carried out", "file", c.File, "err", err)
		}
	}
	return over
}

// giveUpChanges keeps later supervisors from continuing unfinished changes: an exit cancels
// what was asked for.
func (s *Supervisor) giveUpChanges() {
	s.changes.mu.Lock()
	defer s.changes.mu.Unlock()
	for _, a := range s.changes.queue {
		if a.begun && !a.drop {
			s.recordOver(&a.change, shuttingDown(""))
		}
		a.drop = true
	}
}

// beginChange records rest, what must be done of the change of a, if there is anything,
// unless another change under way has one of its names. Where tasks are stopped for others,
// it must have been recorded.
func (s *Supervisor) beginChange(a *Applying, rest task.Change, starts, stops bool) error {
	s.changes.mu.Lock()
	defer s.changes.mu.Unlock()
	if s.isClosing() {
		return shuttingDown("")
	}
	if a.begun { // by an earlier supervisor
		return nil
	}
	for _, other := range s.changes.queue {
		if !other.begun || other == a || a.change.Down || other.change.Down {
			continue
		}
		names := make(map[string]bool, len(other.change.Tasks))
		for i := range other.change.Tasks {
			names[other.change.Tasks[i].Name] = true
		}
		for i := range a.change.Tasks {
			if name := a.change.Tasks[i].Name; names[name] {
				return plan.Taken(name, other.change.File)
			}
		}
	}
	if !starts && !stops {
		return nil
	}
	if st, ok := s.opts.Store.(ChangeStore); ok {
		switch err := st.SaveChange(rest); {
		case err != nil && starts && stops:
			return fmt.Errorf("nothing is stopped, since what would start cannot be recorded: %w", err)
		case err != nil: // each task says for itself whether there is room
			s.opts.Logger.Warn("no later supervisor will continue a change", "file", a.change.File, "err", err)
		}
	}
	a.begun = true
	return nil
}
