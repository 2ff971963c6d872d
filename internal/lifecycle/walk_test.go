package lifecycle

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"tasks/pkg/task"
)

// world is what must be true beside a machine, kept from its inputs and
// actions alone.
type world struct {
	asked   bool // a run was launched, and has neither begun nor failed
	live    bool // a run has begun and is not settled
	stopped bool // a stop or shutdown came after the last start by hand, restart or adoption
}

// step checks one input against all that always holds.
func step(p Policy, m Machine, w world, in Input) (Machine, world, error) {
	next, acts, err := m.Next(p, in)
	if err != nil {
		if !errors.Is(err, task.ErrConflict) || in.Kind != DoStart || next != m || len(acts) > 0 {
			return next, w, fmt.Errorf("the error %w came with %v", err, acts)
		}
		return next, w, nil
	}
	byHand := in.Kind == DoStart || in.Kind == DoRestart
	switch in.Kind {
	case DoStart, DoRestart:
		w.stopped = false
	case DoStop:
		w.stopped = true
	case DidBegin:
		w.live, w.asked = w.live || w.asked, false
	case DidAdopt:
		if m.Phase == Idle || m.Phase == Over {
			w.live, w.stopped = true, false // the wish still counts
		}
	}
	for _, a := range acts {
		switch a {
		case Launch:
			if w.asked || w.live {
				return next, w, errors.New("a second run is launched")
			}
			if !byHand && w.stopped {
				return next, w, errors.New("a run is launched after a stop")
			}
			if next.Wish == task.Down {
				return next, w, errors.New("a run is launched against the wish")
			}
			w.asked = true
		case Ask, Kill:
			if !w.live {
				return next, w, fmt.Errorf("%s without a run", actionName(a))
			}
		case Report:
			if next.Phase != Stuck {
				return next, w, fmt.Errorf("reported in %v", next.Phase)
			}
		case Settle:
			if !w.live && !(w.asked && in.Kind == DidFail) {
				return next, w, errors.New("settled without a run")
			}
			if !next.Last.State.Ended() {
				return next, w, fmt.Errorf("settled as %q", next.Last.State)
			}
			w.live, w.asked = false, false
		}
	}
	return next, w, holds(p, m, next, w, in)
}

func holds(p Policy, m, next Machine, w world, in Input) error {
	byHand := in.Kind == DoStart || in.Kind == DoRestart
	entered := next.Armed != m.Armed
	deadline := next.Deadline(p)
	finite := next.Phase == Stopping || next.Phase == Killing || next.Phase == Backoff || next.Phase == Running && p.Timeout > 0
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
	case in.Kind == DoStop && in.Cause == Stop && next.Wish != task.Down:
		return fmt.Errorf("the wish is %q after a stop", next.Wish)
	case byHand && next.Wish != task.Up:
		return fmt.Errorf("the wish is %q after a start", next.Wish)
	case !byHand && !(in.Kind == DoStop && in.Cause == Stop) && next.Wish != m.Wish:
		return fmt.Errorf("the wish changed from %q to %q", m.Wish, next.Wish)
	case next.Phase != m.Phase && !entered:
		return fmt.Errorf("%v was entered from %v with the timer as it was", next.Phase, m.Phase)
	case !entered && next.Phase == m.Phase && deadline != m.Deadline(p):
		return fmt.Errorf("the deadline of %v changed with the timer as it was", next.Phase)
	case finite != (deadline > 0):
		return fmt.Errorf("%v has the deadline %v", next.Phase, deadline)
	case next.Phase == Stuck && m.Phase != Stuck && (m.Phase != Killing || in.Kind != DidTimeOut):
		return fmt.Errorf("stuck from %v", m.Phase)
	case next.Phase == Killing && !next.Killed, next.Phase == Stuck && !next.Killed:
		return fmt.Errorf("%v without a kill", next.Phase)
	case next.Phase == Stopping && next.Cause == None:
		return errors.New("stopping without a cause")
	case next.Phase == Running && (next.Exited || next.Cause != None):
		return errors.New("running, but exited or asked to end")
	case next.Phase == Backoff && (next.Pause < p.Backoff.Min || next.Pause > p.Backoff.Max):
		return fmt.Errorf("a pause of %v", next.Pause)
	case next.Phase == Over && next.Public() == "", next.Phase == Over && !next.Public().Ended():
		return fmt.Errorf("over, and shown as %q", next.Public())
	case next.Phase != Over && next.Public().Ended():
		return fmt.Errorf("%v, and shown as %q", next.Phase, next.Public())
	}
	return nil
}

// alphabet is the inputs of the table, and those that differ in more than it shows.
func alphabet() []Input {
	var all []Input
	for _, in := range inputs {
		all = append(all, in.in)
	}
	return append(all,
		Input{Kind: DidExit, Exit: task.Exit{Code: 1}, Ran: time.Hour},
		Input{Kind: DidExit, Exit: task.Exit{Lost: true}, Jitter: 0.5},
		Input{Kind: DidExit, Exit: task.Exit{Signal: 9}, Left: true},
		Input{Kind: DoStop, Cause: Shutdown, Now: true},
		Input{Kind: DoRestart, Unasked: true},
	)
}

func policies() []Policy {
	var all []Policy
	for _, restart := range []task.Restart{task.RestartNo, task.RestartOnFailure, task.RestartAlways} {
		for _, most := range []int{-1, 0, 2} {
			for _, leave := range []bool{false, true} {
				all = append(all, Policy{
					Restart: restart, Max: most, Leave: leave, Grace: grace,
					Backoff: task.Backoff{Min: time.Second, Max: 3 * time.Second}, Timeout: time.Duration(most+1) * time.Hour,
				})
			}
		}
	}
	return all
}

// TestEverySequence walks all sequences of inputs to a depth. What follows
// depends on the machine and the world alone, so each such pair is gone on
// from once.
func TestEverySequence(t *testing.T) {
	t.Parallel()
	const depth = 7
	type pair struct {
		m Machine
		w world
	}
	in := alphabet()
	distinct, steps, sequences := 0, 0, 1.0
	for range depth {
		sequences *= float64(len(in))
	}
	for _, p := range policies() {
		seen := map[pair]bool{{}: true}
		level := []pair{{}}
		for range depth {
			var deeper []pair
			for _, at := range level {
				for _, i := range in {
					steps++
					m, w, err := step(p, at.m, at.w, i)
					if err != nil {
						t.Fatalf("%+v, %+v:\n%+v\nbecomes %+v: %v", p, i, at.m, m, err)
					}
					m.Armed = 0 // counts, and nothing else
					if to := (pair{m, w}); !seen[to] {
						seen[to] = true
						deeper = append(deeper, to)
					}
				}
			}
			level = deeper
		}
		distinct += len(seen)
		reached := map[Phase]bool{}
		for at := range seen {
			reached[at.m.Phase] = true
		}
		if restarts := p.Restart == task.RestartAlways && p.Max != 0; restarts && len(reached) != len(phases) {
			t.Errorf("%+v: %d of %d phases were reached", p, len(reached), len(phases))
		}
	}
	t.Logf("%d policies, %d inputs, depth %d: %.1e sequences each, %d distinct states in all, %d steps",
		len(policies()), len(in), depth, sequences, distinct, steps)
}

// FuzzNext reads a policy from the first byte and an input from each other one,
// of which there are few enough to try many.
func FuzzNext(f *testing.F) {
	f.Add([]byte("\x04\x00\x06\x0a\x0d"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == 0 || len(b) > 500 {
			return
		}
		all, in := policies(), alphabet()
		p := all[int(b[0])%len(all)]
		var m Machine
		var w world
		for n, c := range b[1:] {
			i := in[int(c)%len(in)]
			i.Jitter = float64(c) / 256
			before := m
			var err error
			if m, w, err = step(p, m, w, i); err != nil {
				t.Fatalf("%+v\ninput %d, %+v:\n%+v\nbecomes %+v: %v", p, n, i, before, m, err)
			}
			m.Doing(p)
			m.Why(p)
		}
	})
}
