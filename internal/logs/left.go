package logs

import (
	"slices"

	"tasks/pkg/task"
)

// stays reports whether the log of an old run is kept, as a process still writes to it;
// another is forgotten.
func (k *Keeper) stays(name string, run int) bool {
	if k.dir.Written(name, run) {
		return true
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if l := k.logs[key{name, run}]; l != nil {
		k.drop(l)
	}
	return false
}

// WatchLeft watches the logs of a task's ended runs, up to the last one, that processes which
// these have left behind still write to.
func (k *Keeper) WatchLeft(spec *task.Spec, last int) {
	runs, err := k.dir.Runs(spec.Name)
	if err != nil {
		k.log.Warn("cannot look which logs are written to", "task", spec.Name, "err", err)
	}
	for _, run := range runs {
		if run <= last && k.dir.Written(spec.Name, run) {
			k.Watch(spec, run)
			k.Done(spec.Name, run)
		}
	}
}

// Written reports whether a process writes to a log of the task.
func (k *Keeper) Written(name string) bool {
	runs, _ := k.dir.Runs(name)
	return slices.ContainsFunc(runs, func(run int) bool { return k.dir.Written(name, run) })
}
