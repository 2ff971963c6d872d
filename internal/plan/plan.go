// Package plan decides what a change of a tasks file means for the tasks that there
// are: what is started, restarted, stopped, or left alone. It is a function of values: the
// caller says where paths lead.
package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"tasks/internal/deps"
	"tasks/pkg/task"
)

// A Kind is what is done about a task.
type Kind string

// The kinds of steps.
const (
	Start   Kind = "start"   // it is not there, or has ended
	Restart Kind = "restart" // it is up, and not what the file says
	Keep    Kind = "keep"    // nothing
	Stop    Kind = "stop"    // the file has it no longer, or goes down
)

// A Step is what is done about one task.
type Step struct {
	Kind Kind   `json:"do"`
	Name string `json:"name"`
	Why  string `json:"why"` // in a few words

	changed bool // it has another spec, or is not there
}

// A GroupStep is what is set of a group that is not so yet.
type GroupStep struct {
	Name string `json:"name"`
	Why  string `json:"why"` // in a few words
}

// A Plan is what is done about the tasks of a file.
type Plan struct {
	Steps     []Step     // the stops first, then one for each task of the change, in its order
	Stops     [][]string // the names to be stopped, one level after the other
	TakenOver []string   // files that do not exist any more, and in whose place this one is
}

// Of is what c means for the tasks that there are, where envs is the environment of the next
// run of one of them.
//
// A task that has ended is started, unless it is done and not a service:
// it stays while its spec does. Of environments, what the file gives counts, and
// not what the caller's has beside that. A name that a task of another file has,
// or one that was started by hand, is an [task.ErrConflict]; the error has all of them. What
// was stopped is free where nothing of its file is up, as after a down. A
// file that does not exist any more has no tasks. With Missing, existing tasks of the file
// are kept, whatever they are.
//
// Of a change that an earlier supervisor has begun, what has run since is not started
// again.
func Of(c *task.Change, now []*task.Info, envs func(name string) task.Env, files Files) (*Plan, error) {
	have := make(map[string]*task.Info, len(now))
	for _, t := range now {
		have[t.Name] = t
	}
	b := newBelonging(c, files)
	p := &Plan{TakenOver: b.takenOver(now)}
	if !c.Down {
		if err := b.taken(have); err != nil {
			return nil, err
		}
	}
	for _, level := range b.levels(now) {
		level = slices.DeleteFunc(level, func(name string) bool {
			if c.Down {
				return !c.Prune && !b.names[name]
			}
			return !c.Prune || b.names[name] || over(have[name])
		})
		if len(level) > 0 {
			p.Stops = append(p.Stops, level)
		}
		for _, name := range level {
			step := Step{Kind: Stop, Name: name, Why: "no longer in the file"}
			if c.Down {
				step.Why = "down"
			}
			p.Steps = append(p.Steps, step)
		}
	}
	if c.Down {
		return p, nil
	}
	for i := range c.Tasks {
		s := &c.Tasks[i]
		step := Step{Name: s.Name}
		step.Kind, step.changed, step.Why = due(s, have[s.Name], envs, files)
		if t := have[s.Name]; c.Missing && t != nil && b.belongs(t) {
			step.Kind, step.Why = Keep, "exists"
		}
		if before, begun := c.Ran[s.Name]; begun && step.Kind == Start && !step.changed && have[s.Name].Run > before {
			step.Kind, step.Why = Keep, "unchanged"
		}
		p.Steps = append(p.Steps, step)
	}
	return p, nil
}

// Begin is the specs of c that p starts or restarts, in their order, and the names of
// the others.
func (p *Plan) Begin(c *task.Change) (specs []task.Spec, kept []string) {
	begin := make(map[string]bool, len(c.Tasks))
	for _, s := range p.Steps {
		begin[s.Name] = s.Kind == Start || s.Kind == Restart
	}
	for i := range c.Tasks {
		if s := &c.Tasks[i]; begin[s.Name] {
			specs = append(specs, *s)
		} else {
			kept = append(kept, s.Name)
		}
	}
	return specs, append(kept, c.Kept...)
}

// Groups is what must be set of the groups wanted, where now is so.
func Groups(wanted, now []task.Group) []GroupStep {
	var steps []GroupStep
	for _, g := range wanted {
		have := task.Group{Name: g.Name}
		if i := slices.IndexFunc(now, func(h task.Group) bool { return h.Name == g.Name }); i >= 0 {
			have = now[i]
		}
		var why []string
		for _, c := range []struct{ key, was, is string }{
			{"slots", have.String(), g.String()}, {"on_exit", have.OnExit, g.OnExit}, {"on_failure", have.OnFailure, g.OnFailure},
		} {
			switch {
			case c.was == c.is:
			case c.is == "":
				why = append(why, "no "+c.key)
			default:
				why = append(why, c.key+" "+c.is)
			}
		}
		if why != nil {
			steps = append(steps, GroupStep{g.Name, strings.Join(why, "; ")})
		}
	}
	return steps
}

// taken is the names of the change that others have: each is an error.
func (b *belonging) taken(have map[string]*task.Info) error {
	var taken []error
	up := make(map[string]bool) // files that were not taken down
	for _, t := range have {
		up[t.Spec.File] = up[t.Spec.File] || !over(t)
	}
	for i := range b.c.Tasks {
		name := b.c.Tasks[i].Name
		t := have[name]
		if t != nil && !b.belongs(t) && (t.Spec.File == "" || t.State != task.Stopped || up[t.Spec.File]) {
			taken = append(taken, Conflict(t))
		}
	}
	return errors.Join(taken...)
}

// Conflict is the error that t, which is of another file or of none, has a name that the
// file wants.
func Conflict(t *task.Info) error {
	switch {
	case t.Spec.File == "":
		return task.Errorf(task.ErrConflict, t.Name, "%s was started by hand: stop and remove it first: tasks rm --force %s", t.Name, t.Name)
	case over(t) && t.State != task.Stopped: // a down leaves it as it is
		return task.Errorf(task.ErrConflict, t.Name, "%s belongs to %s: remove it first: tasks rm %s, or give one of the two a project", t.Name, t.Spec.File, t.Name)
	}
	return Taken(t.Name, t.Spec.File)
}

// Taken is the error that the file has name, which another one wants.
func Taken(name, file string) error {
	return task.Errorf(task.ErrConflict, name, "%s belongs to %s: take that down first, or give one of the two a project", name, file)
}

// levels is the names of the tasks in now that are from the file, ended or not, in steps to
// stop one after the other: dependents first. A file that does not exist any more is the
// same if this one is in its place.
func (b *belonging) levels(now []*task.Info) [][]string {
	var names []string
	after := make(deps.Graph)
	for _, t := range now {
		if b.belongs(t) {
			names = append(names, t.Name)
			after[t.Name] = deps.Of(&t.Spec)
		}
	}
	steps := after.Levels(names) // theirs are from several states of the file
	slices.Reverse(steps)
	return steps
}

// over tells that a task has ended and nothing will start it again: a shutdown
// of the supervisor keeps the desired state.
func over(t *task.Info) bool {
	return t.State.Ended() && !(t.State == task.Stopped && t.Desired == task.DesiredRunning)
}

// due is what must be done for a task to become what s says, and whether it differs from
// that now.
func due(s *task.Spec, t *task.Info, envs func(string) task.Env, files Files) (kind Kind, changed bool, why string) {
	if t == nil {
		return Start, true, "new"
	}
	differs, latest := changes(&t.Spec, s, files), &t.Spec
	if t.Edited != nil { // since the present run began
		latest = t.Edited
		for _, what := range changes(latest, s, files) {
			differs = append(differs, "edited: "+what)
		}
	}
	if names := changedEnv(latest, envs(s.Name), s); names != "" {
		differs = append(differs, "env changed: "+names)
	}
	why = strings.Join(differs, "; ")
	changed = why != ""
	switch {
	case !t.State.Ended() && t.State != task.Stopping && !changed,
		t.State == task.Stopping && t.Desired == task.DesiredRunning && !changed:
		return Keep, changed, "unchanged"
	case !t.State.Ended() && !changed:
		return Restart, changed, "is being stopped"
	case !t.State.Ended():
		return Restart, changed, why
	case changed:
		return Start, changed, why
	case t.State == task.Done && !s.Service() && !s.Repeats():
		return Keep, changed, "done"
	}
	return Start, changed, ending(t)
}

// ending says how the last run of a task ended.
func ending(t *task.Info) string {
	switch {
	case t.State == task.Stopped || t.State == task.Lost:
		return string(t.State)
	case t.TimedOut:
		return "ended: timed out"
	case t.Signal != "":
		return "ended: " + t.Signal
	case t.ExitCode != nil:
		return fmt.Sprintf("ended: exit code %d", *t.ExitCode)
	case t.Reason != "":
		return "ended: " + t.Reason
	}
	return "ended"
}
