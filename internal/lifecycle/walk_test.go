package lifecycle

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"tasks/pkg/task"
)

// alphabet is the events of the tables, and others that differ in more than they show.
func alphabet() []Event {
	var all []Event
	for _, e := range events {
		all = append(all, e.event)
	}
	return append(all,
		Exited{Exit: task.Exit{Code: 1}, Lasted: Lasted{Ran: time.Hour}},
		Exited{Exit: task.Exit{Lost: true}, Lasted: Lasted{Jitter: 0.5}},
		Exited{Exit: task.Exit{Signal: 9}, Left: true},
		Exited{Exit: task.Exit{Code: 3}},
		Exited{Lasted: slotGone},
		Gone{LeftBehind: 2, Lasted: slotGone},
		Failed{Exit: task.Exit{Code: 127, Err: "not there"}, Lasted: slotGone},
		Stop{Shutdown: true, Now: true},
		Leave{},
		GoOn{},
		GoOn{Missed: 2},
		GoOn{Continues: true},
		Began{Brief: true},
		Replace{Grace: time.Second},
		SaveDue{},
		Dated{},
	)
}

var slotGone = Lasted{SlotGone: true}

// rare reports which events lead to many states, and differ little by policy.
func (k *walk) rare(e Event) bool {
	switch e.(type) {
	case Leave, Replace, Remove:
		return true
	case Edit:
		return !k.edited
	}
	return false
}

// lucks is all that may become of the effects of one event.
var lucks = []luck{
	{},
	{unsaved: []bool{true}},
	{unsaved: []bool{true, false}},
	{unsaved: []bool{false, true}},
	{dropped: true},
	{later: true},
	{dropped: true, unsaved: []bool{true}},
	{unerased: true},
}

// policies is each way to restart, each way to a run, and times with each overlap.
func policies() []Policy {
	var all []Policy
	add := func(p Policy) {
		p.Grace, p.Backoff = grace, task.Backoff{Min: time.Second, Max: 3 * time.Second}
		all = append(all, p)
	}
	for _, restart := range []task.Restart{task.RestartNo, task.RestartOnFailure, task.RestartAlways} {
		for _, most := range []int{-1, 0, 2} {
			add(Policy{Restart: restart, Max: most, Leave: most == 0, Timeout: time.Duration(most+1) * time.Hour})
		}
		add(Policy{Restart: restart, Max: -1, After: true})
		add(Policy{Restart: restart, Max: -1, Grouped: true})
		add(Policy{Restart: restart, Max: 1, After: true, Grouped: true, Ready: time.Minute})
	}
	three := Codes{1<<0 | 1<<3}
	add(Policy{Restart: task.RestartAlways, Max: -1, Leave: true, Success: three})
	add(Policy{Restart: task.RestartOnFailure, Max: -1, Overlap: task.OverlapReplace}) // of nothing
	add(Policy{Restart: task.RestartNo, Max: -1, Ready: time.Minute, Timeout: time.Second})
	add(Policy{Restart: task.RestartOnFailure, Max: -1, Ready: time.Minute, Timeout: time.Minute})
	add(Policy{Restart: task.RestartAlways, Max: 2, Ready: time.Minute, Timeout: time.Hour, Leave: true})
	for _, overlap := range []task.Overlap{"", task.OverlapSkip, task.OverlapQueue, task.OverlapReplace} {
		add(Policy{Restart: task.RestartNo, Max: -1, Repeats: true, Overlap: overlap})
		add(Policy{Restart: task.RestartOnFailure, Max: 1, Repeats: true, Overlap: overlap, Timeout: time.Hour, Success: three})
		add(Policy{Restart: task.RestartNo, Max: -1, Repeats: true, Overlap: overlap, Grouped: true})
		add(Policy{Restart: task.RestartNo, Max: -1, Repeats: true, Overlap: overlap, After: true, Leave: true})
		add(Policy{Restart: task.RestartOnFailure, Max: -1, Repeats: true, Overlap: overlap, After: true, Grouped: true, Ready: time.Minute})
		add(Policy{Restart: task.RestartOnFailure, Max: 2, Repeats: true, Overlap: overlap, Grouped: true, Ready: time.Minute, Timeout: time.Second})
	}
	return all
}

// phasesOf is what a policy may lead to, if it is used in every way.
func phasesOf(p Policy) (all []Phase) {
	restarts := p.Max != 0 && (p.Restart == task.RestartOnFailure || p.Restart == task.RestartAlways)
	for i := range phases {
		if f := Phase(i); (f != Waiting || p.After) && (f != Probing || p.Ready > 0) && (f != Backoff || restarts) {
			all = append(all, f)
		}
	}
	return all
}

// editPairs is policies, and what each is edited to.
var editPairs = sync.OnceValue(func() map[Policy]*Edited {
	pairs := make(map[Policy]*Edited)
	add := func(from, to Policy, is Edited) {
		for _, p := range []*Policy{&from, &to} { // unlike those of policies
			p.Grace, p.Backoff = grace, task.Backoff{Min: time.Second, Max: 4 * time.Second}
		}
		is.Policy = to
		pairs[from] = &is
	}
	no, onFailure, always := Policy{Max: -1, Restart: task.RestartNo}, Policy{Max: -1, Restart: task.RestartOnFailure}, Policy{Max: -1, Restart: task.RestartAlways}
	with := func(p Policy, change func(*Policy)) Policy {
		change(&p)
		return p
	}
	add(no, with(onFailure, func(p *Policy) { p.After, p.Grouped, p.Max = true, true, 1 }), Edited{Group: true, Order: true})
	add(with(onFailure, func(p *Policy) { p.After, p.Grouped, p.Ready = true, true, time.Minute }), no, Edited{Group: true, Order: true})
	add(with(always, func(p *Policy) { p.Grouped = true }), with(always, func(p *Policy) { p.Grouped, p.Max = true, 1 }), Edited{Group: true})
	add(with(onFailure, func(p *Policy) { p.Grouped = true }), with(onFailure, func(p *Policy) { p.Grouped, p.Success, p.Leave = true, Codes{1<<0 | 1<<3}, true }), Edited{})
	add(with(onFailure, func(p *Policy) { p.After, p.Grouped = true, true }), with(no, func(p *Policy) { p.After, p.Grouped = true, true }), Edited{Order: true})
	add(with(onFailure, func(p *Policy) { p.Repeats, p.Overlap = true, task.OverlapReplace }), with(no, func(p *Policy) { p.Repeats, p.Overlap, p.Grouped = true, task.OverlapSkip, true }), Edited{Group: true, Times: true})
	add(with(no, func(p *Policy) { p.Repeats, p.Overlap, p.Grouped = true, task.OverlapQueue, true }), onFailure, Edited{Group: true, Times: true})
	add(with(no, func(p *Policy) { p.Timeout = time.Hour }), with(no, func(p *Policy) { p.Repeats, p.Overlap, p.After = true, task.OverlapQueue, true }), Edited{Order: true, Times: true})
	add(with(always, func(p *Policy) { p.After, p.Repeats = true, true }), with(no, func(p *Policy) { p.Repeats = true }), Edited{Order: true})
	return pairs
})

// edited is the policy by which e happens: of one without a pair an edit changes nothing.
func edited(p Policy, e Event) Policy {
	if _, edits := e.(Edit); edits && p.Edited == nil {
		p.Edited = editPairs()[p]
	}
	return p
}

// essence is s without what no later step depends on, so that there are finitely
// many of them: see TestEssence.
func essence(p Policy, s State) State {
	s.Armed, s.Series.Missed, s.Run.Note = 0, 0, ""
	s.Series.ShortRuns = min(s.Series.ShortRuns, 2) // the longest pause
	if p.Max < 0 {
		s.Series.Restarts = 0
	}
	switch {
	case s.Phase == Over && s.Disabled:
		s.Last = Ending{State: task.Stopped}
	case s.Phase == Over:
		s.Last = Ending{State: s.Last.State, Cause: shutdown(s.Last.Cause)}
	case s.Phase == Backoff:
		s.Last = Ending{State: s.Last.State}
	default:
		s.Last = Ending{}
	}
	if s.Run.Exited {
		s.Run.Exit = kind(p, s.Run.Exit)
	}
	if !s.Phase.Live() {
		s.Run = Run{}
	}
	if s.Phase == Over || s.Phase == Backoff {
		s.Cause = ByItself
	}
	if s.Phase != Starting && s.Phase != Waiting && s.Phase != Queued {
		s.Series.Automatic, s.Series.Retry = false, false
	}
	if s.Phase != Starting {
		s.Series.RanBefore = false
	}
	if !p.Repeats {
		s.Series.ScheduleActive = false
	}
	if s.Phase != Stopping && (s.Phase != Starting || s.Cause == ByItself) {
		s.Grace = 0
	}
	if s.Phase != Backoff {
		s.BackoffDelay = 0
	}
	return s
}

// shutdown is what a record keeps of the cause of an end.
func shutdown(c Cause) Cause {
	if c == ByShutdown {
		return c
	}
	return ByItself
}

// kind is an exit of the same outcome.
func kind(p Policy, e task.Exit) task.Exit {
	switch {
	case e.Lost:
		return task.Exit{Lost: true}
	case p.ok(e):
		return task.Exit{Code: p.anyOK()}
	}
	return task.Exit{Signal: 1}
}

// anyOK is an exit code that counts as success.
func (p *Policy) anyOK() int {
	for code := range 256 {
		if p.ok(task.Exit{Code: code}) {
			return code
		}
	}
	return 0
}

// essence likewise, of what a record says.
func (k Recorded) essence(p Policy) Recorded {
	if p.Max < 0 {
		k.Restarts = 0
	}
	if k.Note = ""; k.Cause != ByItself {
		k.Grace = grace
	}
	if k.Exited {
		k.Exit = kind(p, k.Exit)
	}
	return k
}

// crowd has all wait who may without deciding anything, for the sake of fewer states.
func crowd(s State) State {
	if !s.Phase.Live() || s.Phase.Up() {
		return s
	}
	begins := s.Phase == Starting && !s.Series.Automatic || s.Cause == ByRestart
	s.Work.Callers[ForEnd], s.Work.Callers[ForStart] = NoCaller, NoCaller
	if s.Cause != ByItself {
		s.Work.Callers[ForEnd] = Pending
	}
	if begins {
		s.Work.Callers[ForStart] = Pending
	}
	return s
}

// place is a state, what follows at once on it, and the worlds in which it was seen.
type place struct {
	by
	next   next
	worlds map[world]known
	fresh  []world // the walk has not continued from these yet
}

// known is what is known of a place in a world.
type known uint8

// reached says that the walk continues from it; each higher bit that it leads to one of the aims.
const reached known = 1

// without is the worlds in which that is not known of a place.
func (at *place) without(what known, worlds []world) (all []world) {
	for _, w := range worlds {
		if at.worlds[w]&what == 0 {
			all = append(all, w)
		}
	}
	return all
}

// by is a state by a policy.
type by struct {
	p Policy
	s State
}

// left is what a death leaves of a task with that policy.
type left struct {
	p Policy
	r Recorded
}

// walk continues from each place once in each world, by all events and whatever becomes of
// them, and from what each record leads another supervisor to.
type walk struct {
	p        Policy
	thorough bool // saves fail as well, and what is rare happens
	edited   bool // its policy is one of editPairs
	places   [len(outcomes)]map[by]*place
	left     map[left]bool
	phases   map[Phase]bool
	rest     []*place // to continue from, at the next level
	between  []*place // to continue from before that
	states   int      // at rest, in one world each
	steps    int
}

func newWalk(p Policy, thorough bool) *walk {
	k := &walk{p: p, thorough: thorough, edited: editPairs()[p] != nil, left: make(map[left]bool), phases: make(map[Phase]bool)}
	for i := range k.places {
		k.places[i] = make(map[by]*place)
	}
	return k
}

// place is the one of s, without what no later step depends on.
func (k *walk) place(p Policy, s State, n next) *place {
	if s.Armed = 0; n == nothing {
		s = essence(p, s)
	}
	at := k.places[n][by{p, s}]
	if at == nil {
		at = &place{by: by{p, s}, next: n, worlds: make(map[world]known)}
		k.places[n][by{p, s}] = at
	}
	return at
}

// all walks to the end, and returns how many events away that is.
func (k *walk) all() (depth int, err error) {
	for _, desired := range []task.Desired{task.DesiredRunning, task.DesiredStopped} { // as records have it
		k.reach(scene{p: k.p, s: State{Desired: desired}, worlds: []world{{}}})
	}
	in := alphabet()
	for ; len(k.rest) > 0; depth++ {
		level := k.rest
		k.rest = nil
		for _, at := range level {
			k.phases[at.s.Phase] = true
			if err := k.from(at, in); err != nil {
				return depth, err
			}
		}
		for len(k.between) > 0 {
			at := k.between[0]
			k.between = k.between[1:]
			events := outcomes[at.next]
			if !k.thorough {
				events = events[:1]
			}
			if err := k.from(at, events); err != nil {
				return depth, err
			}
		}
	}
	return depth, nil
}

// reach notes each world of a scene that is new, to continue from it.
func (k *walk) reach(to scene) {
	if to.next == nothing {
		to.s = crowd(to.s)
	}
	k.enter(k.place(to.p, to.s, to.next), to.worlds)
}

func (k *walk) enter(at *place, worlds []world) {
	for _, w := range worlds {
		if at.next == nothing {
			for kind := range w.waits {
				w.waits[kind] = at.s.HasCaller(CallerKind(kind))
			}
		}
		if at.worlds[w]&reached != 0 {
			continue
		}
		at.worlds[w] |= reached
		switch {
		case len(at.fresh) > 0: // it waits for its turn
		case at.next == nothing:
			k.rest = append(k.rest, at)
		default:
			k.between = append(k.between, at)
		}
		at.fresh = append(at.fresh, w)
		if at.next == nothing {
			k.states++
		}
	}
}

// from continues from a place, in each of its worlds that is new, by each of events. What
// the walk leaves out may still have an aim.
func (k *walk) from(at *place, events []Event) error {
	p, from := at.p, scene{at.p, at.s, at.next, at.fresh}
	at.fresh = nil
	for _, e := range events {
		aim, walks := -1, k.thorough || !k.rare(e)
		if at.next == nothing {
			aim = aimOf(from.s, e)
		}
		if !walks && aim < 0 {
			continue
		}
		to, moved, _, err := from.step(e)
		switch {
		case err != nil || !walks:
		case moved:
			k.reach(to)
		default:
			k.enter(at, to.worlds)
		}
		if saved, ok := e.(Saved); ok && !saved.Failed && err == nil {
			err = k.die(p, from.s.Recorded().essence(p))
		}
		if aim >= 0 && err == nil {
			err = k.leadsOn(aim, to, 40)
		}
		if err != nil {
			return fmt.Errorf("%+v by %T%+v: %w", from.s, e, e, err)
		}
		if walks {
			k.steps += len(from.worlds)
		}
	}
	return nil
}

// TestEverySequence walks all sequences of events, however long, with all that may
// become of saves, and a death of the supervisor at any moment. What follows depends on
// the state and the world alone, so the walk continues once from each such pair. From each
// of them a stop leads to an end, a restart to a run, and a removal to nothing. By five
// of six policies, for the sake of time, all saves go well, and nothing rare happens.
func TestEverySequence(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	states, steps, deaths, deepest := 0, 0, 0, 0
	t.Run("policies", func(t *testing.T) {
		for i, p := range policies() {
			t.Run(strconv.Itoa(i), func(t *testing.T) {
				t.Parallel()
				k := newWalk(p, i%6 == 0)
				depth, err := k.all()
				if err != nil {
					t.Fatalf("%+v:\n%v", p, err)
				}
				for _, f := range phasesOf(p) {
					if !k.phases[f] {
						t.Errorf("%+v: %v was not reached", p, f)
					}
				}
				mu.Lock()
				defer mu.Unlock()
				states, steps, deaths, deepest = states+k.states, steps+k.steps, deaths+len(k.left), max(deepest, depth)
			})
		}
	})
	t.Run("edits", func(t *testing.T) {
		for p, is := range editPairs() {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				k := newWalk(p, p.Timeout > 0)
				if _, err := k.all(); err != nil {
					t.Fatalf("%+v\nto %+v:\n%v", p, is, err)
				}
				for _, f := range phasesOf(is.Policy) {
					if !k.phases[f] {
						t.Errorf("%+v: %v was not reached", p, f)
					}
				}
				mu.Lock()
				defer mu.Unlock()
				states, steps, deaths = states+k.states, steps+k.steps, deaths+len(k.left)
			})
		}
	})
	t.Logf("%d policies, %d events: %d distinct states in all, the farthest %d events away, %d steps, %d records left by a death",
		len(policies()), len(alphabet()), states, deepest-1, steps, deaths)
}

// TestEssence shows that what the walk forgets changes nothing that follows.
func TestEssence(t *testing.T) {
	t.Parallel()
	in := alphabet()
	for _, p := range slices.AppendSeq(policies(), maps.Keys(editPairs())) {
		r := rand.New(rand.NewPCG(5, 6))
		for range 50 {
			s, w := State{Desired: []task.Desired{task.DesiredRunning, task.DesiredStopped}[r.IntN(2)]}, world{}
			of := p
			for range 60 {
				e := in[r.IntN(len(in))]
				var err error
				if of, s, w, err = both(of, s, w, e, lucks[r.IntN(len(lucks))]); err != nil {
					t.Fatalf("%+v, %+v: %T%+v: %v", of, s, e, e, err)
				}
			}
		}
	}
}

// both is led, for s and for its essence.
func both(p Policy, s State, w world, e Event, l luck) (Policy, State, world, error) {
	to, effects, err := scene{p, s, nothing, []world{w}}.lead(e, l)
	q, next, after := to.p, to.s, to.worlds[0]
	if err != nil {
		return q, next, after, err
	}
	p = edited(p, e)
	lean, leanEffects, _ := lead(p, essence(p, s), e, l)
	if essence(q, lean) != essence(q, next) || !slices.Equal(effects, leanEffects) || lean.Public() != next.Public() || lean.Needs(q, 0) != next.Needs(q, 0) {
		return q, next, after, errors.New("its essence becomes something else")
	}
	return q, next, after, nil
}

// FuzzStep reads a policy from the first byte and an event from each other one.
// There are few events, so that it tries many sequences.
func FuzzStep(f *testing.F) {
	f.Add([]byte("\x04\x00\x15\x1b\x1a"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == 0 || len(b) > 500 {
			return
		}
		all, in := policies(), alphabet()
		p := all[int(b[0]%128)%len(all)]
		s, w := State{Desired: task.DesiredRunning}, world{}
		if int(b[0]) >= 128 {
			s.Desired = task.DesiredStopped
		}
		for n, c := range b[1:] {
			e := in[int(c)%len(in)]
			before := s
			var err error
			if p, s, w, err = both(p, s, w, e, lucks[int(c)/len(in)%len(lucks)]); err != nil {
				t.Fatalf("%+v\nevent %d, %T%+v:\n%+v\nbecomes %+v: %v", p, n, e, e, before, s, err)
			}
			s.Reason(p, "")
			s.Why(p)
		}
	})
}
