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
		p.Grace, p.Backoff = grace, task.Backoff{Min: time.Second, Max: 2 * time.Second}
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
	for _, overlap := range []task.Overlap{task.OverlapSkip, task.OverlapQueue, task.OverlapReplace} {
		add(Policy{Restart: task.RestartNo, Max: -1, Repeats: true, Overlap: overlap})
		add(Policy{Restart: task.RestartOnFailure, Max: 1, Repeats: true, Overlap: overlap, Timeout: time.Hour, Success: three})
		add(Policy{Restart: task.RestartNo, Max: -1, Repeats: true, Overlap: overlap, Grouped: true})
		add(Policy{Restart: task.RestartNo, Max: -1, Repeats: true, Overlap: overlap, After: true, Leave: true})
		add(Policy{Restart: task.RestartOnFailure, Max: -1, Repeats: true, Overlap: overlap, After: true, Grouped: true, Ready: time.Minute})
		add(Policy{Restart: task.RestartOnFailure, Max: 2, Repeats: true, Overlap: overlap, Grouped: true, Ready: time.Minute, Timeout: time.Second})
	}
	add(Policy{Restart: task.RestartNo, Max: -1, Repeats: true}) // as with OverlapSkip
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

// editPairs is policies, and each once more with what it is edited to.
var editPairs = sync.OnceValue(func() map[Policy]*Policy {
	pairs := make(map[Policy]*Policy)
	add := func(from, to Policy, is Edited) {
		for _, p := range []*Policy{&from, &to} { // unlike those of policies
			p.Grace, p.Backoff = grace, task.Backoff{Min: 2 * time.Second, Max: 4 * time.Second}
		}
		is.Policy = to
		edited := from
		edited.Edited = &is
		pairs[from] = &edited
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
func edited(p *Policy, e Event) *Policy {
	if _, edits := e.(Edit); edits && p.Edited == nil {
		if is := editPairs()[*p]; is != nil {
			return is
		}
	}
	return p
}

// essence is s without what no later step depends on, so that there are finitely
// many of them: see TestEssence.
func essence(p *Policy, s State) State {
	s.Armed, s.Series.Missed, s.Run.Note = 0, 0, ""
	stopped := s.Phase >= Stopping && s.Phase <= Stuck && s.Cause.Asked()            // its exit and its restarts decide nothing
	if s.Series.ShortRuns = min(s.Series.ShortRuns, 1); stopped || s.Phase == Over { // 1: the longest pause
		s.Series.ShortRuns = 0
	}
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
		if stopped && !s.Run.Exit.Lost {
			s.Run.Exit = task.Exit{Signal: 1}
		}
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
	switch {
	case s.Phase == Stopping:
		s.Grace = grace / 2 // neither the policy's nor a given one
	case s.Phase != Starting || s.Cause == ByItself:
		s.Grace = 0
	}
	if s.BackoffDelay = 0; s.Phase == Backoff {
		s.BackoffDelay = p.Backoff.Min
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
func kind(p *Policy, e task.Exit) task.Exit {
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
func (k Recorded) essence(p *Policy) Recorded {
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
func crowd(s *State) {
	if !s.Phase.Live() || s.Phase.Up() {
		return
	}
	begins := s.Phase == Starting && !s.Series.Automatic || s.Cause == ByRestart
	s.Work.Callers[ForEnd], s.Work.Callers[ForStart] = NoCaller, NoCaller
	if s.Cause != ByItself {
		s.Work.Callers[ForEnd] = Pending
	}
	if begins {
		s.Work.Callers[ForStart] = Pending
	}
}

// place is a state, what follows at once on it, and the worlds in which it was seen.
type place struct {
	by
	next   next
	worlds []known
	fresh  []world // the walk has not continued from these yet
}

// known is a world of a place, and what is known of it there.
type known struct {
	world
	is fact
}

// fact is a set of what may be known of a place in a world.
type fact uint8

// reached says that the walk continues from it; each higher bit that it leads to one of the aims.
const reached fact = 1

// unknown is the worlds for which what is known of a place does not say what.
func (at *place) unknown(what fact, worlds []world) (unknown []world) {
	for _, w := range worlds {
		if !slices.ContainsFunc(at.worlds, func(k known) bool { return k.is&what != 0 && k.covers(w) }) {
			unknown = append(unknown, w)
		}
	}
	return unknown
}

// know notes what of a place in worlds.
func (at *place) know(what fact, worlds []world) {
	for _, w := range worlds {
		i := slices.IndexFunc(at.worlds, func(k known) bool { return k.world == w })
		if i < 0 {
			i = len(at.worlds)
			at.worlds = append(at.worlds, known{world: w})
		}
		at.worlds[i].is |= what
	}
}

// by is a state by a policy.
type by struct {
	p *Policy
	s State
}

// left is what a death leaves of a task with that policy.
type left struct {
	p *Policy
	r Recorded
}

// walk continues from each place once in each world, by all events and whatever becomes of
// them, and from what each record leads another supervisor to.
type walk struct {
	p        *Policy
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

func newWalk(p *Policy, thorough bool) *walk {
	k := &walk{p: p, thorough: thorough, edited: editPairs()[*p] != nil, left: make(map[left]bool), phases: make(map[Phase]bool)}
	for i := range k.places {
		k.places[i] = make(map[by]*place)
	}
	return k
}

// place is the one of a state by a policy, without what no later step depends on.
func (k *walk) place(key by, n next) *place {
	if key.s.Armed = 0; n == nothing {
		key.s = essence(key.p, key.s)
	}
	at := k.places[n][key]
	if at == nil {
		at = &place{by: key, next: n}
		k.places[n][key] = at
	}
	return at
}

// all walks to the end, and returns how many events away that is.
func (k *walk) all() (depth int, err error) {
	for _, desired := range []task.Desired{task.DesiredRunning, task.DesiredStopped} { // as records have it
		k.reach(&scene{by: by{k.p, State{Desired: desired}}, worlds: []world{{}}})
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
func (k *walk) reach(to *scene) {
	key := to.by
	if to.next == nothing {
		crowd(&key.s)
	}
	k.enter(k.place(key, to.next), to.worlds)
}

func (k *walk) enter(at *place, worlds []world) {
	if at.next == nothing {
		worlds = slices.Clone(worlds)
		for i := range worlds {
			for kind, out := range at.s.Work.Callers {
				worlds[i].waits[kind] = out != NoCaller
			}
		}
	}
	fresh := at.unknown(reached, worlds)
	at.know(reached, fresh)
	switch {
	case len(fresh) == 0 || len(at.fresh) > 0: // it waits for its turn
	case at.next == nothing:
		k.rest = append(k.rest, at)
	default:
		k.between = append(k.between, at)
	}
	at.fresh = append(at.fresh, fresh...)
	if at.next == nothing {
		k.states += len(fresh)
	}
}

// from continues from a place, in each of its worlds that is new, by each of events. What
// the walk leaves out may still have an aim.
func (k *walk) from(at *place, events []Event) error {
	from, to := scene{at.by, at.next, at.fresh}, new(scene)
	at.fresh = nil
	for _, e := range events {
		aim, walks := -1, k.thorough || !k.rare(e)
		if at.next == nothing {
			aim = aimOf(&from.s, e)
		}
		if !walks && aim < 0 {
			continue
		}
		moved, _, err := from.step(e, to)
		switch {
		case err != nil || !walks:
		case moved:
			k.reach(to)
		case !slices.Equal(from.worlds, to.worlds):
			k.enter(at, to.worlds)
		}
		if saved, ok := e.(Saved); ok && !saved.Failed && err == nil {
			err = k.die(from.p, from.s.Recorded().essence(from.p))
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
// A world that permits more than another of the same state leads to no other errors, so
// the walk does not continue from it.
func TestEverySequence(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	states, steps, deaths, deepest := 0, 0, 0, 0
	all := func(p, to *Policy, thorough bool) func(*testing.T) {
		return func(t *testing.T) {
			t.Parallel()
			k := newWalk(p, thorough)
			depth, err := k.all()
			if err != nil {
				t.Fatalf("%+v\nto %+v:\n%v", *p, *to, err)
			}
			for _, f := range phasesOf(*to) {
				if !k.phases[f] {
					t.Errorf("%+v: %v was not reached", p, f)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			states, steps, deaths, deepest = states+k.states, steps+k.steps, deaths+len(k.left), max(deepest, depth)
		}
	}
	t.Run("by", func(t *testing.T) {
		for p, edited := range editPairs() {
			t.Run("edit", all(&p, &edited.Edited.Policy, p.Timeout > 0))
		}
		for i, p := range policies() {
			t.Run(strconv.Itoa(i), all(&p, &p, i%6 == 0))
		}
	})
	t.Logf("%d policies, %d events: %d distinct states in all, the farthest %d events away, %d steps, %d records left by a death",
		len(policies())+len(editPairs()), len(alphabet()), states, deepest-1, steps, deaths)
}

// TestEssence shows that what the walk forgets changes nothing that follows.
func TestEssence(t *testing.T) {
	t.Parallel()
	in := alphabet()
	for _, p := range slices.AppendSeq(policies(), maps.Keys(editPairs())) {
		r := rand.New(rand.NewPCG(5, 6))
		for range 50 {
			at := &scene{by: by{&p, State{Desired: []task.Desired{task.DesiredRunning, task.DesiredStopped}[r.IntN(2)]}}, worlds: []world{{}}}
			for range 60 {
				e := in[r.IntN(len(in))]
				var err error
				if at, err = at.both(e, lucks[r.IntN(len(lucks))]); err != nil {
					t.Fatalf("%+v, %+v: %T%+v: %v", at.p, at.s, e, e, err)
				}
			}
		}
	}
}

// both is lead, for a scene, for its essence, and in a world that permits more.
func (at *scene) both(e Event, l luck) (*scene, error) {
	to, effects, err := at.lead(e, l)
	if err != nil {
		return to, err
	}
	p, q := *edited(at.p, e), *to.p
	lean, leanEffects, _ := lead(p, essence(&p, at.s), e, l)
	if essence(&q, lean) != essence(&q, to.s) || !slices.Equal(effects, leanEffects) || lean.Public() != to.s.Public() || needs(q, lean) != needs(q, to.s) {
		return to, errors.New("its essence becomes something else")
	}
	more := at.worlds[0]
	more.permits = permits{true, true, true, true}
	permitted, _, err := (&scene{at.by, at.next, []world{more}}).lead(e, l)
	if err != nil || !to.worlds[0].covers(permitted.worlds[0]) {
		return to, fmt.Errorf("a world that permits more is not covered: %v", err)
	}
	return to, nil
}

// needs is Needs, without what nothing is decided by.
func needs(p Policy, s State) Needs {
	n := s.Needs(p, 0)
	if s.Phase == Stopping || s.Phase == Backoff {
		n.Deadline = 0
	}
	return n
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
		at := &scene{by: by{&all[int(b[0]%128)%len(all)], State{Desired: task.DesiredRunning}}, worlds: []world{{}}}
		if int(b[0]) >= 128 {
			at.s.Desired = task.DesiredStopped
		}
		for n, c := range b[1:] {
			e := in[int(c)%len(in)]
			before := at.s
			var err error
			if at, err = at.both(e, lucks[int(c)/len(in)%len(lucks)]); err != nil {
				t.Fatalf("%+v\nevent %d, %T%+v:\n%+v\nbecomes %+v: %v", at.p, n, e, e, before, at.s, err)
			}
			at.s.Reason(*at.p, "")
			at.s.Why(*at.p)
		}
	})
}
