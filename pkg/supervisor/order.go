package supervisor

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"tasks/internal/deps"
	"tasks/pkg/task"
)

// settled says whether the task that now is, or nil where it is no more, is all
// that one after it waits for; why is not "" where it cannot become that any more.
func settled(name string, now *snapshot, however bool) (met bool, why string) {
	if now == nil {
		if however { // it has ended before
			return true, ""
		}
		return false, fmt.Sprintf("dependency %s was removed", name)
	}
	info := &now.info
	switch state := info.State; {
	case now.replaced && state == task.Stopped:
	case however:
		return state.Ended(), ""
	case state == task.Done:
		return true, ""
	case info.Spec.Service() && info.Ready != nil && *info.Ready:
		return true, ""
	case info.Spec.Repeats() && state == task.Waiting && !info.StartedAt.IsZero(): // there was a run since its start
		return now.runs[len(now.runs)-1].State == task.Done, ""
	case state.Ended():
		why = fmt.Sprintf("dependency %s is %s", name, state)
		if info.Reason != "" && info.Reason != string(state) {
			why += ": " + info.Reason
		}
	}
	return false, why
}

// known is an ErrNotFound for the first of the spec's dependencies that is not there.
func (s *Supervisor) known(spec *task.Spec) error {
	for _, name := range deps.Of(spec) {
		if s.lookup(name) == nil {
			return task.Errorf(task.ErrNotFound, spec.Name, "cannot start %s after %s: %v", spec.Name, name, s.noSuch(name))
		}
	}
	return nil
}

// comeAfter has the task come after what spec names, unless that would be a cycle.
func (a *actor) comeAfter(spec *task.Spec) error {
	if cycle := a.sup.order.Set(a.name, deps.Of(spec)); cycle != nil {
		return task.Errorf(task.ErrUsage, a.name, "%s would wait for itself: %s", a.name, strings.Join(cycle, " after "))
	}
	return nil
}

// unmet looks at what a waits for as far as names has it; why is not "" where
// something of it cannot happen any more.
func (a *actor) unmet(names []string) (why string) {
	for _, name := range names {
		if !a.waits[name] {
			continue
		}
		met, reason := settled(name, a.sup.lookup(name), !slices.Contains(a.spec.After, name))
		if reason != "" {
			return reason
		}
		if met {
			delete(a.waits, name)
		}
	}
	return ""
}

// waitsFor names what a still waits for, in a sentence for people.
func (a *actor) waitsFor() string {
	const most = 5
	names := slices.SortedFunc(maps.Keys(a.waits), task.CompareNames)
	if n := len(names) - most; n > 0 {
		names = append(names[:most], fmt.Sprintf("%d more", n))
	}
	return "waits for " + strings.Join(names, ", ")
}
