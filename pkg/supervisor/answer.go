package supervisor

import (
	"cmp"
	"fmt"
	"strings"

	"tasks/internal/lifecycle"
	"tasks/pkg/task"
)

// answer replies to the callers that wait for the outcome.
func (a *actor) answer(kind lifecycle.CallerKind, outcome lifecycle.Outcome) {
	info, err := a.past.gone, a.outcome(outcome)
	if now := a.shown.Load(); now != nil {
		info = &now.info
	}
	calls := a.calls.of(kind)
	noRun := outcome == lifecycle.CannotBegin || outcome == lifecycle.TriedAgain
	for _, c := range *calls {
		if c.request.kind == toLeave && noRun { // so there is nothing to leave
			c.answer(info, nil)
			continue
		}
		if outcome == lifecycle.Unsaved && c.request.kind == toEdit {
			c.answer(info, fmt.Errorf("%s is edited, but that cannot be recorded yet: %w", a.name, a.past.failure))
			continue
		}
		c.answer(info, err)
	}
	*calls = nil
	if kind == lifecycle.ForReplacement { // none of them comes to be
		a.keepOrder()
	}
}

// outcome is the error of one, or nil.
func (a *actor) outcome(outcome lifecycle.Outcome) error {
	switch outcome {
	case lifecycle.Done:
		return nil
	case lifecycle.Unsaved:
		return fmt.Errorf("cannot record that %s is %s: %w", a.name, a.state.Public(), a.past.failure)
	case lifecycle.CannotBegin:
		return task.Errorf(nil, a.name, "cannot start %s: %s", a.name, a.why())
	case lifecycle.TriedAgain:
		return task.Errorf(nil, a.name, "cannot start %s yet, it is tried again: %s", a.name, cmp.Or(a.ahead.missing, a.why()))
	case lifecycle.IsBlocked:
		return task.Errorf(nil, a.name, "cannot start %s: %s", a.name, strings.TrimPrefix(a.past.reason, notStarted))
	case lifecycle.IsStuck:
		return task.Errorf(task.ErrTimeout, a.name, "Task %s did not end: %s", a.name, a.whatIsLeft())
	case lifecycle.WasStopped:
		if a.sup.isClosing() {
			return shuttingDown(a.name)
		}
		return task.Errorf(task.ErrConflict, a.name, "Task %s was stopped before it began again.", a.name)
	case lifecycle.IsRefused:
		return fmt.Errorf("cannot start %s: %w", a.name, a.past.refused)
	case lifecycle.GoesOn:
		return a.goesOnFor(a.past.failure)
	case lifecycle.NotErased:
		return a.past.unerased
	default:
		return task.Errorf(nil, a.name, "unknown outcome %d", outcome)
	}
}

// goesOnFor says that the run is not ended for another, and why.
func (a *actor) goesOnFor(err error) error {
	return fmt.Errorf("cannot start %s again, so it keeps running: %w", a.name, err)
}
