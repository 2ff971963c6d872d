package lifecycle

import (
	"strings"
	"testing"
	"time"

	"tasks/pkg/task"
)

// What a time that comes does in each phase, by each overlap, and where a run
// lasts then, what its end leads to.
func TestOverlap(t *testing.T) {
	t.Parallel()
	table := `
                 | skip                       | queue                         | replace
idle             | -                          | -                             | -
sleeping         | starting Launch            | starting Launch               | starting Launch
sleeping held    | -                          | -                             | -
waiting          | -                          | -                             | -
waiting held     | -                          | -                             | -
queued           | -                          | -                             | -
queued held      | -                          | -                             | -
starting         | -                          | same                          | -
starting stopped | -                          | -                             | -
starting killed  | -                          | -                             | -
probing          | - > sleeping Settle        | same > starting Settle Launch | stopping Ask > starting Settle Launch
running          | - > sleeping Settle        | same > starting Settle Launch | stopping Ask > starting Settle Launch
paused           | - > sleeping Settle        | same > starting Settle Launch | stopping Ask > starting Settle Launch
stopping         | - > over Settle            | - > over Settle               | - > over Settle
stopping left    | - > sleeping Settle        | same > starting Settle Launch | same > starting Settle Launch
stopping restart | - > starting Settle Launch | - > starting Settle Launch    | - > starting Settle Launch
killing          | - > over Settle            | - > over Settle               | - > over Settle
killing left     | - > sleeping Settle        | same > starting Settle Launch | same > starting Settle Launch
stuck            | - > over Settle            | - > over Settle               | - > over Settle
stuck left       | - > sleeping Settle        | same > starting Settle Launch | same > starting Settle Launch
backoff          | starting Launch            | starting Launch               | starting Launch
over             | -                          | -                             | -`
	for line := range strings.Lines(table[strings.Index(table, "idle"):]) {
		row := strings.Split(line, "|")
		m, ok := states()[strings.TrimSpace(row[0])]
		if !ok {
			t.Fatalf("no state %q", row[0])
		}
		for i, overlap := range []string{"skip", "queue", "replace"} {
			p := policyOf(t, "repeats "+overlap)
			got := cell(p, m, event("tick"))
			if m.Phase.Live() && m.Phase != Starting {
				next, _, _ := after(p, m, event("tick"))
				end := event("exited")
				if m.Run.Exited {
					end = event("gone")
				}
				got += " > " + cell(p, next, end)
			}
			if want := strings.TrimSpace(row[i+1]); got != want {
				t.Errorf("%s, %s: got %q, want %q", row[0], overlap, got, want)
			}
		}
	}
}

func TestSchedule(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		policy string
		ins    string
		phase  Phase
		last   task.State
	}{
		{"each run leads to the next time", "repeats", "start, began, exited 1", Sleeping, task.Failed},
		{"and that to a run", "repeats", "start, began, exited 1, tick, began, exited", Sleeping, task.Done},
		{"a first time to come", "repeats", "later, tick, began", Running, ""},
		{"once, later", "plain", "later, tick, began, exited", Over, task.Done},
		{"once, and no more", "plain", "later, tick, began, exited, tick", Over, task.Done},
		{"a failure is retried in its turn", "repeats on-failure", "start, began, exited 1", Backoff, task.Failed},
		{"until it succeeds", "repeats on-failure", "start, began, exited 1, timed out, began, exited", Sleeping, task.Done},
		{"or the next time comes", "repeats on-failure", "start, began, exited 1, timed out, began, exited 1, tick", Starting, task.Failed},
		{"once, later, is retried by no time", "on-failure", "later, tick, began, exited 1, tick", Backoff, task.Failed},
		{"asked for, it cannot begin", "repeats on-failure", "start, failed", Over, task.Failed},
		{"it cannot begin at its time", "repeats", "later, tick, failed", Sleeping, task.Failed},
		{"and is tried again", "repeats on-failure", "later, tick, failed", Backoff, task.Failed},
		{"it cannot begin after a restart by hand", "repeats", "later, restart, failed", Sleeping, task.Failed},
		{"nor while it runs", "repeats", "start, began, restart, exited, failed", Sleeping, task.Failed},
		{"nor at a restart of what has ended", "repeats", "start, began, stop, exited, restart, failed", Over, task.Failed},
		{"blocked", "after repeats", "start, dep failed", Sleeping, task.Failed},
		{"but not the next time", "after repeats", "start, dep failed, tick, deps met, began, exited", Sleeping, task.Done},
		{"blocked, once", "after", "start, dep failed", Over, task.Failed},
		{"blocked at its time, once", "after", "later, tick, dep failed", Over, task.Failed},
		{"blocked, though it restarts", "after on-failure", "start, dep failed", Over, task.Failed},
		{"a restart by hand before its time", "repeats", "later, restart, began, exited", Sleeping, task.Done},
		{"stopped before its time", "repeats", "later, stop, tick", Over, task.Stopped},
		{"stopped between its times", "repeats", "start, began, exited, stop", Over, task.Stopped},
		{"stopped while it runs", "repeats queue", "start, began, tick, stop, exited", Over, task.Stopped},
		{"stopped for the next time", "repeats replace", "start, began, tick, exited", Starting, task.Stopped},
		{"stopped meanwhile", "repeats replace", "start, began, tick, stop, exited", Over, task.Stopped},
		{"a shutdown meanwhile", "repeats replace", "start, began, tick, shutdown, exited", Over, task.Stopped},
		{"the time that came waits its turn", "repeats queue after grouped", "start, deps met, slot granted, began, tick, exited", Waiting, task.Done},
		{"and comes once", "repeats queue", "start, began, tick, tick, tick, exited, began, exited", Sleeping, task.Done},
		{"a restart counts for the time too", "repeats queue", "start, began, tick, restart, exited, began, exited", Sleeping, task.Done},
		{"replaced in its slot", "repeats replace after grouped", "start, deps met, slot granted, began, tick, exited", Starting, task.Stopped},
		{"a queued time is not retried but gone to", "repeats queue on-failure", "start, began, tick, exited 1", Starting, task.Failed},
		{"shut down before its time", "repeats", "later, shutdown, tick", Sleeping, ""},
		{"and continued", "repeats", "later, shutdown, sleep on, tick", Starting, ""},
		{"shut down in the queue", "grouped", "start, shutdown, slot granted", Queued, ""},
		{"and asked for", "grouped", "start, shutdown, restart, slot granted", Starting, ""},
		{"shut down while it waits", "after", "start, shutdown, deps met, dep failed", Waiting, ""},
		{"and stopped", "after", "start, shutdown, stop", Over, task.Stopped},
		{"a retry needs a slot", "grouped on-failure", "start, slot granted, began, exited 1, timed out", Queued, task.Failed},
		{"but waits for nobody", "after on-failure", "start, deps met, began, exited 1, timed out", Starting, task.Failed},
		{"a restart has its slot", "grouped", "start, slot granted, began, restart, exited", Starting, task.Stopped},
	} {
		m, _ := play(t, policyOf(t, tt.policy), strings.Split(tt.ins, ", ")...)
		if m.Phase != tt.phase || m.Last.State != tt.last {
			t.Errorf("%s: %s leads to %v, last %q; want %v, %q", tt.name, tt.ins, m.Phase, m.Last.State, tt.phase, tt.last)
		}
	}
}

// A run that follows another begins in its slot only if the group still has that.
func TestSlotGone(t *testing.T) {
	t.Parallel()
	for _, ins := range []string{"start, slot granted, began, restart", "start, slot granted, began, tick"} {
		p := policyOf(t, "repeats replace grouped")
		m, _ := play(t, p, strings.Split(ins, ", ")...)
		m, _, _ = after(p, m, Exited{Lasted: slotGone})
		if m.Phase != Queued || m.Last.State != task.Stopped || !m.Series.Retry {
			t.Errorf("%s, exited: %+v", ins, m)
		}
		if m, _, _ = after(p, m, SlotGranted{}); m.Phase != Starting {
			t.Errorf("%s, exited, slot granted: %v", ins, m.Phase)
		}
	}
}

// The first run after times that passed unseen says how many they were.
func TestLate(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		policy, ins string
		want        int
	}{
		{"repeats", "later, missed", 3},
		{"repeats after grouped", "later, missed, deps met, slot granted, began", 3},
		{"repeats", "later, missed, began, exited, tick", 0},
		{"repeats on-failure", "later, missed, began, exited 1, timed out", 0},
		{"repeats replace", "later, missed, began, tick, exited", 0},
		{"repeats queue", "later, missed, began, tick, exited", 0},
		{"repeats", "later, missed, began, restart, exited", 0},
		{"repeats", "start, began, missed", 0}, // nothing begins
	} {
		if m, _ := play(t, policyOf(t, tt.policy), strings.Split(tt.ins, ", ")...); m.Series.Missed != tt.want {
			t.Errorf("%s: %s: %d times late, want %d", tt.policy, tt.ins, m.Series.Missed, tt.want)
		}
	}
	m, _, _ := after(Policy{Repeats: true}, State{Phase: Sleeping, Held: true, Desired: task.DesiredRunning}, GoOn{Missed: 2})
	if m.Series.Missed != 2 {
		t.Errorf("after the supervisor was away: %d times late", m.Series.Missed)
	}
}

// A restart by hand of what waits in the queue leaves it there, and counts as
// any start by hand.
func TestRestartInTheQueue(t *testing.T) {
	t.Parallel()
	p := policyOf(t, "grouped on-failure")
	p.Max = 1
	m, _ := play(t, p, "start", "slot granted", "began", "exited 1", "timed out")
	if m.Phase != Queued || m.Series.Restarts != 1 || !m.Series.Ran || !m.Series.Automatic {
		t.Fatalf("%+v", m)
	}
	armed := m.Armed
	m, _, _ = after(p, m, event("restart"))
	if m.Phase != Queued || m.Series.Restarts != 0 || m.Series.ShortRuns != 0 || m.Series.Ran || m.Armed != armed {
		t.Errorf("%+v", m)
	}
	for _, name := range []string{"slot granted", "began", "exited 1"} {
		m, _, _ = after(p, m, event(name))
	}
	if m.Phase != Backoff {
		t.Errorf("%v after the first failure since: %s", m.Phase, m.Why(p))
	}
}

// A task whose desired state is stopped does not start at its time: a stop was under
// way when its supervisor died, and the next one is about to continue it.
func TestNoTimeAgainstTheWish(t *testing.T) {
	t.Parallel()
	for _, overlap := range []string{"skip", "queue", "replace"} {
		p := policyOf(t, "repeats "+overlap)
		m, acts, _ := after(p, State{Phase: Running, Desired: task.DesiredStopped, Series: Series{Ran: true}}, event("tick"))
		if m.Phase != Running || m.RerunPending || len(acts) > 0 {
			t.Errorf("%s: %v, %v", overlap, m.Phase, acts)
		}
		if m, _, _ = after(p, m, event("exited")); m.Phase != Over {
			t.Errorf("%s: then %v", overlap, m.Phase)
		}
	}
}

// A stop of what waits keeps the exit of a run that there was since it was
// started, or since its time came, and none of one before.
func TestStoppedWithoutARun(t *testing.T) {
	t.Parallel()
	one := task.Exit{Code: 1}
	for _, tt := range []struct {
		policy, ins string
		want        Ending
	}{
		{"repeats", "later, stop", Ending{State: task.Stopped, Cause: ByStop}},
		{"repeats", "later, tick, began, exited 1, stop", Ending{State: task.Stopped, Cause: ByStop, Exit: one}},
		{"after repeats", "start, deps met, began, exited 1, tick, stop", Ending{State: task.Stopped, Cause: ByStop}},
		{"grouped", "start, slot granted, began, exited 1, start, stop", Ending{State: task.Stopped, Cause: ByStop}},
		{"grouped on-failure", "start, slot granted, began, exited 1, timed out, stop", Ending{State: task.Stopped, Cause: ByStop, Exit: one}},
		{"grouped on-failure", "start, slot granted, began, exited 1, timed out, restart, stop", Ending{State: task.Stopped, Cause: ByStop}},
		{"repeats", "start, began, exited 1, shutdown, sleep on, stop", Ending{State: task.Stopped, Cause: ByStop, Exit: one}},
	} {
		if m, _ := play(t, policyOf(t, tt.policy), strings.Split(tt.ins, ", ")...); m.Phase != Over || m.Last != tt.want {
			t.Errorf("%s: %s: %v, %+v; want %+v", tt.policy, tt.ins, m.Phase, m.Last, tt.want)
		}
	}
}

func TestUnhealthy(t *testing.T) {
	t.Parallel()
	p := policyOf(t, "on-failure")
	m, acts := play(t, p, "start", "began", "unhealthy")
	const want = "unhealthy: connection refused"
	if m.Phase != Stopping || m.Deadline(p, 0) != grace || len(acts) != 1 || acts[0] != Ask || m.Doing(p) != want {
		t.Errorf("%v for %v, %v: %s", m.Phase, m.Deadline(p, 0), acts, m.Doing(p))
	}
	if m, _, _ = after(p, m, event("exited")); m.Phase != Backoff || m.Last.State != task.Failed || m.Why(p) != want {
		t.Errorf("%v, %s: %s", m.Phase, m.Last.State, m.Why(p))
	}
	for _, name := range []string{"timed out", "began", "exited 1"} { // another run, another reason
		m, _, _ = after(p, m, event(name))
	}
	if m.Last.Note != "" || m.Why(p) != "exit code 1" {
		t.Errorf("then %+v: %s", m.Last, m.Why(p))
	}
}

func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	p := policyOf(t, "on-failure")
	running, _ := play(t, p, "start", "began")
	paused, acts, err := after(p, running, event("pause"))
	if err != nil || paused.Phase != Paused || len(acts) > 0 || paused.Deadline(p, 0) != 0 || paused.Armed == running.Armed {
		t.Errorf("%v, %v, %v, deadline %v", paused.Phase, acts, err, paused.Deadline(p, 0))
	}
	for _, name := range []string{"pause", "timed out", "unhealthy", "ready", "began", "tick", "gone"} {
		if next, acts, err := after(p, paused, event(name)); next != paused || len(acts) > 0 || err != nil {
			t.Errorf("%s: %v, %v, %v", name, next.Phase, acts, err)
		}
	}
	again, acts, err := after(p, paused, event("resume"))
	if err != nil || again.Phase != Running || len(acts) > 0 || again.Deadline(p, 0) != limit || again.Armed == paused.Armed {
		t.Errorf("%v, %v, %v, deadline %v", again.Phase, acts, err, again.Deadline(p, 0))
	}
	if ended, _, _ := after(p, paused, event("exited 1")); ended.Phase != Backoff {
		t.Errorf("killed while it was paused: %v", ended.Phase)
	}
}

// Of a readiness check and a run's timeout the shorter ends the run, and says so.
func TestNotReadyInTime(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		ready, timeout time.Duration
		deadline       time.Duration
		cause          Cause
		why            string
	}{
		{time.Minute, 0, time.Minute, ByUnready, "not ready after 1m0s: connection refused"},
		{time.Minute, time.Hour, time.Minute, ByUnready, "not ready after 1m0s: connection refused"},
		{time.Minute, time.Minute, time.Minute, ByUnready, "not ready after 1m0s: connection refused"},
		{time.Minute, time.Second, time.Second, ByTimeout, "timed out after 1s"},
	} {
		p := Policy{Ready: tt.ready, Timeout: tt.timeout, Grace: grace}
		m, _ := play(t, p, "start", "began")
		if m.Phase != Probing || m.Deadline(p, 0) != tt.deadline {
			t.Errorf("%+v: %v for %v", tt, m.Phase, m.Deadline(p, 0))
		}
		m, acts, _ := after(p, m, event("timed out"))
		if m.Phase != Stopping || m.Cause != tt.cause || (m.Run.Note != "") != (tt.cause == ByUnready) || len(acts) != 1 || acts[0] != Ask || m.Doing(p) != tt.why {
			t.Errorf("%+v: %v by cause %d, %v: %s", tt, m.Phase, m.Cause, acts, m.Doing(p))
		}
		if m, _, _ = after(p, m, event("exited")); m.Phase != Over || m.Last.State != task.Failed || m.Why(p) != tt.why {
			t.Errorf("%+v: %v, %s: %s", tt, m.Phase, m.Last.State, m.Why(p))
		}
	}
	p := Policy{Ready: time.Minute, Timeout: time.Hour}
	m, _ := play(t, p, "start", "began", "ready")
	if m.Phase != Running || m.Deadline(p, 0) != time.Hour {
		t.Errorf("once it is ready: %v for %v", m.Phase, m.Deadline(p, 0))
	}
	// What ends before it is ready has ended as any run.
	if m, _ = play(t, p, "start", "began", "exited 1"); m.Phase != Over || m.Last.State != task.Failed || m.Why(p) != "exit code 1" {
		t.Errorf("%v: %s", m.Phase, m.Why(p))
	}
}

// What disabling a schedule does in each phase, and what the end of a run leads to then.
func TestDisable(t *testing.T) {
	t.Parallel()
	table := `
                 | disable             | by its time       | by a restart
sleeping         | over                | -                 | starting Launch
waiting          | over                | -                 | starting Launch
queued           | over                | -                 | starting Launch
backoff          | over                | -                 | starting Launch
over             | same                | -                 | starting Launch
starting         | same > over Settle  | -                 | -
probing          | same > over Settle  | -                 | stopping Ask
running          | same > over Settle  | -                 | stopping Ask
paused           | same > over Settle  | -                 | stopping Ask
stopping left    | same > over Settle  | -                 | same
stopping restart | same > starting Settle Launch | -       | -`
	for line := range strings.Lines(table[strings.Index(table, "sleeping"):]) {
		row := strings.Split(strings.TrimSpace(line), "|")
		m := states()[strings.TrimSpace(row[0])]
		for _, overlap := range []string{"skip", "queue", "replace"} {
			p := policyOf(t, "repeats on-failure "+overlap)
			disabled, _, err := after(p, m, event("disable"))
			if err != nil || !disabled.Disabled {
				t.Fatalf("%s: %+v, %v", row[0], disabled, err)
			}
			got := cell(p, m, event("disable"))
			if m.Phase.Live() {
				end := event("exited 1") // it is not tried again
				switch {
				case m.Run.Exited:
					end = event("gone")
				case m.Phase == Starting:
					end = event("failed")
				}
				got += " > " + cell(p, disabled, end)
			}
			for i, got := range []string{got, cell(p, disabled, event("tick")), cell(p, disabled, event("restart"))} {
				if want := strings.TrimSpace(row[i+1]); got != want {
					t.Errorf("%s, %s, column %d: got %q, want %q", row[0], overlap, i+1, got, want)
				}
			}
		}
	}
}

// Of the run that a disabled schedule let finish its end is known, and it is stopped.
func TestDisabledIsStopped(t *testing.T) {
	t.Parallel()
	p := policyOf(t, "repeats")
	s, _ := play(t, p, "start", "began", "disable")
	if got := s.Reason(p, ""); got != "schedule disabled" || s.Public() != task.Running {
		t.Errorf("while it runs: %q, %s", got, s.Public())
	}
	s, _, _ = after(p, s, event("exited 1"))
	if s.Public() != task.Stopped || s.Desired != task.DesiredStopped || s.Reason(p, "") != "schedule disabled" || s.Why(p) != "exit code 1" || s.Last.State != task.Failed {
		t.Errorf("%s, %q, %q: %+v", s.Public(), s.Reason(p, ""), s.Why(p), s.Last)
	}
	if s, _, _ = after(p, s, event("enable")); s.Phase != Sleeping || s.Disabled || s.Desired != task.DesiredRunning {
		t.Errorf("enabled: %+v", s)
	}
	if s, _ = play(t, p, "start", "began", "stop", "exited", "enable"); s.Phase != Sleeping {
		t.Errorf("enabled after a stop: %+v", s)
	}
	if s, _ = play(t, p, "start", "began", "disable", "exited", "start"); s.Disabled {
		t.Error("a start leaves it disabled")
	}
	if s, _ = play(t, p, "start", "began", "disable", "restart", "exited"); !s.Disabled || s.Phase != Starting {
		t.Errorf("a restart: %+v", s)
	}
}

// What is being replaced has the schedule of its replacement: it is neither disabled nor enabled,
// also if an earlier supervisor was asked for that.
func TestEnableWhatIsReplaced(t *testing.T) {
	t.Parallel()
	p := policyOf(t, "repeats")
	recorded := states()["over held"]
	recorded.Work.Callers[ForReplacement] = Pending
	for name, s := range map[string]State{"a run": states()["stopping renew"], "recorded": recorded} {
		for _, e := range []string{"disable", "enable"} {
			if got := cell(p, s, event(e)); got != "conflict" {
				t.Errorf("%s, %s: %s", name, e, got)
			}
		}
	}
}
