package lifecycle

import (
	"errors"
	"fmt"

	"tasks/pkg/task"
)

// holds is what each state and each change of one must be.
func (w *world) holds(p *Policy, was, is *State, e Event) error {
	entered := is.Armed != was.Armed
	deadline := is.Deadline(*p, 0)
	finite := is.Phase == Stopping || is.Phase == Killing || is.Phase == Backoff || is.Phase == Probing || is.Phase == Running && p.Timeout > 0 || is.Phase == Queued && !p.Grouped
	stop, stops := e.(Stop)
	_, removes := e.(Remove)
	goOn, goesOn := e.(GoOn)
	_, recovered := e.(Recovered)
	_, erased := e.(Erased)
	_, saved := e.(Saved)
	_, dropped := e.(Dropped)
	_, starts := e.(Start)
	_, disables := e.(Disable)
	_, enables := e.(Enable)
	up := byHand(e) || goesOn || enables && was.Phase == Over && is.Phase != Over
	disabled := is.Disabled && is.Phase == Over
	switch {
	case is.Phase.Live() != (w.asked || w.live):
		return fmt.Errorf("%v, but asked %v, live %v", is.Phase, w.asked, w.live)
	case (is.Phase == Starting) != w.asked:
		return fmt.Errorf("%v, but asked is %v", is.Phase, w.asked)
	case was.Phase == Over && is.Phase != Over && !up && !erased:
		return fmt.Errorf("%T leads from over to %v", e, is.Phase)
	case p.Max >= 0 && is.Series.Restarts > p.Max && !goOn.Count && !recovered && was.Series.Restarts <= p.Max:
		return fmt.Errorf("%d restarts", is.Series.Restarts)
	case is.Series.Restarts > was.Series.Restarts+1 && !recovered, is.Series.Restarts == was.Series.Restarts+1 && was.Phase != Backoff && !goOn.Count && !recovered:
		return fmt.Errorf("%d restarts after %d", is.Series.Restarts, was.Series.Restarts)
	case byHand(e) && (is.Phase.Pending() || is.Phase == Starting) && (is.Series.Restarts > 0 || is.Series.ShortRuns > 0):
		return fmt.Errorf("%d restarts, streak %d after a start by hand", is.Series.Restarts, is.Series.ShortRuns)
	case (stops && !stop.Shutdown || removes && was.Phase != Over) && is.Desired != task.DesiredStopped:
		return fmt.Errorf("the desired state is %q after a stop", is.Desired)
	case up && is.Desired != task.DesiredRunning && !was.HasCaller(ForRemoval) && !was.Phase.Up():
		return fmt.Errorf("the desired state is %q after a start", is.Desired)
	case is.Disabled && (!p.Repeats || is.Phase == Backoff || is.Phase == Sleeping && !is.Held):
		return fmt.Errorf("disabled in %v", is.Phase)
	case disabled && is.Public() != task.Stopped:
		return fmt.Errorf("disabled, and shown as %q", is.Public())
	case is.Disabled != was.Disabled && !starts && p.Repeats && !recovered && !erased && (is.Disabled && !disables || !is.Disabled && !enables):
		return fmt.Errorf("%T turns disabled to %v", e, is.Disabled)
	case disables && !is.Disabled, enables && is.Disabled:
		return fmt.Errorf("%T has no effect", e)
	case !up && !stops && !removes && !disabled && !recovered && !erased && !saved && !dropped && is.Desired != was.Desired && !is.Phase.Live():
		return fmt.Errorf("the desired state changed from %q to %q", was.Desired, is.Desired)
	case (is.Phase.Pending() || is.Phase == Backoff || is.Phase.Up()) && is.Desired == task.DesiredStopped:
		return fmt.Errorf("%v against the desired state", is.Phase)
	case is.Phase != was.Phase && !entered:
		return fmt.Errorf("%v was entered from %v with the timer as it was", is.Phase, was.Phase)
	case !entered && is.Phase == was.Phase && deadline != was.Deadline(*p, 0):
		return fmt.Errorf("the deadline of %v changed with the timer as it was", is.Phase)
	case finite != (deadline > 0):
		return fmt.Errorf("%v has the deadline %v", is.Phase, deadline)
	case is.Phase == Probing && (deadline > p.Ready || p.Timeout > 0 && deadline > p.Timeout):
		return fmt.Errorf("it may probe for %v", deadline)
	case is.Phase.Up() && (is.Run.Exited || is.Cause != ByItself):
		return fmt.Errorf("%v, but exited or asked to end", is.Phase)
	case is.Phase == Backoff && (is.BackoffDelay < p.Backoff.Min || is.BackoffDelay > p.Backoff.Max):
		return fmt.Errorf("a pause of %v", is.BackoffDelay)
	case is.Phase != Idle && (is.Phase == Over) != is.Public().Ended():
		return fmt.Errorf("%v, and shown as %q", is.Phase, is.Public())
	case is.Series.Ran != w.begun:
		return fmt.Errorf("begun is %v", is.Series.Ran)
	case p.Grouped && w.slot != is.Phase.Live():
		return fmt.Errorf("%v, and slot is %v", is.Phase, w.slot)
	case is.Held && was.Held && is.Phase != was.Phase && !was.Phase.Live() && is.Phase != Over && !up:
		return fmt.Errorf("held, %T leads from %v to %v", e, was.Phase, is.Phase)
	}
	return nil
}

// passes is by what events the phases on the way to a run, and of a run that is up,
// are entered and left.
func (w *world) passes(p *Policy, was, is *State, e Event) error {
	from, to := was.Phase, is.Phase
	moved := from != to
	var clear, block, grant, tried, began, ready, pause, resume, stops, saved, replaces, outOfResources, recovered, ticked, exits, restart bool
	left, removes := false, false
	switch e := e.(type) {
	case DependenciesMet:
		clear = true
	case DependencyFailed:
		block = true
	case SlotGranted:
		grant = true
	case TimedOut:
		tried = !p.Grouped
	case Began:
		began = true
	case Ready:
		ready = true
	case Pause:
		pause = true
	case Resume:
		resume = true
	case Stop, Leave, Disable:
		stops = true
	case Remove:
		stops, removes = true, true
	case Saved:
		saved = true
	case Replace:
		replaces = true
	case OutOfResources:
		outOfResources = true
	case Recovered:
		recovered = true
	case Tick:
		ticked = true
	case Exited:
		exits, left = true, e.Left
	case Restart:
		restart = true
	}
	_, goesOn := e.(GoOn)
	_, edits := e.(Edit)
	stop, _ := e.(Stop)
	refused := saved && (is.Run.Refused || was.Work.Intent.Cause == ByReplacement)
	switch {
	case recovered:
		return nil // see recovers
	case to == Sleeping && !p.Repeats && !w.timed && !is.Held, to == Waiting && !p.After, to == Queued && !p.Grouped && moved && !outOfResources, to == Probing && p.Ready == 0:
		return fmt.Errorf("%v is not of this policy", to)
	case to.Pending() && is.Cause != ByItself:
		return fmt.Errorf("%v with the cause %d", to, is.Cause)
	case stop.Shutdown && from.Pending() && moved:
		return fmt.Errorf("%v becomes %v while the supervisor ends", from, to)
	case w.stopped && from.Live() && to != Over && (!to.Live() || to < from) && !(outOfResources && to.Pending() && is.Held):
		return fmt.Errorf("%v becomes %v after a stop", from, to)
	case from == Waiting && moved && !clear && !block && !stops && !replaces && !refused && !goesOn && !edits,
		from == Queued && moved && !grant && !tried && !(restart && !p.Grouped) && !stops && !replaces && !refused && !goesOn && !edits,
		from == Waiting && !moved && !was.Held && (clear || block),
		from == Queued && !moved && !was.Held && (grant || tried):
		return fmt.Errorf("%T leads from %v to %v", e, from, to)
	case to == Probing && moved && !began,
		to == Running && moved && !ready && !resume && (!began || p.Ready > 0),
		to == Paused && moved && (!pause || from != Running):
		return fmt.Errorf("%T leads from %v to %v", e, from, to)
	case pause && to != Paused, resume && to != Running:
		return fmt.Errorf("%v becomes %v by hand", from, to)
	case from.Up() && !w.live && !(exits && (!left || p.Leave)):
		return fmt.Errorf("%T ends what is %v", e, from)
	case from == Paused && moved && !resume && !stops && !saved && !exits && is.Cause != ByTime:
		return fmt.Errorf("%T leads from paused to %v", e, to)
	case from.Up() && moved && (restart || replaces):
		return errors.New("ended before that is recorded")
	case (to.Live() && is.Cause == ByTime || is.RerunPending) && !p.Repeats,
		to.Live() && is.Cause == ByTime && p.Overlap != task.OverlapReplace,
		is.RerunPending && p.Overlap != task.OverlapReplace && p.Overlap != task.OverlapQueue:
		return fmt.Errorf("cause %d, again %v in spite of the policy", is.Cause, is.RerunPending)
	case is.RerunPending && !was.RerunPending && (!ticked || !from.Live() || w.stopped),
		is.RerunPending && !was.RerunPending && (was.Cause == ByRestart || was.Cause == ByTime),
		is.RerunPending && !to.Live() && !w.stopped && to != Over, is.RerunPending && to == Starting && (p.Overlap != task.OverlapQueue || moved):
		return fmt.Errorf("again while %v", to)
	case to.Live() && is.Cause == ByUnready && p.Ready == 0, is.Cause == ByLeftBehind && (p.Leave && was.Cause != ByLeftBehind || !is.Run.Exited):
		return fmt.Errorf("ended by cause %d", is.Cause)
	case removes && from == Over && to != Over:
		return errors.New("removed before it is erased")
	}
	return nil
}

// rests checks the phases in which a task may stay.
func (w *world) rests(old, p *Policy, was, is *State, e Event) error {
	_, outOfResources := e.(OutOfResources)
	_, block := e.(DependencyFailed)
	_, recovered := e.(Recovered)
	_, replaces := e.(Replace)
	_, edits := e.(Edit)
	tick, _ := e.(Tick)
	goOn, _ := e.(GoOn)
	if recovered {
		return nil
	}
	active := old.Repeats && was.Series.ScheduleActive
	goes := p.Repeats && active // continues, though its caller got an error
	unbegun := failed(e) && !was.Series.Automatic && !goes && is.Phase != Queued || block
	ended := was.Phase.Live() && !is.Phase.Live()
	renewed := replaces || was.Cause == ByReplacement || was.Work.Intent.Cause == ByReplacement
	sets := is.Armed != was.Armed && (is.Phase == Waiting || is.Phase == Queued || is.Phase == Starting)
	switch {
	case is.Phase != Over || was.Phase == Over || w.stopped || is.Desired == task.DesiredStopped || renewed:
	case p.Repeats && (!failed(e) || was.Series.Automatic || active):
		return fmt.Errorf("%T ends what repeats", e)
	case p.Restart == task.RestartAlways && p.Max < 0 && !unbegun:
		return fmt.Errorf("%T ends what restarts always", e)
	}
	switch {
	case is.Series.Missed > 0 && is.Series.Missed != was.Series.Missed && is.Series.Missed != tick.Missed && is.Series.Missed != goOn.Missed:
		return fmt.Errorf("%d times late after %d", is.Series.Missed, was.Series.Missed)
	case was.Phase == Backoff && is.Phase != was.Phase && is.Phase != Over && is.Series.Missed != tick.Missed:
		return errors.New("a retry is late")
	case failed(e) && was.Phase == Starting && !was.Series.Automatic && was.Cause == ByItself && is.Phase != Over && !goes && !(outOfResources && waitsOn(old, was)):
		return fmt.Errorf("%v, though its caller got an error", is.Phase)
	case outOfResources && waitsOn(old, was) && was.Cause != ByStop && !renewed && !((is.Phase == Queued || is.Phase == Waiting) && is.Series.Restarts == was.Series.Restarts):
		return fmt.Errorf("%v, %d restarts: it does not wait for resources", is.Phase, is.Series.Restarts)
	case ended && !unbegun && !renewed && was.RerunPending && (p.Overlap == task.OverlapQueue || p.Overlap == task.OverlapReplace) && !w.stopped && was.Desired != task.DesiredStopped && !(is.Phase == Waiting || is.Phase == Queued):
		return fmt.Errorf("%v, and a time that had come is forgotten", is.Phase)
	case sets && is.Series.Automatic != unasked(old, was, e):
		return fmt.Errorf("unasked is %v", is.Series.Automatic)
	case sets && is.Series.Restarts > 0 && was.Phase != Backoff && !was.Phase.Pending() && !goOn.Count && !(outOfResources && waitsOn(old, was)), is.Phase == Waiting && is.Series.Restarts > 0 && !goOn.Count && !goOn.Continues && was.Phase != Waiting && !edits && !outOfResources:
		return fmt.Errorf("%d restarts of a new turn", is.Series.Restarts)
	}
	return nil
}

// waitsOn reports whether s waits on where the machine has no resources for its run.
func waitsOn(p *Policy, s *State) bool {
	return s.Phase == Starting && (p.Grouped || s.Series.Automatic || s.Series.Retry)
}

// unasked reports whether no caller asked for the run that s leads to after e.
func unasked(p *Policy, s *State, e Event) bool {
	switch e.(type) {
	case Start, Restart, Retry:
		return false
	case GoOn, Tick, TimedOut:
		return true
	case OutOfResources:
		if waitsOn(p, s) {
			return s.Series.Automatic
		}
	case Edit:
		return s.Phase == Sleeping || s.Series.Automatic
	}
	if s.Phase.Live() { // and is settled
		return s.Cause != ByRestart
	}
	return s.Series.Automatic
}

// favour is what s hopes for: the event that leads it on.
func favour(s *State) Event {
	switch s.Phase {
	case Sleeping, Backoff:
		return Tick{}
	case Waiting:
		return DependenciesMet{}
	case Queued:
		return SlotGranted{}
	case Starting:
		return Began{}
	case Probing:
		return Ready{}
	case Paused:
		return Resume{}
	}
	if s.Run.Exited {
		return Gone{}
	}
	return Exited{}
}

// aims is what events lead to, from which states, where all goes well.
var aims = []struct {
	by       Event
	from, is func(*State) bool
}{
	{event("stop"), started, func(s *State) bool { return s.Phase == Over && s.Desired == task.DesiredStopped || s.Phase == Idle }},
	{event("shutdown"), started, func(s *State) bool { return s.Inactive() || s.Phase.Pending() && s.Held }},
	{event("restart"), stays, runs},
	{event("replace"), func(s *State) bool { return !s.Inactive() && s.Phase != Stuck && stays(s) }, runs},
	{event("force"), func(s *State) bool { return started(s) && s.Phase != Stuck }, func(s *State) bool { return s.Phase == Idle }},
}

func started(s *State) bool { return s.Phase != Idle }

// stays reports whether no removal stands.
func stays(s *State) bool { return !s.HasCaller(ForRemoval) }

// runs reports whether s runs as it should, or the next supervisor replaces it or has it
// line up again.
func runs(s *State) bool {
	return s.Desired == task.DesiredRunning && (s.Phase == Running || s.Held && s.Phase.Pending()) || s.Held && s.HasCaller(ForReplacement)
}

// aimOf is the index of what e leads to from s; -1: nothing.
func aimOf(s *State, e Event) int {
	for i, aim := range aims {
		if aim.by == e && aim.from(s) {
			return i
		}
	}
	return -1
}

// leadsOn is an error unless the i-th aim is reached from a scene by what it hopes for.
// What has led there from another scene does so again.
func (k *walk) leadsOn(i int, from *scene, left int) error {
	if from.next == nothing && aims[i].is(&from.s) {
		return nil
	}
	at, leads := k.place(from.by, from.next), reached<<(i+1)
	onward := scene{at.by, at.next, at.unknown(leads, from.worlds)}
	switch {
	case len(onward.worlds) == 0:
		return nil
	case left == 0:
		return fmt.Errorf("no end but %v", at.s.Phase)
	}
	e := favour(&at.s)
	if at.next != nothing {
		e = outcomes[at.next][0]
	}
	var to scene
	if _, _, err := onward.step(e, &to); err != nil {
		return err
	}
	if err := k.leadsOn(i, &to, left-1); err != nil {
		return err
	}
	at.know(leads, onward.worlds)
	return nil
}
