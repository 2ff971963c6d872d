package lifecycle

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tasks/pkg/task"
)

// alphabet is the inputs of the tables, and those that differ in more than they show.
func alphabet() []Input {
	var all []Input
	for _, in := range inputs {
		all = append(all, in.in)
	}
	return append(all,
		Input{Kind: DidExit, Exit: task.Exit{Code: 1}, Ran: time.Hour},
		Input{Kind: DidExit, Exit: task.Exit{Lost: true}, Jitter: 0.5},
		Input{Kind: DidExit, Exit: task.Exit{Signal: 9}, Left: true},
		Input{Kind: DidExit, Exit: task.Exit{Code: 3}},
		Input{Kind: DoStop, Cause: Shutdown, Now: true},
		Input{Kind: DoRestart, Unasked: true},
		Input{Kind: DoRestart, Unasked: true, Late: 2},
		Input{Kind: DoStart, Clear: true},
		Input{Kind: DoStart, Retry: true},
	)
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
		if f := Phase(i); (f != Waiting || p.After) && (f != Queued || p.Grouped) && (f != Probing || p.Ready > 0) && (f != Backoff || restarts) {
			all = append(all, f)
		}
	}
	return all
}

// essence is m without what no later step depends on, so that there are finitely
// many of them: see TestEssence.
func essence(p Policy, m Machine) Machine {
	m.Armed, m.Late, m.Note = 0, 0, ""
	m.Streak = min(m.Streak, 2) // the longest pause
	if p.Max < 0 {
		m.Restarts = 0
	}
	if m.Phase == Over {
		m.Last = Ending{State: m.Last.State}
	} else {
		m.Last = Ending{}
	}
	if !m.Phase.Live() {
		m.Exited, m.Killed, m.Exit = false, false, task.Exit{}
	}
	if m.Phase == Over || m.Phase == Backoff {
		m.Cause = None
	}
	if m.Phase != Starting && m.Phase != Waiting && m.Phase != Queued {
		m.Unasked, m.Retry = false, false
	}
	if m.Phase != Starting {
		m.Before = false
	}
	if !p.Repeats {
		m.Taken = false
	}
	if m.Phase != Stopping && (m.Phase != Starting || m.Cause == None) {
		m.Grace = 0
	}
	if m.Phase != Backoff {
		m.Pause = 0
	}
	return m
}

// TestEverySequence walks all sequences of inputs, however long. What follows
// depends on the machine and the world alone, so each such pair is gone on from
// once, and from each of them a stop leads to an end and a restart to a run.
func TestEverySequence(t *testing.T) {
	t.Parallel()
	type pair struct {
		m Machine
		w world
	}
	in := alphabet()
	states, steps, deepest := 0, 0, 0
	for _, p := range policies() {
		level := []pair{{m: Machine{Wish: task.Up}}, {m: Machine{Wish: task.Down}}} // as records have it
		seen := map[pair]bool{level[0]: true, level[1]: true}
		reached := make(map[Phase]bool)
		depth := 0
		for ; len(level) > 0; depth++ {
			var deeper []pair
			for _, at := range level {
				reached[at.m.Phase] = true
				for _, i := range in {
					m, w, err := step(p, at.m, at.w, i)
					if err != nil {
						t.Fatalf("%+v, %+v:\n%+v, %+v\nbecomes %+v, %+v: %v", p, i, at.m, at.w, m, w, err)
					}
					if m == at.m && w == at.w {
						continue
					}
					if to := (pair{essence(p, m), w}); !seen[to] {
						seen[to] = true
						deeper = append(deeper, to)
					}
				}
				if err := leadsOn(p, at.m, at.w); err != nil {
					t.Fatalf("%+v, %+v: %v", p, at.m, err)
				}
			}
			level = deeper
		}
		states, steps, deepest = states+len(seen), steps+len(seen)*len(in), max(deepest, depth)
		for _, f := range phasesOf(p) {
			if !reached[f] {
				t.Errorf("%+v: %v was not reached", p, f)
			}
		}
	}
	t.Logf("%d policies, %d inputs: %d distinct states in all, the farthest %d inputs away, %d steps",
		len(policies()), len(in), states, deepest-1, steps)
}

// TestEssence shows that what the walk forgets changes nothing that follows.
func TestEssence(t *testing.T) {
	t.Parallel()
	in := alphabet()
	r := rand.New(rand.NewPCG(5, 6))
	for _, p := range policies() {
		for range 50 {
			m, w := Machine{Wish: []task.Wish{task.Up, task.Down}[r.IntN(2)]}, world{}
			for range 60 {
				i := in[r.IntN(len(in))]
				var err error
				if m, w, err = both(p, m, w, i); err != nil {
					t.Fatalf("%+v, %+v: %+v: %v", p, i, m, err)
				}
			}
		}
	}
}

// both is step, for m and for its essence.
func both(p Policy, m Machine, w world, in Input) (Machine, world, error) {
	next, after, err := step(p, m, w, in)
	if err != nil {
		return next, after, err
	}
	_, acts, _ := m.Next(p, in)
	lean, leanActs, _ := essence(p, m).Next(p, in)
	if essence(p, lean) != essence(p, next) || !slices.Equal(acts, leanActs) || lean.Public() != next.Public() || lean.Deadline(p) != next.Deadline(p) {
		return next, after, errors.New("its essence becomes something else")
	}
	return next, after, nil
}

// FuzzNext reads a policy from the first byte and an input from each other one,
// of which there are few enough to try many.
func FuzzNext(f *testing.F) {
	f.Add([]byte("\x04\x00\x10\x16\x14"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == 0 || len(b) > 500 {
			return
		}
		all, in := policies(), alphabet()
		p := all[int(b[0]%128)%len(all)]
		m, w := Machine{Wish: task.Up}, world{}
		if int(b[0]) >= 128 {
			m.Wish = task.Down
		}
		for n, c := range b[1:] {
			i := in[int(c)%len(in)]
			i.Jitter = float64(c) / 256
			before := m
			var err error
			if m, w, err = both(p, m, w, i); err != nil {
				t.Fatalf("%+v\ninput %d, %+v:\n%+v\nbecomes %+v: %v", p, n, i, before, m, err)
			}
			m.Doing(p)
			m.Why(p)
		}
	})
}
