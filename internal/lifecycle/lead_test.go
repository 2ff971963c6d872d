package lifecycle

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

// lead steps s by e and by all that follows at once, as a supervisor does. Each step
// is passed to seen, which may be nil.
func lead(p Policy, s State, e Event, l luck, seen func(was State, e Event, is State, effects []Effect) error) (State, []Effect, error) {
	var all []Effect
	for e != nil {
		is, effects, err := s.Step(p, e)
		if seen != nil && err == nil {
			err = seen(s, e, is, effects)
		}
		if err != nil {
			return s, all, err
		}
		s, e, all = is, nil, append(all, effects...)
		for _, effect := range effects {
			switch effect.Do {
			case Save:
				e = Saved{Failed: l.save()}
			case Renew:
				switch e = (Start{Retry: true}); {
				case l.dropped:
					e = Dropped{}
				case l.later:
					e = Postponed{}
				}
			case Erase:
				e = Erased{Failed: l.unerased}
			}
		}
		if e == nil && s.HasWork() && !s.NeverStarted() {
			e = Flush{}
		}
	}
	return s, all, nil
}

// after is lead where all goes well, and what is done to the run.
func after(p Policy, s State, e Event) (State, []Action, error) {
	is, effects, err := lead(p, s, e, luck{}, nil)
	return is, done(effects), err
}

// done is the actions that are more than records, looks and answers.
func done(effects []Effect) (acts []Action) {
	for _, e := range effects {
		switch e.Do {
		case Save, SaveSoon, Publish, Answer:
		default:
			acts = append(acts, e.Do)
		}
	}
	return acts
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
