package supervisor

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"tasks/pkg/task"
)

// order knows which tasks come after which, and tells those that wait when one
// of the others has changed.
type order struct {
	mu     sync.Mutex
	after  map[string][]string        // what each task comes after
	behind map[string]map[*actor]bool // who waits at this moment, by whom for
	news   map[*actor]map[string]bool // what has changed since the actor looked
	closed bool                       // what is so at this moment means nothing
}

func newOrder() *order {
	return &order{after: make(map[string][]string), behind: make(map[string]map[*actor]bool), news: make(map[*actor]map[string]bool)}
}

// dependencies is all that a run of s comes after.
func dependencies(s *task.Spec) []string { return slices.Concat(s.After, s.AfterEnded) }

// set makes deps what name comes after, unless that would be a circle: then the
// error, an ErrUsage, shows it.
func (o *order) set(name string, deps []string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if circle := o.pathLocked(deps, name); circle != nil {
		return task.Errorf(task.ErrUsage, name, "%s would wait for itself: %s", name, strings.Join(append([]string{name}, circle...), " after "))
	}
	if len(deps) > 0 {
		o.after[name] = deps
	} else {
		delete(o.after, name)
	}
	return nil
}

// pathLocked is a way from one of from to the task called to, by what each comes
// after, or nil.
func (o *order) pathLocked(from []string, to string) []string {
	if len(from) == 0 {
		return nil
	}
	cameBy, open := make(map[string]string), slices.Clone(from)
	for _, name := range from {
		cameBy[name] = ""
	}
	for len(open) > 0 {
		name := open[0]
		open = open[1:]
		if name == to {
			var path []string
			for ; name != ""; name = cameBy[name] {
				path = append([]string{name}, path...)
			}
			return path
		}
		for _, next := range o.after[name] {
			if _, seen := cameBy[next]; !seen {
				cameBy[next] = name
				open = append(open, next)
			}
		}
	}
	return nil
}

// await has a told of every change of deps from now on.
func (o *order) await(a *actor, deps []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.news[a] = make(map[string]bool)
	for _, name := range deps {
		if o.behind[name] == nil {
			o.behind[name] = make(map[*actor]bool)
		}
		o.behind[name][a] = true
	}
}

// leave ends what await began.
func (o *order) leave(a *actor, deps []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.news, a)
	for _, name := range deps {
		if delete(o.behind[name], a); len(o.behind[name]) == 0 {
			delete(o.behind, name)
		}
	}
}

// awaited tells whether anybody waits, at this moment, for the task called name, or
// has done so and waits for another.
func (o *order) awaited(name string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.behind[name]) > 0
}

// changed tells those that wait for the task called name that it has.
func (o *order) changed(name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for a := range o.behind[name] {
		o.news[a][name] = true
		a.poke()
	}
}

// close has those that wait go on waiting, whatever becomes of the others, until
// open is called.
func (o *order) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
}

func (o *order) open() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = false
	for name, waiters := range o.behind {
		for a := range waiters {
			o.news[a][name] = true
			a.poke()
		}
	}
}

func (o *order) isClosed() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.closed
}

// take is what has changed since a last took it.
func (o *order) take(a *actor) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	names := slices.Collect(maps.Keys(o.news[a]))
	clear(o.news[a])
	return names
}

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
	for _, name := range dependencies(spec) {
		if s.lookup(name) == nil {
			return task.Errorf(task.ErrNotFound, spec.Name, "cannot start %s after %s: %v", spec.Name, name, s.noSuch(name))
		}
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
