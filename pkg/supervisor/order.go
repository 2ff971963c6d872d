package supervisor

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"tasks/internal/deps"
	"tasks/internal/lifecycle"
	"tasks/pkg/task"
)

// settled reports whether a dependency is met by the task as it is now, nil if it was
// removed. why is not "" if it can no longer be met.
func settled(name string, now *snapshot, however bool) (met bool, why string) {
	if now == nil {
		if however { // it has ended before
			return true, ""
		}
		return false, notStarted + name + " was removed"
	}
	info := &now.info
	switch state := info.State; {
	case however:
		return state.Ended(), ""
	case state == task.Done:
		return true, ""
	case info.Spec.Service() && info.Ready != nil && *info.Ready:
		return true, ""
	case info.Spec.Repeats() && state == task.Waiting && !info.StartedAt.IsZero(): // there was a run since its start
		return now.runs[len(now.runs)-1].State == task.Done, ""
	case state.Ended():
		return false, dependencyEnded(info)
	}
	return false, ""
}

// notStarted begins the reason of a task whose dependency was not met.
const notStarted = "not started: "

// dependencyEnded says why what comes after the task can no longer start. A task that was
// itself not started passes on its own reason, which names the first cause.
func dependencyEnded(info *task.Info) string {
	if info.State == task.Failed && info.StartedAt.IsZero() {
		return info.Reason
	}
	how := map[task.State]string{task.Failed: "failed", task.Stopped: "was stopped", task.Lost: "was lost"}[info.State]
	switch {
	case info.Reason == "" || info.Reason == string(info.State):
	case strings.HasPrefix(info.Reason, lifecycle.ExitCode): // which, of all that is said of an end, is a phrase
		how += " with " + info.Reason
	default:
		how += ": " + info.Reason
	}
	return notStarted + info.Name + " " + how
}

// known is an ErrNotFound for the first of the spec's dependencies that is not there.
func (s *Supervisor) known(spec *task.Spec) error {
	for _, name := range deps.Of(spec) {
		if s.lookup(name) == nil {
			return s.unknownDependency(spec.Name, name)
		}
	}
	return nil
}

func (s *Supervisor) unknownDependency(name, after string) error {
	return task.Errorf(task.ErrNotFound, name, "cannot start %s after %s: %v", name, after, s.noSuch(after))
}

// comeAfter has the task come after the others, unless that would be a cycle.
func (a *actor) comeAfter(others []string) error {
	if cycle := a.sup.order.Set(a.name, others); cycle != nil {
		return task.Errorf(task.ErrUsage, a.name, "dependency cycle: %s", strings.Join(cycle, " -> "))
	}
	return nil
}

// unmet looks at the dependencies in names that a still waits for; why is not "" if one can
// no longer be met.
func (a *actor) unmet(names []string) (why string) {
	well := func(name string) bool { return slices.Contains(a.role.spec.After, name) }
	if len(a.role.spec.AfterEnded) == 0 {
		well = func(string) bool { return true }
	} else if len(names) > 8 { // of many, each is looked up
		all := make(map[string]bool, len(a.role.spec.After))
		for _, name := range a.role.spec.After {
			all[name] = true
		}
		well = func(name string) bool { return all[name] }
	}
	for _, name := range names {
		if !a.ahead.waits[name] {
			continue
		}
		met, reason := settled(name, a.sup.lookup(name), !well(name))
		if reason != "" {
			return reason
		}
		if met {
			delete(a.ahead.waits, name)
		}
	}
	return ""
}

// waitedFor is the tasks that a still waits for.
func (a *actor) waitedFor() []string {
	return slices.SortedFunc(maps.Keys(a.ahead.waits), task.CompareNames)
}

// waitsFor names what a still waits for, in a sentence for people.
func (a *actor) waitsFor() string {
	const most = 5
	var names []string // the first ones, in their order
	for name := range a.ahead.waits {
		if len(names) == most && task.CompareNames(name, names[most-1]) > 0 {
			continue
		}
		at, _ := slices.BinarySearchFunc(names, name, task.CompareNames)
		if names = slices.Insert(names, at, name); len(names) > most {
			names = names[:most]
		}
	}
	if n := len(a.ahead.waits) - most; n > 0 {
		names = append(names, fmt.Sprintf("%d more", n))
	}
	text := "waits for " + strings.Join(names, ", ")
	if len(names) == 1 && slices.Contains(a.role.spec.After, names[0]) { // perhaps for longer than was meant
		if now := a.sup.lookup(names[0]); now != nil && now.info.Spec.PerhapsService() {
			text += " to end: it has no readiness check"
		}
	}
	return text
}
