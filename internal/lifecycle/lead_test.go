package lifecycle

import "slices"

// luck says what becomes of the effects that may come to nothing.
type luck struct {
	unsaved  []bool // whether the n-th Save fails; the last counts for those after it
	dropped  bool   // a Renew
	later    bool   // likewise, until the next supervisor
	unerased bool   // an Erase
}

func (l *luck) save() (failed bool) {
	if len(l.unsaved) == 0 {
		return false
	}
	failed = l.unsaved[0]
	if len(l.unsaved) > 1 {
		l.unsaved = l.unsaved[1:]
	}
	return failed
}

// next is what follows at once on a step.
type next uint8

const (
	nothing next = iota
	flush
	save
	renew
	erase
)

// outcomes is the events that may follow, first the one where all goes well.
var outcomes = [...][]Event{
	flush: {Flush{}},
	save:  {Saved{}, Saved{Failed: true}},
	renew: {Start{Retry: true}, Dropped{}, Postponed{}},
	erase: {Erased{}, Erased{Failed: true}},
}

// follows is what follows on the step that led to s with these effects.
func follows(s *State, effects []Effect) next {
	if n := len(effects); n > 0 {
		switch effects[n-1].Do {
		case Save:
			return save
		case Renew:
			return renew
		case Erase:
			return erase
		}
	}
	if s.HasWork() && !s.NeverStarted() {
		return flush
	}
	return nothing
}

// event is the one that follows, or nil.
func (l *luck) event(n next) Event {
	switch {
	case n == nothing:
		return nil
	case n == save && l.save(), n == renew && l.dropped, n == erase && l.unerased:
		return outcomes[n][1]
	case n == renew && l.later:
		return outcomes[n][2]
	}
	return outcomes[n][0]
}

// lead steps s by e and by all that follows at once, as a supervisor does.
func lead(p Policy, s State, e Event, l luck) (State, []Effect, error) {
	var all []Effect
	for e != nil {
		is, effects, err := s.Step(p, e)
		if err != nil {
			return s, all, err
		}
		s, e, all, p = is, l.event(follows(&is, effects)), append(all, effects...), *policyAfter(&p, effects)
	}
	return s, all, nil
}

// policyAfter is the policy of the next step.
func policyAfter(p *Policy, effects []Effect) *Policy {
	if slices.ContainsFunc(effects, func(e Effect) bool { return e.Do == Adopt }) {
		return &p.Edited.Policy
	}
	return p
}

// after is lead where all goes well, and what is done to the run.
func after(p Policy, s State, e Event) (State, []Action, error) {
	is, effects, err := lead(p, s, e, luck{})
	return is, done(effects), err
}

// acts reports whether e is more than records, looks and answers.
func acts(e Effect) bool {
	return e.Do != Save && e.Do != SaveSoon && e.Do != Publish && e.Do != Answer
}

// done is what acts of effects.
func done(effects []Effect) (actions []Action) {
	for _, e := range effects {
		if acts(e) {
			actions = append(actions, e.Do)
		}
	}
	return actions
}

// play is the state after events by their names.
func play(t interface {
	Helper()
	Fatalf(string, ...any)
}, p Policy, names ...string) (s State, acts []Action) {
	t.Helper()
	for i, name := range names {
		var err error
		if s, acts, err = after(p, s, event(name)); err != nil {
			t.Fatalf("%q, event %d: %v", names, i, err)
		}
	}
	return s, acts
}
