package lifecycle

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"tasks/pkg/task"
)

// world is what must be true beside a machine, kept from its inputs and
// actions alone.
type world struct {
	asked   bool // a run was launched, and has neither begun nor failed
	live    bool // a run has begun and is not settled
	stopped bool // a stop or shutdown came after the last start by hand, restart or adoption
	begun   bool // there was a run since the last start by hand, or since its time came
	before  bool // likewise, before the one that was asked for
	slot    bool // one was granted, and not given back
	clear   bool // what it waits for has happened, or a run was and is followed by another
	timed   bool // it was told to sleep until its time
}

// step checks one input against all that always holds.
func step(p Policy, m Machine, w world, in Input) (Machine, world, error) {
	next, acts, err := m.Next(p, in)
	if err != nil {
		asks := in.Kind == DoStart || in.Kind == DoPause || in.Kind == DoResume
		if !errors.Is(err, task.ErrConflict) || !asks || next != m || len(acts) > 0 {
			return next, w, fmt.Errorf("the error %w came with %v", err, acts)
		}
		return next, w, nil
	}
	if err := w.hear(p, m, next, in); err != nil {
		return next, w, err
	}
	for i, a := range acts {
		if err := w.do(p, m, next, in, a); err != nil {
			return next, w, err
		}
		if a == Launch && i < len(acts)-1 || a == Settle && i > 0 {
			return next, w, fmt.Errorf("%v in this order", acts)
		}
	}
	for phase, act := range map[Phase]Action{Stopping: Ask, Killing: Kill, Stuck: Report} {
		if next.Phase == phase && m.Phase != phase && !slices.Contains(acts, act) {
			return next, w, fmt.Errorf("%v without %s", phase, actionName(act))
		}
	}
	w.clear = w.clear && p.After && (next.Phase.Live() || next.Phase == Queued || next.Phase == Backoff)
	w.timed = w.timed && next.Phase == Sleeping
	return next, w, cmp.Or(holds(p, m, next, w, in), passes(p, m, next, w, in), rests(p, m, next, w, in))
}

// anew tells whether a start or restart in phase p begins anew.
func anew(p Phase) bool { return p == Idle || p == Sleeping || p == Backoff || p == Over }

// hear takes note of an input that m took.
func (w *world) hear(p Policy, m, next Machine, in Input) error {
	switch in.Kind {
	case DoStart, DoRestart:
		w.stopped = false
		switch {
		case anew(m.Phase):
			w.clear, w.timed, w.begun = in.Clear, in.Later, w.begun && in.Unasked && in.Later
		case m.Phase == Waiting || m.Phase == Queued:
			w.begun = false
		}
	case DoStop:
		w.stopped = true
	case DidTick:
		begins := next.Phase != m.Phase && !m.Phase.Live()
		switch {
		case begins && m.Phase != Sleeping && (m.Phase != Backoff || !p.Repeats), begins && w.stopped:
			return fmt.Errorf("a time leads from %v to %v", m.Phase, next.Phase)
		case begins && !p.Repeats && !w.timed:
			return errors.New("what does not repeat begins twice")
		case begins:
			w.clear, w.begun = false, false
		case m.Phase == Sleeping && !w.stopped:
			return errors.New("it slept over its time")
		}
	case DidClear:
		w.clear = w.clear || m.Phase == Waiting && !w.stopped
	case DidGrant:
		w.slot = w.slot || m.Phase == Queued && !w.stopped
	case DidLack:
		if m.Phase == Starting && p.Grouped {
			w.asked, w.slot, w.begun = false, false, w.before
		}
	case DidBegin:
		w.live, w.asked = w.live || w.asked, false
	case DidAdopt:
		if m.Phase == Idle || m.Phase == Over {
			*w = world{live: true, begun: true, slot: p.Grouped, clear: true} // the wish still counts
		}
	}
	return nil
}

// do takes note of an action.
func (w *world) do(p Policy, m, next Machine, in Input, a Action) error {
	byHand := in.Kind == DoStart || in.Kind == DoRestart
	switch a {
	case Launch:
		switch {
		case w.asked || w.live:
			return errors.New("a second run is launched")
		case !byHand && w.stopped:
			return errors.New("a run is launched after a stop")
		case next.Wish == task.Down:
			return errors.New("a run is launched against the wish")
		case p.Grouped && !w.slot:
			return errors.New("a run is launched without a slot")
		case p.After && !w.clear:
			return errors.New("a run is launched before others")
		case m.Phase.Live() && next.Late > 0:
			return errors.New("a run that follows another is late")
		}
		w.asked, w.before, w.begun = true, w.begun, true
	case Ask, Kill:
		if !w.live {
			return fmt.Errorf("%s without a run", actionName(a))
		}
	case Report:
		if next.Phase != Stuck {
			return fmt.Errorf("reported in %v", next.Phase)
		}
	case Settle:
		state, asked := next.Last.State, m.Cause == Stop || m.Cause == Restart || m.Cause == Replace || m.Cause == Shutdown
		spoilt := m.Cause == Timeout || m.Cause == Unready || m.Cause == Unhealthy
		switch {
		case !w.live && !(w.asked && failed(in)):
			return errors.New("settled without a run")
		case !state.Ended() || next.Last.Cause != m.Cause || asked != (state == task.Stopped) || spoilt && state != task.Failed:
			return fmt.Errorf("settled as %q by cause %d", state, next.Last.Cause)
		}
		w.live, w.asked = false, false
		follows := m.Cause == Restart || m.Cause == Replace
		w.slot, w.clear = w.slot && follows, w.clear && (follows || next.Phase == Backoff)
		w.begun = w.begun && next.Phase != Waiting && next.Phase != Queued // their run is that of another time
	}
	return nil
}

// holds is what each machine and each change of one must be.
func holds(p Policy, m, next Machine, w world, in Input) error {
	byHand := in.Kind == DoStart || in.Kind == DoRestart
	entered := next.Armed != m.Armed
	deadline := next.Deadline(p)
	finite := next.Phase == Stopping || next.Phase == Killing || next.Phase == Backoff || next.Phase == Probing || next.Phase == Running && p.Timeout > 0
	switch {
	case next.Phase.Live() != (w.asked || w.live):
		return fmt.Errorf("%v, but asked %v, live %v", next.Phase, w.asked, w.live)
	case (next.Phase == Starting) != w.asked:
		return fmt.Errorf("%v, but asked is %v", next.Phase, w.asked)
	case m.Phase == Over && next.Phase != Over && !byHand && in.Kind != DidAdopt:
		return fmt.Errorf("an input of kind %d leads from over to %v", in.Kind, next.Phase)
	case p.Max >= 0 && next.Restarts > p.Max:
		return fmt.Errorf("%d restarts", next.Restarts)
	case next.Restarts > m.Restarts+1 || next.Restarts == m.Restarts+1 && m.Phase != Backoff:
		return fmt.Errorf("%d restarts after %d", next.Restarts, m.Restarts)
	case byHand && (next.Phase.Pending() || next.Phase == Starting) && (next.Restarts > 0 || next.Streak > 0):
		return fmt.Errorf("%d restarts, streak %d after a start by hand", next.Restarts, next.Streak)
	case in.Kind == DoStop && in.Cause == Stop && next.Wish != task.Down:
		return fmt.Errorf("the wish is %q after a stop", next.Wish)
	case byHand && next.Wish != task.Up:
		return fmt.Errorf("the wish is %q after a start", next.Wish)
	case !byHand && !(in.Kind == DoStop && in.Cause == Stop) && next.Wish != m.Wish:
		return fmt.Errorf("the wish changed from %q to %q", m.Wish, next.Wish)
	case (next.Phase.Pending() || next.Phase == Backoff) && next.Wish == task.Down:
		return fmt.Errorf("%v against the wish", next.Phase)
	case next.Phase != m.Phase && !entered:
		return fmt.Errorf("%v was entered from %v with the timer as it was", next.Phase, m.Phase)
	case !entered && next.Phase == m.Phase && deadline != m.Deadline(p):
		return fmt.Errorf("the deadline of %v changed with the timer as it was", next.Phase)
	case finite != (deadline > 0):
		return fmt.Errorf("%v has the deadline %v", next.Phase, deadline)
	case next.Phase == Probing && (deadline > p.Ready || p.Timeout > 0 && deadline > p.Timeout):
		return fmt.Errorf("it may probe for %v", deadline)
	case next.Phase == Stuck && m.Phase != Stuck && (m.Phase != Killing || in.Kind != DidTimeOut):
		return fmt.Errorf("stuck from %v", m.Phase)
	case next.Phase == Killing && !next.Killed, next.Phase == Stuck && !next.Killed:
		return fmt.Errorf("%v without a kill", next.Phase)
	case (next.Phase == Stopping || next.Phase == Killing || next.Phase == Stuck) && next.Cause == None:
		return fmt.Errorf("%v without a cause", next.Phase)
	case next.Phase.Up() && (next.Exited || next.Killed || next.Cause != None || next.Note != "" || w.stopped):
		return fmt.Errorf("%v, but exited or asked to end", next.Phase)
	case next.Phase == Backoff && (next.Pause < p.Backoff.Min || next.Pause > p.Backoff.Max):
		return fmt.Errorf("a pause of %v", next.Pause)
	case (next.Phase == Over) != next.Public().Ended():
		return fmt.Errorf("%v, and shown as %q", next.Phase, next.Public())
	case next.Begun != w.begun:
		return fmt.Errorf("begun is %v", next.Begun)
	case p.Grouped && w.slot != next.Phase.Live():
		return fmt.Errorf("%v, and slot is %v", next.Phase, w.slot)
	}
	return nil
}

// passes is by what inputs the phases on the way to a run, and of a run that is
// up, are entered and left.
func passes(p Policy, m, next Machine, w world, in Input) error {
	from, to := m.Phase, next.Phase
	moved := from != to
	shut := from.Pending() && w.stopped && in.Kind != DoStop
	switch {
	case to == Sleeping && !p.Repeats && !w.timed, to == Waiting && !p.After, to == Queued && !p.Grouped, to == Probing && p.Ready == 0:
		return fmt.Errorf("%v is not of this policy", to)
	case to.Pending() && next.Cause != None && (next.Cause != Shutdown || !w.stopped):
		return fmt.Errorf("%v with the cause %d", to, next.Cause)
	case shut && next != m, in.Kind == DoStop && in.Cause == Shutdown && from.Pending() && moved:
		return fmt.Errorf("%v becomes %v while the supervisor ends", from, to)
	case w.stopped && from.Live() && to != Over && (!to.Live() || to < from) && !(in.Kind == DidLack && to == Queued && next.Cause == Shutdown):
		return fmt.Errorf("%v becomes %v after a stop", from, to)
	case from == Waiting && moved && in.Kind != DidClear && in.Kind != DidBlock && in.Kind != DoStop,
		from == Queued && moved && in.Kind != DidGrant && in.Kind != DoStop,
		from == Waiting && !moved && !w.stopped && (in.Kind == DidClear || in.Kind == DidBlock),
		from == Queued && !moved && !w.stopped && in.Kind == DidGrant:
		return fmt.Errorf("an input of kind %d leads from %v to %v", in.Kind, from, to)
	case to == Probing && moved && in.Kind != DidBegin && (in.Kind != DidAdopt || in.Ready || in.Paused),
		to == Running && moved && in.Kind != DidReady && in.Kind != DoResume && (in.Kind != DidBegin || p.Ready > 0) && (in.Kind != DidAdopt || in.Paused || p.Ready > 0 && !in.Ready),
		to == Paused && moved && (in.Kind != DoPause || from != Running) && (in.Kind != DidAdopt || !in.Paused):
		return fmt.Errorf("an input of kind %d leads from %v to %v", in.Kind, from, to)
	case in.Kind == DoPause && to != Paused, in.Kind == DoResume && to != Running:
		return fmt.Errorf("%v becomes %v by hand", from, to)
	case from.Up() && !w.live && !(in.Kind == DidExit && (!in.Left || p.Leave)):
		return fmt.Errorf("an input of kind %d ends what is %v", in.Kind, from)
	case from == Paused && moved && in.Kind != DoResume && in.Kind != DoStop && in.Kind != DoRestart && in.Kind != DidExit && next.Cause != Replace:
		return fmt.Errorf("an input of kind %d leads from paused to %v", in.Kind, to)
	case (next.Cause == Replace || next.Again) && !p.Repeats,
		next.Cause == Replace && p.Overlap != task.OverlapReplace,
		next.Again && p.Overlap != task.OverlapReplace && p.Overlap != task.OverlapQueue:
		return fmt.Errorf("cause %d, again %v in spite of the policy", next.Cause, next.Again)
	case next.Again && !m.Again && (in.Kind != DidTick || !from.Live() || w.stopped),
		next.Again && !m.Again && (m.Cause == Restart || m.Cause == Replace), next.Again && moved && in.Kind == DidAdopt,
		next.Again && !to.Live() && !w.stopped && to != Over, next.Again && to == Starting && (p.Overlap != task.OverlapQueue || moved):
		return fmt.Errorf("again while %v", to)
	case next.Cause == Unready && p.Ready == 0, next.Cause == Sweep && (p.Leave || !next.Exited):
		return fmt.Errorf("ended by cause %d", next.Cause)
	}
	return nil
}

// failed tells that the run could not begin.
func failed(in Input) bool { return in.Kind == DidFail || in.Kind == DidLack }

// rests is what a machine must not come to rest from.
func rests(p Policy, m, next Machine, w world, in Input) error {
	goes := p.Repeats && m.Taken || in.Kind == DidLack && m.Retry // on, though its caller was told
	unbegun := failed(in) && !m.Unasked && !goes && next.Phase != Queued || in.Kind == DidBlock
	ended := m.Phase.Live() && !next.Phase.Live()
	sets := next.Armed != m.Armed && (next.Phase == Waiting || next.Phase == Queued || next.Phase == Starting)
	switch {
	case next.Phase != Over || m.Phase == Over || w.stopped || next.Wish == task.Down:
	case p.Repeats && (!failed(in) || m.Unasked || m.Taken):
		return fmt.Errorf("an input of kind %d ends what repeats", in.Kind)
	case p.Restart == task.RestartAlways && p.Max < 0 && !unbegun:
		return fmt.Errorf("an input of kind %d ends what restarts always", in.Kind)
	}
	switch {
	case next.Late > 0 && next.Late != m.Late && next.Late != in.Late:
		return fmt.Errorf("%d times late after %d", next.Late, m.Late)
	case m.Phase == Backoff && next.Phase != m.Phase && next.Phase != Over && next.Late != in.Late:
		return errors.New("a retry is late")
	case failed(in) && m.Phase == Starting && !m.Unasked && m.Cause == None && next.Phase != Over && !goes && !(in.Kind == DidLack && next.Phase == Queued):
		return fmt.Errorf("%v, though its caller was told", next.Phase)
	case ended && !unbegun && m.Again && !w.stopped && m.Wish != task.Down && !(next.Phase == Waiting || next.Phase == Queued):
		return fmt.Errorf("%v, and a time that had come is forgotten", next.Phase)
	case sets && next.Unasked != unasked(p, m, in):
		return fmt.Errorf("unasked is %v", next.Unasked)
	case sets && next.Restarts > 0 && m.Phase != Backoff && m.Phase != Queued && (in.Kind != DidLack || next.Phase != Queued), next.Phase == Waiting && next.Restarts > 0:
		return fmt.Errorf("%d restarts of a new turn", next.Restarts)
	}
	return nil
}

// unasked tells whether nobody has asked for the run that m is on its way to after in.
func unasked(p Policy, m Machine, in Input) bool {
	switch {
	case in.Kind == DoStart, in.Kind == DoRestart:
		return in.Unasked
	case in.Kind == DidLack && p.Grouped: // back in the queue
		return m.Unasked
	case m.Phase.Live(): // and is settled
		return m.Cause != Restart
	case in.Kind == DidTick, in.Kind == DidTimeOut:
		return true
	}
	return m.Unasked
}

// favour is what m hopes for: the input that leads it on.
func favour(m Machine) Input {
	switch m.Phase {
	case Sleeping, Backoff:
		return Input{Kind: DidTick}
	case Waiting:
		return Input{Kind: DidClear}
	case Queued:
		return Input{Kind: DidGrant}
	case Starting:
		return Input{Kind: DidBegin}
	case Probing:
		return Input{Kind: DidReady}
	case Paused:
		return Input{Kind: DoResume}
	}
	if m.Exited {
		return Input{Kind: DidVanish}
	}
	return Input{Kind: DidExit, Ran: time.Second}
}

// leadsOn is an error unless a stop of m leads to an end, a shutdown to rest, and
// a restart to a run, where all goes well.
func leadsOn(p Policy, m Machine, w world) error {
	for name, is := range map[string]func(Machine) bool{
		"stop":     func(m Machine) bool { return m.Phase == Over && m.Wish == task.Down },
		"shutdown": func(m Machine) bool { return m.Phase == Over || m.Phase.Pending() && m.Cause == Shutdown },
		"restart":  func(m Machine) bool { return m.Phase == Running && m.Wish == task.Up },
	} {
		m, w, in := m, w, input(name)
		for left := 8; ; left-- {
			var err error
			if m, w, err = step(p, m, w, in); err != nil {
				return fmt.Errorf("after a %s: %w", name, err)
			}
			if is(m) {
				break
			}
			if left == 0 {
				return fmt.Errorf("a %s leads to no end but to %v", name, m.Phase)
			}
			in = favour(m)
		}
	}
	return nil
}
