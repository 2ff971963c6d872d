package lifecycle

import (
	"strings"
	"testing"

	"tasks/pkg/task"
)

// What an edit does in each phase, by what is new; and of a run, what its end leads to.
func TestEdit(t *testing.T) {
	t.Parallel()
	onFailure := "on-failure after grouped"
	for _, tt := range []struct {
		from, to string
		is       Edited
		cells    string
	}{
		{onFailure, onFailure, Edited{}, `
sleeping         | same Adopt
waiting          | same Adopt
queued           | same Adopt
backoff          | same Adopt
over             | same Adopt
starting         | - > over Settle Adopt
running          | - > over Settle Adopt
stopping restart | - > starting Settle Adopt Launch
stuck            | - > over Settle Adopt`},
		{onFailure, onFailure, Edited{Group: true}, `
sleeping         | same Adopt
waiting          | same Adopt
queued           | same Adopt
backoff          | same Adopt
over             | same Adopt
running          | - > over Settle Adopt
stopping restart | - > queued Settle Adopt`},
		{onFailure, onFailure, Edited{Order: true}, `
sleeping         | same Adopt
waiting          | same Adopt
queued           | waiting Adopt
backoff          | same Adopt
stopping restart | - > waiting Settle Adopt`},
		{onFailure, "plain", Edited{Group: true, Order: true}, `
sleeping         | same Adopt
waiting          | starting Adopt Launch
queued           | starting Adopt Launch
backoff          | over Adopt
over             | same Adopt
running          | - > over Settle Adopt
stopping restart | - > starting Settle Adopt Launch`},
		{"plain", "on-failure repeats grouped", Edited{Group: true, Times: true}, `
sleeping         | queued Adopt
over             | same Adopt
running          | - > sleeping Settle Adopt
stopping         | - > over Settle Adopt
stopping restart | - > queued Settle Adopt`},
		{"repeats on-failure", "repeats", Edited{Times: true}, `
sleeping         | starting Adopt Launch
backoff          | sleeping Adopt
running          | - > sleeping Settle Adopt`},
	} {
		p, is := policyOf(t, tt.from), tt.is
		is.Policy = policyOf(t, tt.to)
		p.Edited = &is
		for line := range strings.Lines(strings.TrimSpace(tt.cells)) {
			row := strings.Split(strings.TrimSpace(line), "|")
			name := strings.TrimSpace(row[0])
			m := states()[name]
			got := cell(p, m, Edit{})
			if m.Phase.Live() {
				end := event("exited")
				if m.Phase == Starting {
					end = event("failed")
				}
				next, _, _ := after(p, m, Edit{})
				got += " > " + cell(p, next, end)
			}
			if want := strings.TrimSpace(row[1]); got != want {
				t.Errorf("%s to %s %+v: %s: got %q, want %q", tt.from, tt.to, tt.is, name, got, want)
			}
		}
		for _, name := range []string{"sleeping", "waiting", "queued"} {
			if s, _, _ := after(p, states()[name], Edit{Later: true}); is.Times && s.Phase != Sleeping {
				t.Errorf("%s, and its time is to come: %v", name, s.Phase)
			}
		}
	}
}

// A run is judged by the policy that it began with, and what follows is decided by the new
// one: also where another supervisor finds that it has ended.
func TestEditOfARun(t *testing.T) {
	t.Parallel()
	p := policyOf(t, "on-failure")
	to := p
	to.Success = Codes{1 << 1}
	p.Edited = &Edited{Policy: to}
	running, _ := play(t, p, "start", "began")
	if s, _, _ := after(p, running, event("exited 1")); s.Phase != Backoff || s.Last.State != task.Failed {
		t.Errorf("%v, last %s", s.Phase, s.Last.State)
	}
	to.Restart = task.RestartNo
	p.Edited = &Edited{Policy: to}
	if s, _, _ := after(p, running, event("exited 1")); s.Phase != Over || s.Last.State != task.Failed {
		t.Errorf("no more restarts: %v, last %s", s.Phase, s.Last.State)
	}
	for _, found := range []Found{LostRun, TakenBack} {
		kept := running.Recorded()
		kept.Ran, kept.Exists = true, true
		e := Recovered{Recorded: kept, Found: found}
		s, acts, _ := after(p, State{}, e)
		if lost := found == LostRun; lost != (s.Phase == Over && len(acts) == 2 && acts[1] == Adopt && !s.Held) || lost == s.Phase.Up() || e.GoesOn(p) {
			t.Errorf("found %d: %v, %v", found, s.Phase, acts)
		}
	}
}
