package lifecycle

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"tasks/pkg/task"
)

// world is what must be true beside a state, kept from its events and effects alone.
type world struct {
	asked   bool // a run was launched, and has neither begun nor failed
	live    bool // a run has begun and is not settled
	stopped bool // a stop or shutdown came after the last start by hand, restart or recovery
	begun   bool // there was a run since the last start by hand, or since its time came
	before  bool // likewise, before the one that was asked for
	slot    bool // one of its group was granted, and not given back

	waits [callerKinds]bool // somebody does
	permits
}

// permits is what a world permits: each may save a step from an error, and none leads to one.
type permits struct {
	clear   bool // what it waits for has happened, or a run was and is followed by another
	timed   bool // it must sleep until its time
	byHand  bool // somebody has asked for a run, which has not begun
	current bool // the record says what the state is
}

// covers reports whether all errors that other may lead to follow from w as well: they
// differ at most in that w permits less.
func (w world) covers(other world) bool {
	less, more := w.permits, other.permits
	w.permits = more
	return w == other && (!less.clear || more.clear) && (!less.timed || more.timed) && (!less.byHand || more.byHand) && (!less.current || more.current)
}

// scene is a state by a policy, what follows at once on it, and the worlds that it is in.
type scene struct {
	by
	next   next
	worlds []world
}

// step is Step, with all checks in each world, and fills to, which is at where it leads
// nowhere else: then moved is false.
func (at *scene) step(e Event, to *scene) (moved bool, effects []Effect, err error) {
	p := edited(at.p, e)
	to.worlds = to.worlds[:0]
	to.s, effects, err = at.s.Step(*p, e)
	to.p = policyAfter(p, effects)
	same := to.s == at.s
	switch refused := errors.Is(err, task.ErrConflict); {
	case refused && !same:
		return false, nil, errors.New("a conflict changes something")
	case refused && at.next == nothing:
		to.p, to.next, to.worlds = at.p, at.next, append(to.worlds, at.worlds...)
		return false, nil, mayConflict(&at.s, e)
	case err != nil:
		return false, nil, err
	}
	to.next = follows(&to.s, effects)
	_, edits := e.(Edit)
	recorded := same || !edits && to.s.Recorded() == at.s.Recorded() // the record has the spec as well
	for _, w := range at.worlds {
		err := w.see(p, to.p, &at.s, &to.s, recorded, e, effects)
		if err == nil && to.next == nothing {
			err = w.atRest(&to.s)
		}
		if err != nil {
			return false, nil, fmt.Errorf("%T%+v takes\n%+v to\n%+v with %v in\n%+v: %w", e, e, at.s, to.s, effects, w, err)
		}
		to.worlds = append(to.worlds, w)
	}
	return !same || to.p != at.p || to.next != at.next, effects, nil
}

// lead is lead, with all checks.
func (at *scene) lead(e Event, l luck) (to *scene, all []Effect, err error) {
	for e != nil {
		to = new(scene)
		_, effects, err := at.step(e, to)
		if err != nil {
			return at, all, err
		}
		at, e, all = to, l.event(to.next), append(all, effects...)
	}
	return at, all, nil
}

// mayConflict is an error if e may not be refused.
func mayConflict(s *State, e Event) error {
	switch e.(type) {
	case Start, Retry, Pause, Resume, Disable, Enable, Edit, Remove, GoOn, Replace, Recovered:
		return nil
	case Stop, Leave:
		if s.Phase == Idle {
			return nil
		}
	}
	return fmt.Errorf("%T is refused", e)
}

// atRest checks that each caller waits for something that may still come.
func (w *world) atRest(s *State) error {
	for kind, waits := range w.waits {
		kind := CallerKind(kind)
		switch {
		case waits != s.HasCaller(kind):
			return fmt.Errorf("callers of %d: %v, but %v", kind, waits, s.Work.Callers)
		case !waits:
		case s.Work.Callers[kind] != Pending:
			return fmt.Errorf("callers of %d are due at rest: %v", kind, s.Work.Callers)
		case kind == ForStart && s.Phase.Live() && !s.Phase.Up():
		case kind != ForRecord && s.Phase.Live() && !s.Phase.Up(), kind == ForReplacement && s.Held && s.Phase == Over:
		default:
			return fmt.Errorf("callers of %d wait for ever in %v", kind, s.Phase)
		}
	}
	if o := s.Work; o.Changed || o.Began || o.Record != NotNow || o.Intent != (Intent{}) {
		return fmt.Errorf("owed at rest: %+v", o)
	}
	return nil
}

// see checks one step against all that always holds; p is the policy of was, and q of is,
// and recorded says that both have the same record.
func (w *world) see(p, q *Policy, was, is *State, recorded bool, e Event, effects []Effect) error {
	has := func(a Action) bool { return slices.ContainsFunc(effects, func(e Effect) bool { return e.Do == a }) }
	if err := w.hear(p, was, is, e); err != nil {
		return err
	}
	acted := false
	of := p
	for i, effect := range effects {
		if effect.Do == Adopt {
			of = q
			w.adopt(p, is)
		}
		if err := w.do(of, was, is, e, effect); err != nil {
			return err
		}
		switch a, last := effect.Do, i == len(effects)-1; {
		case a == Settle && acted, !last && (a == Launch || a == Save || a == Renew || a == Erase):
			return errors.New("in this order")
		}
		acted = acted || acts(effect)
	}
	switch entered := is.Phase != was.Phase; {
	case entered && is.Phase == Stopping && !has(Ask):
		return errors.New("stopping without a signal")
	case entered && is.Phase == Killing && !has(Kill):
		return errors.New("killing without a signal")
	}
	if _, recovered := e.(Recovered); recovered {
		w.current = !is.Work.Stale
	} else {
		w.current = w.current && recorded
	}
	w.clear = w.clear && q.After && (is.Phase.Live() || is.Phase == Queued || is.Phase == Backoff)
	w.timed = w.timed && is.Phase == Sleeping
	w.slot = w.slot && q.Grouped
	if _, erased := e.(Erased); erased && is.NeverStarted() {
		return nil
	}
	w.before = w.before && w.asked
	return cmp.Or(w.holds(q, was, is, e), w.passes(q, was, is, e), w.rests(p, q, was, is, e))
}

// adopt takes note that the edited policy of p is the present one.
func (w *world) adopt(p *Policy, is *State) {
	w.slot = w.slot && !p.Edited.Group && is.Phase.Live()
	switch {
	case is.Phase == Backoff: // a retry waits for nobody
		w.clear = true
	case p.Edited.Order:
		w.clear = !p.Edited.After
	}
}

// startsAgain reports whether a start or restart in phase p starts a new run.
func startsAgain(p Phase) bool { return p == Idle || p == Sleeping || p == Backoff || p == Over }

// byHand reports whether somebody asked for a run.
func byHand(e Event) bool {
	switch e.(type) {
	case Start, Retry, Restart:
		return true
	}
	return false
}

// called is who waits for what e does.
func called(s *State, e Event) (CallerKind, bool) {
	switch e := e.(type) {
	case Start, Retry, GoOn, Restart:
		return ForStart, true
	case Stop:
		return ForEnd, true
	case Replace:
		return ForReplacement, true
	case Remove:
		return ForRemoval, true
	case Pause, Resume, Disable, Enable, Edit:
		return ForRecord, true
	case Leave:
		return s.LeaveWaitsFor(e), true
	}
	return 0, false
}

// hear takes note of an event that was taken.
func (w *world) hear(p *Policy, was, is *State, e Event) error {
	if kind, ok := called(was, e); ok {
		w.waits[kind] = true
	}
	switch e := e.(type) {
	case Start:
		w.byHand = true
		w.starts(false, e.Later, false)
	case Retry:
		w.byHand = true
		w.starts(false, e.Later, false)
	case GoOn:
		if was.HasCaller(ForReplacement) { // a start follows
			return nil
		}
		later := e.Later && !was.Disabled
		w.starts(e.Clear, later, w.begun && e.Continues)
	case Restart:
		w.byHand = !was.HasCaller(ForRemoval) && (was.Phase != Starting || was.Cause != ByItself)
		switch {
		case startsAgain(was.Phase):
			w.starts(false, false, false)
		case was.Phase == Waiting || was.Phase == Queued:
			w.stopped, w.begun = false, false
		case !was.HasCaller(ForRemoval):
			w.stopped = false
		}
	case Stop:
		w.stopped, w.byHand = true, w.byHand && e.Shutdown
	case Remove:
		w.stopped, w.byHand = true, false
	case Disable:
		w.stopped = w.stopped || !was.Phase.Live()
	case Enable:
		if was.Phase == Over && is.Phase != Over {
			w.starts(false, true, false)
		}
	case Edit:
		switch {
		case p.Edited == nil || !p.Edited.Times || !was.Phase.Pending():
		case e.Later:
			w.timed = true
		case was.Phase == Sleeping:
			w.clear, w.begun = false, false
		}
	case Leave:
		w.stopped = w.stopped || waitsFor(was, e) == ForEnd
	case Tick:
		return w.ticked(p, was, is)
	case DependenciesMet:
		w.clear = w.clear || was.Phase == Waiting && !was.Held
	case DependencyFailed:
		w.begun = w.begun && (was.Phase != Waiting || was.Held)
	case SlotGranted:
		w.slot = w.slot || was.Phase == Queued && !was.Held
	case OutOfResources:
		if waitsOn(p, was) {
			w.byHand = w.byHand || was.Disabled // it was under way
			w.asked, w.slot, w.begun = false, false, w.before
		}
	case Began:
		w.live, w.asked = w.live || w.asked, false
	case Saved:
		if !e.Failed {
			w.current = true
		}
		w.stopped = w.stopped || is.Run.Refused && !was.Run.Refused
	case Recovered:
		taken := e.Found == TakenBack
		w.live, w.asked, w.begun, w.stopped = taken, false, is.Series.Ran, is.Desired == task.DesiredStopped
		w.slot, w.clear, w.byHand = taken && p.Grouped, taken && p.After, is.Held || is.Cause == ByRestart
		w.waits[ForReplacement] = is.HasCaller(ForReplacement) // what was recorded of it
	case Postponed:
		w.waits[ForReplacement] = true
	case Erased:
		if !e.Failed {
			*w = world{waits: w.waits}
		}
	}
	return nil
}

func waitsFor(s *State, e Event) CallerKind {
	kind, _ := called(s, e)
	return kind
}

func (w *world) starts(clear, timed, begun bool) {
	w.stopped, w.clear, w.timed, w.begun = false, clear, timed, begun
}

func (w *world) ticked(p *Policy, was, is *State) error {
	begins := is.Phase != was.Phase && !was.Phase.Live()
	switch {
	case begins && was.Phase != Sleeping && (was.Phase != Backoff || !p.Repeats), begins && (w.stopped || was.Held):
		return errors.New("a time leads on")
	case begins && !p.Repeats && !w.timed:
		return errors.New("what does not repeat begins twice")
	case begins:
		w.clear, w.begun = false, false
	case was.Phase == Sleeping && !was.Held:
		return errors.New("it slept over its time")
	}
	return nil
}

// do takes note of an effect.
func (w *world) do(p *Policy, was, is *State, e Event, effect Effect) error {
	switch effect.Do {
	case Launch:
		_, goesOn := e.(GoOn)
		switch {
		case w.asked || w.live:
			return errors.New("a second run is launched")
		case !byHand(e) && !goesOn && w.stopped:
			return errors.New("a run is launched after a stop")
		case is.Desired == task.DesiredStopped:
			return errors.New("a run is launched against the desired state")
		case p.Grouped && !w.slot:
			return errors.New("a run is launched without a slot")
		case p.After && !w.clear:
			return errors.New("a run is launched before others")
		case is.Disabled && !w.byHand:
			return errors.New("a disabled schedule launches a run")
		case was.Phase.Live() && is.Series.Missed > 0:
			return errors.New("a run that follows another is late")
		}
		w.asked, w.before, w.begun, w.byHand = true, w.begun, true, false
	case Ask, Kill:
		if !w.live {
			return errors.New("a signal without a run")
		}
	case Settle:
		return w.settles(was, is, e)
	case Blame:
		if _, ok := e.(DependencyFailed); !ok || is.Last.State != task.Failed {
			return errors.New("blamed for nothing")
		}
	case Forget:
		if _, ok := e.(OutOfResources); !ok || !waitsOn(p, was) {
			return errors.New("a run is forgotten")
		}
	case Renew:
		if is.Phase != Over || !w.waits[ForReplacement] {
			return errors.New("renewed for nobody")
		}
		w.waits[ForReplacement] = false
	case Erase:
		if is.Phase != Over || !w.waits[ForRemoval] || w.waits[ForStart] || w.waits[ForEnd] || w.waits[ForReplacement] {
			return errors.New("erased for nobody, or while others wait")
		}
	case Answer:
		return w.answers(p, was, is, e, effect)
	}
	return nil
}

func (w *world) settles(was, is *State, e Event) error {
	if _, recovered := e.(Recovered); recovered {
		return nil
	}
	state, asked := is.Last.State, was.Cause.Asked()
	spoilt := was.Cause == ByTimeout || was.Cause == ByUnready || was.Cause == ByUnhealthy
	switch {
	case !w.live && !(w.asked && failed(e)):
		return errors.New("settled without a run")
	case !state.Ended() || is.Last.Cause != was.Cause || asked != (state == task.Stopped) || spoilt && state != task.Failed:
		return fmt.Errorf("settled as %q by cause %d", state, is.Last.Cause)
	}
	w.live, w.asked = false, false
	follows := was.Cause == ByRestart || was.Cause == ByTime && !was.Disabled
	w.slot, w.clear = w.slot && follows && !losesSlot(e), w.clear && (follows || is.Phase == Backoff)
	w.begun = w.begun && is.Phase != Waiting && is.Phase != Queued && (follows || is.Phase != Starting) // they run at another time
	return nil
}

// answers: each caller hears once, and as done of what is durable alone.
func (w *world) answers(p *Policy, was, is *State, e Event, effect Effect) error {
	kind := effect.To
	if !w.waits[kind] {
		return errors.New("an answer for nobody")
	}
	w.waits[kind] = false
	if effect.Outcome != Done {
		return nil
	}
	if kind == ForRemoval {
		if _, ok := e.(Erased); !ok || is.Phase != Idle {
			return errors.New("answered as removed")
		}
		return nil
	}
	switch {
	case !w.current:
		return errors.New("answered as done, but not recorded")
	case kind == ForStart && !w.live && !was.Phase.Pending():
		return errors.New("answered as begun")
	case kind == ForEnd && w.live:
		return errors.New("answered as ended")
	}
	return nil
}

// losesSlot reports whether the group no longer has the slot of the run that ends.
func losesSlot(e Event) bool {
	switch e := e.(type) {
	case Exited:
		return e.SlotGone
	case Gone:
		return e.SlotGone
	case Failed:
		return e.SlotGone
	}
	return false
}

// failed reports whether the run could not start.
func failed(e Event) bool {
	switch e.(type) {
	case Failed, OutOfResources:
		return true
	}
	return false
}
