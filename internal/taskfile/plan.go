package taskfile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"tasks/pkg/task"
)

// A Kind is what is done about a task.
type Kind string

// The kinds of steps.
const (
	Start   Kind = "start"   // it is not there, or has ended
	Restart Kind = "restart" // it is up, and not what the file says
	Keep    Kind = "keep"    // nothing
	Stop    Kind = "stop"    // the file has it no longer
)

// A Step is what is done about one task.
type Step struct {
	Kind    Kind
	Name    string
	Spec    task.Spec // that it is to have; that it has, of Stop
	Changed bool      // it has another spec, or is not there
	Why     string    // in a few words
}

// Plan is what makes the tasks of a supervisor those of f: first what it has no
// longer is stopped, then the tasks of f follow in their order. Now is all tasks
// that there are, and envs the environment of one of them.
//
// A task that has ended is started, but for one that is done and is no service:
// it stays while its spec does. Of environments, what the file gives counts, and
// not what the caller's has beside that. A name that a task of another file has,
// or one that was started by hand, is an [task.ErrConflict]; of several, all are
// told. A file that does not exist any more has no tasks.
func Plan(f *File, now []task.Info, envs func(name string) task.Env) ([]Step, error) {
	have := make(map[string]*task.Info)
	for i := range now {
		have[now[i].Name] = &now[i]
	}
	var taken []error
	wanted := make(map[string]bool)
	b := f.belonging()
	for _, s := range f.Tasks {
		wanted[s.Name] = true
		t := have[s.Name]
		switch {
		case t == nil || b.own(t) || b.orphan(t) || t.Spec.File != "" && t.State == task.Stopped && t.Wish == task.Down: // the other file is down
		case t.Spec.File == "":
			taken = append(taken, task.Errorf(task.ErrConflict, s.Name, "%s was started by hand: stop and remove it first: tasks rm --force %s", s.Name, s.Name))
		case over(t):
			taken = append(taken, task.Errorf(task.ErrConflict, s.Name, "%s belongs to %s: remove it first: tasks rm %s, or give one of the two a project", s.Name, t.Spec.File, s.Name))
		default:
			taken = append(taken, task.Errorf(task.ErrConflict, s.Name, "%s belongs to %s: take that down first, or give one of the two a project", s.Name, t.Spec.File))
		}
	}
	if len(taken) > 0 {
		return nil, errors.Join(taken...)
	}
	var steps []Step
	for _, name := range slices.Concat(Down(f, now)...) {
		if t := have[name]; !wanted[name] && !over(t) {
			steps = append(steps, Step{Kind: Stop, Name: name, Spec: t.Spec, Why: "no longer in the file"})
		}
	}
	for _, s := range f.Tasks {
		step := Step{Name: s.Name, Spec: s}
		step.Kind, step.Changed, step.Why = due(&s, have[s.Name], envs)
		steps = append(steps, step)
	}
	return steps, nil
}

// A GroupStep is what is set of a group that is not so yet.
type GroupStep struct {
	Name string
	Why  string // in a few words
}

// PlanGroups is what of the groups of f is to be set, where now is so.
func PlanGroups(f *File, now []task.Group) []GroupStep {
	var steps []GroupStep
	for _, g := range f.Groups {
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

// over tells that a task has ended and nothing will start it again: a shutdown
// of the supervisor leaves the wish up.
func over(t *task.Info) bool {
	return t.State.Ended() && !(t.State == task.Stopped && t.Wish == task.Up)
}

// due is what is to be done about the task that is to be as s says, and whether it is
// not so yet.
func due(s *task.Spec, t *task.Info, envs func(string) task.Env) (kind Kind, changed bool, why string) {
	if t == nil {
		return Start, true, "new"
	}
	differs := changes(&t.Spec, s)
	if names := changedEnv(&t.Spec, envs(s.Name), s); names != "" {
		differs = append(differs, "env changed: "+names)
	}
	why = strings.Join(differs, "; ")
	changed = why != ""
	switch {
	case !t.State.Ended() && t.State != task.Stopping && !changed,
		t.State == task.Stopping && t.Wish == task.Up && !changed:
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
