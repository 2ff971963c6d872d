package lifecycle

import (
	"errors"
	"fmt"
	"testing"

	"tasks/pkg/task"
)

// die lets the supervisor die, and another follow, which finds the record and the
// processes.
func (k *walk) die(p *Policy, r Recorded) error {
	if k.left[left{p, r}] {
		return nil
	}
	k.left[left{p, r}] = true
	for _, ran := range []bool{true, false} {
		kept := r
		kept.Ran, kept.Exists = ran, ran && kept.State != task.Starting
		for _, found := range findings(kept) {
			e := Recovered{Recorded: kept, Found: found}
			if err := k.recover(p, e); err != nil {
				return fmt.Errorf("then it dies, and %+v: %w", e, err)
			}
		}
	}
	return nil
}

// findings is what may be found of a run that the record has.
func findings(k Recorded) []Found {
	if !k.Live() {
		return []Found{NoRun}
	}
	if !k.Exists {
		return []Found{LostRun}
	}
	return []Found{TakenBack, LostRun, MayStillBe}
}

// recover checks what a supervisor makes of a record against what that promises.
func (k *walk) recover(p *Policy, e Recovered) error {
	at, _, err := (&scene{by: by{p: p}, worlds: []world{{}}}).lead(e, luck{})
	if err != nil {
		return err
	}
	s := at.s
	if err := promised(p, e, s); err != nil {
		return fmt.Errorf("becomes %+v: %w", s, err)
	}
	if k.reach(at); !s.Held {
		return nil
	}
	for _, later := range []bool{true, false} {
		on, _, err := at.lead(e.Recorded.GoOn(*at.p, later, 0), luck{})
		if err != nil {
			return fmt.Errorf("continues: %w", err)
		}
		if !on.s.Phase.Pending() && on.s.Phase != Starting {
			return fmt.Errorf("continues in phase %v", on.s.Phase)
		}
		k.reach(on)
	}
	return nil
}

// promised: what was recorded continues, and nothing runs twice.
func promised(p *Policy, e Recovered, s State) error {
	kept, was := e.Recorded, p
	if p.Edited != nil && e.Found != TakenBack {
		p = &p.Edited.Policy
	}
	restarts := p.Restart == task.RestartAlways || p.Restart == task.RestartOnFailure || p.Repeats
	interrupted := kept.Live() && !kept.Disabled || kept.State == task.BackingOff || kept.Shutdown
	succeeded := kept.Exited && p.Restart == task.RestartOnFailure && !p.Repeats && was.ok(kept.Exit)
	lost := e.Found == NoRun || e.Found == LostRun
	switch {
	case s.Phase == Starting:
		return errors.New("it begins before the others are back")
	case e.Found == MayStillBe && (s.Held || s.Phase.Live()):
		return errors.New("a second run beside one that may still be")
	case e.Found == TakenBack && (!s.Phase.Live() || s.Held):
		return errors.New("it was taken back")
	case kept.Desired == task.DesiredStopped && (s.Held || s.Phase.Up() || s.Desired != task.DesiredStopped):
		return errors.New("it was stopped")
	case kept.Disabled && kept.State.Ended() && s.Held:
		return errors.New("its schedule is disabled")
	case kept.Desired != task.DesiredRunning || !lost:
	case kept.Pending() && !s.Held, interrupted && restarts && !succeeded && !s.Held:
		return errors.New("it does not continue")
	}
	return nil
}

// A job of a batch that had begun has begun for the next supervisor as well, wherever the one
// before was with it, and has not failed if it is tried again. One that waits for its first
// run still does.
func TestBegunBeforeADeath(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		policy string
		played []string
		begun  bool
	}{
		{"on-failure grouped", []string{"start"}, false},
		{"on-failure grouped", []string{"start", "slot granted", "began"}, true},
		{"on-failure grouped", []string{"start", "slot granted", "began", "exited 1"}, true},
		{"on-failure grouped", []string{"start", "slot granted", "began", "exited 1", "timed out"}, true},
		{"on-failure grouped", []string{"start", "slot granted", "began", "shutdown", "exited"}, true},
		{"on-failure after grouped", []string{"start", "deps met"}, false},
		{"on-failure after grouped", []string{"start", "deps met", "slot granted", "began"}, true},
	} {
		p := policyOf(t, tt.policy)
		s, _ := play(t, p, tt.played...)
		for range 3 { // supervisors
			kept := s.Recorded()
			kept.Ran = tt.begun
			var err error
			if s, _, err = after(p, State{}, Recovered{Recorded: kept, Found: LostRun}); err != nil || !s.Held || s.NeedsRetry() {
				t.Errorf("%s %q: held %v, needs retry %v, %v", tt.policy, tt.played, s.Held, s.NeedsRetry(), err)
			}
			if s, _, err = after(p, s, kept.GoOn(p, false, 0)); err != nil || !s.Phase.Pending() || s.Unbegun() == tt.begun {
				t.Errorf("%s %q: %v, unbegun %v, %v", tt.policy, tt.played, s.Phase, s.Unbegun(), err)
			}
		}
	}
}

// A restart that waits for a slot counts for the next supervisor as well.
func TestRestartsAreCountedOn(t *testing.T) {
	t.Parallel()
	p := policyOf(t, "on-failure grouped")
	s, _ := play(t, p, "start", "slot granted", "began", "exited 1", "timed out")
	for range 2 { // supervisors
		kept := s.Recorded()
		kept.Ran = true
		s, _, _ = after(p, State{}, Recovered{Recorded: kept})
		if s, _, _ = after(p, s, kept.GoOn(p, false, 0)); s.Phase != Queued || s.Series.Restarts != 1 {
			t.Errorf("%v, %d restarts", s.Phase, s.Series.Restarts)
		}
	}
}

// A dependency that fails is not the end of the run before.
func TestDependencyFailsAfterARun(t *testing.T) {
	t.Parallel()
	p := policyOf(t, "on-failure after")
	kept := Recorded{Desired: task.DesiredRunning, State: task.Running, Extra: Extra{Ran: true, Exists: true}}
	s, _, _ := after(p, State{}, Recovered{Recorded: kept, Found: LostRun})
	s, _, _ = after(p, s, kept.GoOn(p, false, 0))
	if s, _, _ = after(p, s, event("dep failed")); s.Phase != Over || s.Series.Ran || s.Last.Exit.Code != 126 {
		t.Errorf("%+v", s)
	}
}
