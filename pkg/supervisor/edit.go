package supervisor

import (
	"maps"
	"reflect"
	"slices"
	"time"

	"tasks/internal/cron"
	"tasks/internal/deps"
	"tasks/internal/lifecycle"
	"tasks/pkg/task"
)

// Edit changes the spec of a task: at once, or where it has a run, from its next run on, see
// [task.Info.Edited]. change must make its own copy of what the spec points to. Its name, its
// tasks file and what it is, a command or a function, stay.
func Edit(name string, change func(*task.Spec) error) Request {
	return Request{kind: toEdit, name: name, change: change}
}

// apply changes spec. A panic is an error: the caller could not recover it.
func (r *Request) apply(spec *task.Spec) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = task.Errorf(nil, r.name, "cannot edit %s: panic: %v", r.name, p)
		}
	}()
	return r.change(spec)
}

// edited is a spec that is not in effect yet.
type edited struct {
	spec   task.Spec
	plan   cron.Plan
	policy lifecycle.Edited
	due    time.Time // its next time, where that is new; zero: the first after the present run
}

// latest is the spec of the next run.
func (r *role) latest() *task.Spec {
	if r.edited != nil {
		return &r.edited.spec
	}
	return &r.spec
}

// setEdited notes what becomes of the spec; nil: nothing.
func (r *role) setEdited(e *edited) {
	if r.edited, r.policy.Edited = e, nil; e != nil {
		r.policy.Edited = &e.policy
	}
}

func (a *actor) edit(c *Call) {
	old := a.role.latest()
	spec := *old
	if err := c.request.apply(&spec); err != nil {
		c.fail(err)
		return
	}
	if err := a.sup.editable(old, &spec); err != nil {
		c.fail(err)
		return
	}
	noteEnv(old, &spec)
	e, err := a.editedTo(spec)
	later := false
	if err == nil && e.policy.Times && !a.state.HasRun() {
		later, err = a.dueBy(e)
	}
	if err != nil {
		c.fail(err)
		return
	}
	before := a.role
	if a.role.setEdited(e); a.state.HasRun() && reflect.DeepEqual(spec, a.role.spec) {
		a.role.setEdited(nil) // it has what it had when its run began
	}
	if _, _, err = a.state.Step(a.role.policy, lifecycle.Edit{}); err != nil {
		err = task.Errorf(task.ErrConflict, a.name, "Task %s is being replaced: edit it when that is done.", a.name)
	} else if e.policy.Order {
		if err = a.sup.known(&spec); err == nil {
			err = a.comeAfter(a.deps())
		}
	}
	if err != nil {
		a.role = before
		c.fail(err)
		return
	}
	if a.role.edited == nil {
		a.keepOrder()
	}
	a.calls.add(lifecycle.ForRecord, c)
	a.happens(lifecycle.Edit{Later: later})
}

// editable is an ErrUsage where the old spec cannot become the new one.
func (s *Supervisor) editable(old, spec *task.Spec) error {
	usage := func(what string) error {
		return task.Errorf(task.ErrUsage, old.Name, "cannot edit %s: %s", old.Name, what)
	}
	switch command := len(old.Command) > 0; {
	case spec.Name != old.Name, spec.File != old.File, spec.Job != old.Job:
		return usage("its name and its tasks file stay")
	case command && len(spec.Command) == 0:
		return usage("it needs a command")
	case !command && (len(spec.Command) > 0 || spec.Cwd != old.Cwd || spec.Env != old.Env):
		return usage("it is a function, without a command, directory or environment")
	case !command && (!reflect.DeepEqual(spec.Attributes, old.Attributes) || spec.StopSignal != old.StopSignal || spec.LeaveChildren != old.LeaveChildren):
		return usage("it is a function: umask, nice, ulimit, stop_signal and leave_children are for commands")
	}
	if err := spec.Check(); err != nil {
		return err
	}
	if !s.hasChecksFor(spec) && s.hasChecksFor(old) {
		return usage(noChecks)
	}
	if spec.Hooks != old.Hooks { // else they are of an earlier supervisor
		return s.checkHooks(old.Name, spec.Hooks)
	}
	return nil
}

// noteEnv notes which variables were edited of a task from a tasks file: the file has other
// values.
func noteEnv(old, spec *task.Spec) {
	if spec.File == "" || spec.Env == old.Env {
		return
	}
	names := slices.Clone(old.EnvNames)
	was, is := old.Env.Map(), spec.Env.Map()
	for _, name := range slices.AppendSeq(slices.Collect(maps.Keys(was)), maps.Keys(is)) {
		before, had := was[name]
		if after, has := is[name]; before != after || had != has {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	spec.EnvNames = slices.Compact(names)
}

// editedTo is what follows from the new spec.
func (a *actor) editedTo(spec task.Spec) (*edited, error) {
	is := &a.role.spec
	plan, err := planOf(&spec)
	return &edited{spec: spec, plan: plan, policy: lifecycle.Edited{
		Policy: lifecycle.PolicyOf(&spec),
		Group:  spec.Group != is.Group,
		Order:  !slices.Equal(deps.Of(&spec), deps.Of(is)) || len(spec.After) != len(is.After),
		Times:  !reflect.DeepEqual(spec.When, is.When),
	}}, err
}

// dueBy sets the next time by the new times of a task without a run; later: it is to come.
func (a *actor) dueBy(e *edited) (later bool, err error) {
	now := a.sup.now()
	if e.due, err = e.plan.First(now); err != nil {
		return false, task.Errorf(task.ErrUsage, a.name, "%v", err)
	}
	if a.state.Series.Ran || a.state.Asleep() && a.role.spec.Repeats() && e.due.IsZero() { // the first was before
		e.due, _ = e.plan.Next(now, now)
	}
	if later = e.due.After(now); !later {
		e.due, _ = e.plan.Next(now, now)
	}
	return later, nil
}

// adopt makes the edited spec the present one.
func (a *actor) adopt() {
	e := a.role.edited
	if !e.policy.Group {
		a.sup.queues.Prioritize(a.place, e.spec.Priority)
	} else if a.place.Taken() {
		if a.ahead.slot = 0; !a.sup.queues.Regroup(a.place) {
			a.ahead.queued = task.Time{}
		}
	}
	a.adoptSpec(e.spec, a.role.fn, e.plan)
	a.keepOrder()
	switch now := a.sup.now(); {
	case !e.policy.Times:
	case a.state.Inactive() && !a.state.Held:
		a.clocks.due.At = time.Time{}
	case e.due.IsZero():
		next, _ := e.plan.Next(now, now)
		a.clocks.due.Set(next, now)
	default:
		a.clocks.due.Set(e.due, now)
	}
}

// deps is what the task comes after by its spec, or by the one that it was edited to.
func (a *actor) deps() []string {
	names := deps.Of(&a.role.spec)
	if a.role.edited != nil {
		names = append(names, deps.Of(&a.role.edited.spec)...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
