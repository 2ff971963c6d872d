package supervisor

import (
	"fmt"

	"tasks/internal/fault"
	"tasks/internal/lifecycle"
	"tasks/pkg/task"
)

// intend records a restart before the run is asked to end: one that a death of the
// supervisor cuts in two must not leave the task ended, and one that cannot be
// recorded must not end what runs.
func (a *actor) intend() error {
	was := a.machine
	if !was.Phase.Up() {
		return nil
	}
	a.machine, _, _ = was.Next(a.policy, lifecycle.Input{Kind: lifecycle.DoRestart})
	err := a.save()
	a.machine = was
	if err != nil {
		return a.goesOnFor(err)
	}
	fault.At("intended")
	return nil
}

// goesOnFor says that the run is not ended for another, and why.
func (a *actor) goesOnFor(err error) error {
	return fmt.Errorf("cannot start %s again, so it goes on: %w", a.name, err)
}

// room keeps what the next run needs, before this one is ended for it. The error is
// why that could not begin, as on a full disk.
func (a *actor) room() error {
	keeper, ok := a.sup.opts.Logs.(LogKeeper)
	if !ok || !a.machine.Phase.Up() {
		return nil
	}
	if err := keeper.Room(a.name, a.run); err != nil {
		return a.goesOnFor(err)
	}
	return nil
}

// recordable is why neither an end of a run that goes on nor another run could be
// recorded.
func (a *actor) recordable() error {
	if !a.machine.Phase.Up() {
		return nil
	}
	if err := a.save(); err != nil {
		return a.goesOnFor(err)
	}
	return nil
}

// comes is for a time that has come, or late ones that have passed unseen. A run that
// it would replace goes on where another could not begin.
func (a *actor) comes(late int) {
	if a.policy.Repeats && a.policy.Overlap == task.OverlapReplace {
		if err := a.room(); err != nil {
			a.sup.opts.Logger.Warn("a run is not replaced: its next time tries again", "task", a.name, "err", err)
			return
		}
	}
	a.input(lifecycle.Input{Kind: lifecycle.DidTick, Late: late})
}
