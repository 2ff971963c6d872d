package supervisor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tasks/internal/deps"
	"tasks/internal/plan"
	"tasks/pkg/task"
)

// carryOut plans the change of a and does what that says.
func (s *Supervisor) carryOut(a *Applying) (done Applied, err error) {
	c := &a.change
	p, now, err := s.planNow(c)
	if err != nil {
		return done, err
	}
	seen := lookAt(c, now)
	specs, kept := p.Begin(c)
	if !a.resume {
		if err := s.acceptable(c, specs); err != nil {
			return done, err
		}
	}
	rest := *c
	if !c.Down {
		rest.Tasks, rest.Kept = specs, kept
		rest.Ran = seen.lastRuns(specs)
	}
	var reserved []string
	if len(p.Stops) > 0 && !a.resume {
		if reserved, err = s.reserveLogs(specs, seen); err != nil {
			return done, err
		}
	}
	if err := s.beginChange(a, rest, len(specs) > 0, len(p.Stops) > 0); err != nil {
		s.releaseLogs(reserved)
		return done, err
	}
	done.TakenOver = p.TakenOver
	stopped, err := s.stopLevels(p.Stops, seen, c.Down)
	if c.Down {
		done.Tasks = stopped
	}
	if err != nil || c.Down {
		return done, err
	}
	for _, g := range c.Groups {
		if _, err := s.ChangeGroup(g.Name, func(set *task.Group) { set.Slots, set.Hooks, set.Temporary = g.Slots, g.Hooks, false }); err != nil {
			return done, err
		}
	}
	_, errs := s.startAll(specs, func(spec *task.Spec) (Request, error) {
		for _, name := range deps.Of(spec) {
			if t := s.SharedInfo(name); t != nil && seen.foreign(t) {
				return Request{}, task.Errorf(task.ErrConflict, spec.Name, "cannot start %s after %s: %v", spec.Name, name, plan.Conflict(t))
			}
		}
		r := seen.start(spec)
		r.again = a.resume // what was replaced already may have begun since
		return r, nil
	})
	names := c.Names()
	if c.Missing && !a.resume { // then all of them were not there
		names = (&task.Change{Tasks: specs}).Names()
	}
	done.Tasks = slices.DeleteFunc(s.infosOf(names), seen.foreign)
	return done, errors.Join(errs...)
}

// planNow is what c means for the tasks that there are now.
func (s *Supervisor) planNow(c *task.Change) (p *plan.Plan, now []*task.Info, err error) {
	files := s.disk.Look(plan.Paths(c, s.Shared()))
	now = s.Shared() // the look may have taken a second
	p, err = plan.Of(c, now, s.envOf, files)
	return p, now, err
}

// lookedAt is the tasks that there were when a change was planned. Only these are stopped or
// replaced: what has got a name since is somebody else's.
type lookedAt struct {
	change *task.Change
	tasks  map[string]*task.Info
	names  map[string]bool // of the change
}

func lookAt(c *task.Change, now []*task.Info) *lookedAt {
	l := &lookedAt{change: c, tasks: make(map[string]*task.Info, len(now)), names: set(c.Names())}
	for _, t := range now {
		l.tasks[t.Name] = t
	}
	return l
}

// foreign reports whether t has got a name of the change since, and is of no file or of
// another one.
func (l *lookedAt) foreign(t *task.Info) bool {
	return l.names[t.Name] && t.Spec.File != l.change.File && t.Spec.File != l.file(t.Name)
}

// lastRuns is the number of the last run of each task; 0: there was none.
func (l *lookedAt) lastRuns(specs []task.Spec) map[string]int {
	runs := make(map[string]int, len(specs))
	for i := range specs {
		runs[specs[i].Name] = 0
		if t := l.tasks[specs[i].Name]; t != nil {
			runs[t.Name] = t.Run
		}
	}
	return runs
}

// file is where a task of that name must be from to be the one that was looked at, or
// one that the change has made.
func (l *lookedAt) file(name string) string {
	if t := l.tasks[name]; t != nil {
		return t.Spec.File
	}
	return l.change.File
}

// start is the request for the start of spec that was planned: none has replaced
// what had ended, or was not there.
func (l *lookedAt) start(spec *task.Spec) Request {
	if t := l.tasks[spec.Name]; t != nil && !t.State.Ended() {
		return Replace(*spec, End{}).ofFile(l.file(spec.Name))
	}
	return Start(*spec).ofFile(l.file(spec.Name))
}

// reserveLogs keeps what the next runs of the specs need, before other tasks are stopped for
// them; fresh are the names of new tasks.
func (s *Supervisor) reserveLogs(specs []task.Spec, seen *lookedAt) (fresh []string, err error) {
	keeper, ok := s.opts.Logs.(LogKeeper)
	if !ok {
		return nil, nil
	}
	for i := range specs {
		name, run := specs[i].Name, 0
		switch t := seen.tasks[name]; {
		case t == nil:
			fresh = append(fresh, name)
		case t.State.Ended():
			run = t.Run
		default: // its own restart asks, and else it keeps running
			continue
		}
		if err := keeper.Reserve(name, run); err != nil {
			s.releaseLogs(fresh)
			return nil, fmt.Errorf("cannot start %s, so nothing is stopped: %w", name, err)
		}
	}
	return fresh, nil
}

// releaseLogs gives up what was kept for new tasks.
func (s *Supervisor) releaseLogs(fresh []string) {
	if keeper, ok := s.opts.Logs.(LogKeeper); ok {
		for _, name := range fresh {
			keeper.Release(name)
		}
	}
}

// stopLevels stops the tasks of one level after the other, and with all continues past one
// that cannot be stopped.
func (s *Supervisor) stopLevels(levels [][]string, seen *lookedAt, all bool) (stopped []*task.Info, err error) {
	var errs []error
	for _, level := range levels {
		var calls []*Call
		for _, name := range level {
			calls = append(calls, s.Submit(Stop(name, End{}).ofFile(seen.file(name))))
		}
		for _, c := range calls {
			t, err := c.Shared(context.Background())
			if err == nil {
				stopped = append(stopped, t)
			} else if !errors.Is(err, task.ErrNotFound) { // it was removed meanwhile
				errs = append(errs, err)
			}
		}
		if errs != nil && !all {
			break
		}
	}
	return stopped, errors.Join(errs...)
}

// StartAll starts tasks, each after those of them that it comes after, in the place of
// what has their names. It returns when all have begun, or wait; in the order of the specs.
func (s *Supervisor) StartAll(specs []task.Spec) (reached []*task.Info, errs []error) {
	return s.startAll(specs, func(spec *task.Spec) (Request, error) { return Replace(*spec, End{}), nil })
}

// startAll submits the request of each spec once its dependencies have begun.
func (s *Supervisor) startAll(specs []task.Spec, request func(*task.Spec) (Request, error)) (reached []*task.Info, errs []error) {
	defer s.order.Expect(deps.GraphOf(specs))() // so that one look at all of them finds a cycle
	calls := make(map[string]*Call, len(specs))
	for i := range specs {
		spec := &specs[i]
		for _, name := range deps.Of(spec) {
			if c := calls[name]; c != nil {
				c.Shared(context.Background()) // its own error is reported once
			}
		}
		if r, err := request(spec); err != nil {
			calls[spec.Name] = newCall(r).fail(err)
		} else {
			calls[spec.Name] = s.Submit(r)
		}
	}
	for i := range specs {
		t, err := calls[specs[i].Name].Shared(context.Background())
		if err != nil {
			errs = append(errs, err)
		}
		if t.Name != "" {
			reached = append(reached, t)
		}
	}
	return reached, errs
}

// acceptable reports what would keep c, which starts these specs, from being carried out,
// before anything is changed.
func (s *Supervisor) acceptable(c *task.Change, started []task.Spec) error {
	if c.Down {
		return nil
	}
	for _, g := range c.Groups {
		if err := s.checkHooks(g.Name, g.Hooks); err != nil {
			return err
		}
	}
	for i := range started { // what is kept may have had its time
		spec := &started[i]
		when, err := planOf(spec)
		if err == nil {
			_, err = when.First(s.now())
		}
		if err != nil {
			return task.Errorf(task.ErrUsage, spec.Name, "cannot start %s: %v", spec.Name, err)
		}
		if err := s.checkHooks(spec.Name, spec.Hooks); err != nil {
			return err
		}
	}
	g := deps.GraphOf(c.Tasks)
	beyond := false // something comes after a task that is none of the change
	for i := range c.Tasks {
		spec := &c.Tasks[i]
		if s.opts.Commands == nil {
			return noCommands(spec.Name)
		}
		for _, name := range deps.Of(spec) {
			if _, ours := g[name]; ours {
				continue
			}
			if beyond = true; s.lookup(name) == nil {
				return s.unknownDependency(spec.Name, name)
			}
		}
	}
	if !beyond {
		return nil
	}
	for _, t := range s.Shared() {
		if _, ours := g[t.Name]; !ours {
			g[t.Name] = deps.Of(&t.Spec)
		}
	}
	names := make([]string, 0, len(g))
	for i := range c.Tasks {
		names = append(names, c.Tasks[i].Name)
	}
	if _, cycles := g.Sort(names); cycles != nil {
		first := cycles[0]
		return task.Errorf(task.ErrUsage, first[0], "%s would wait for itself: %s", first[0], strings.Join(append(first, first[0]), " after "))
	}
	return nil
}

// infosOf is the present infos of the tasks that exist.
func (s *Supervisor) infosOf(names []string) []*task.Info {
	var infos []*task.Info
	for _, name := range names {
		if t := s.SharedInfo(name); t != nil {
			infos = append(infos, t)
		}
	}
	return infos
}

// envOf is the environment of a task's next run; the zero one where there is no task.
func (s *Supervisor) envOf(name string) task.Env {
	if now := s.lookup(name); now != nil {
		return now.next
	}
	return task.Env{}
}
