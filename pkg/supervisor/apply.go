package supervisor

import (
	"context"
	"errors"
	"strings"

	"tasks/internal/deps"
	"tasks/internal/plan"
	"tasks/pkg/task"
)

// carryOut plans the change of a and does what that says.
func (s *Supervisor) carryOut(a *Applying) (done Applied, err error) {
	c := &a.change
	if !a.resume {
		if err := s.acceptable(c); err != nil {
			return done, err
		}
	}
	p, err := plan.Of(c, s.Shared(), s.envOf, plan.Disk{})
	if err != nil {
		return done, err
	}
	specs, kept := p.Begin(c)
	rest := *c
	if !c.Down {
		rest.Tasks, rest.Kept = specs, kept
		rest.Ran = s.lastRuns(specs)
	}
	if err := s.beginChange(a, rest, len(p.Stops)+len(specs) > 0); err != nil {
		return done, err
	}
	done.TakenOver = p.TakenOver
	stopped, err := s.stopLevels(p.Stops, c.Down)
	if c.Down {
		done.Tasks = stopped
	}
	if err != nil || c.Down {
		return done, err
	}
	for _, g := range c.Groups {
		if _, err := s.ChangeGroup(g.Name, func(set *task.Group) { set.Slots, set.Hooks = g.Slots, g.Hooks }); err != nil {
			return done, err
		}
	}
	replace := Replace
	if a.resume { // what was replaced already may have begun since
		replace = ReplaceAgain
	}
	_, errs := s.startAll(specs, replace)
	done.Tasks = s.infosOf(c.Names())
	return done, errors.Join(errs...)
}

// stopLevels stops the tasks of one level after the other, and with all continues past one
// that cannot be stopped.
func (s *Supervisor) stopLevels(levels [][]string, all bool) (stopped []*task.Info, err error) {
	var errs []error
	for _, level := range levels {
		var calls []*Call
		for _, name := range level {
			calls = append(calls, s.Submit(Stop(name, End{})))
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
	return s.startAll(specs, Replace)
}

func (s *Supervisor) startAll(specs []task.Spec, replace func(task.Spec, End) Request) (reached []*task.Info, errs []error) {
	defer s.order.Expect(deps.GraphOf(specs))() // so that one look at all of them finds a cycle
	calls := make(map[string]*Call, len(specs))
	for i := range specs {
		spec := &specs[i]
		for _, name := range deps.Of(spec) {
			if c := calls[name]; c != nil {
				c.Shared(context.Background()) // its own error is reported once
			}
		}
		calls[spec.Name] = s.Submit(replace(*spec, End{}))
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

// acceptable reports what would keep a task of c from being started, before anything is
// changed.
func (s *Supervisor) acceptable(c *task.Change) error {
	if c.Down {
		return nil
	}
	g := deps.GraphOf(c.Tasks)
	beyond := false // something comes after a task that is none of the change
	for i := range c.Tasks {
		spec := &c.Tasks[i]
		if s.opts.Commands == nil {
			return noCommands(spec.Name)
		}
		when, err := planOf(spec)
		if err == nil {
			_, err = when.First(s.now())
		}
		if err != nil {
			return task.Errorf(task.ErrUsage, spec.Name, "%v", err)
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

// lastRuns is the number of the last run of each task; 0: there was none.
func (s *Supervisor) lastRuns(specs []task.Spec) map[string]int {
	runs := make(map[string]int, len(specs))
	for i := range specs {
		runs[specs[i].Name] = 0
		if t := s.SharedInfo(specs[i].Name); t != nil {
			runs[t.Name] = t.Run
		}
	}
	return runs
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

// envOf is the environment of a task; the zero one where there is none.
func (s *Supervisor) envOf(name string) task.Env {
	env, _ := s.Env(name)
	return env
}
