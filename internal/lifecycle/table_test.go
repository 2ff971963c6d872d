package lifecycle

import (
	"testing"
	"time"

	"tasks/pkg/task"
)

// The rest of the cells that say "noted" or "settled".
func TestNoted(t *testing.T) {
	t.Parallel()
	p := Policy{Restart: task.RestartAlways, Max: -1, Grace: grace, Backoff: task.Backoff{Min: time.Second, Max: time.Minute}}
	stop, shutdown, restart := event("stop"), event("shutdown"), event("restart")
	stop1s, now := event("in 1s"), event("at once")
	exit := Exited{Exit: task.Exit{Code: 1}}
	left := Exited{Left: true}
	gone := Gone{LeftBehind: 2}
	fail := Failed{Exit: task.Exit{Code: 127, Err: "not there"}}
	timer, began, start := TimedOut{}, Began{}, Start{}
	for _, tt := range []struct {
		name    string
		ins     []Event
		phase   Phase
		cause   Cause
		desired task.Desired
		last    task.State
	}{
		{"it ends by itself", []Event{start, began, exit}, Backoff, ByItself, task.DesiredRunning, task.Failed},
		{"a stop ends it", []Event{start, began, stop, exit}, Over, ByStop, task.DesiredStopped, task.Stopped},
		{"a shutdown keeps the desired state", []Event{start, began, shutdown, exit}, Over, ByShutdown, task.DesiredRunning, task.Stopped},
		{"a shutdown does not undo a stop", []Event{start, began, stop, shutdown, exit}, Over, ByStop, task.DesiredStopped, task.Stopped},
		{"a shutdown undoes a restart", []Event{start, began, restart, shutdown, exit}, Over, ByShutdown, task.DesiredRunning, task.Stopped},
		{"a stop undoes a restart", []Event{start, began, restart, stop, exit}, Over, ByStop, task.DesiredStopped, task.Stopped},
		{"a restart undoes a stop", []Event{start, began, stop, restart, exit}, Starting, ByItself, task.DesiredRunning, task.Stopped},
		{"a restart while what it left behind is stopped", []Event{start, began, left, restart, gone}, Starting, ByItself, task.DesiredRunning, task.Stopped},
		{"a stop while what it left behind is stopped", []Event{start, began, left, stop, gone}, Over, ByStop, task.DesiredStopped, task.Stopped},
		{"with others left", []Event{start, began, left, gone}, Backoff, ByLeftBehind, task.DesiredRunning, task.Done},
		{"a restart before it begins", []Event{start, restart, began}, Running, ByItself, task.DesiredRunning, ""},
		{"a stop before it begins", []Event{start, stop, began}, Stopping, ByStop, task.DesiredStopped, ""},
		{"a kill before it begins", []Event{start, now, began}, Killing, ByStop, task.DesiredStopped, ""},
		{"a stop and a restart before it begins", []Event{start, stop, restart, began, exit}, Starting, ByItself, task.DesiredRunning, task.Stopped},
		{"it cannot begin", []Event{start, fail}, Over, ByItself, task.DesiredRunning, task.Failed},
		{"it cannot begin again", []Event{start, began, exit, timer, fail}, Backoff, ByItself, task.DesiredRunning, task.Failed},
		{"it cannot begin again after a restart by hand", []Event{start, began, exit, timer, restart, fail}, Over, ByItself, task.DesiredRunning, task.Failed},
		{"a stop before it cannot begin", []Event{start, stop, fail}, Over, ByStop, task.DesiredStopped, task.Stopped},
		{"a restart before it cannot begin", []Event{start, stop, restart, fail}, Starting, ByItself, task.DesiredRunning, task.Stopped},
		{"a stop of a backoff", []Event{start, began, exit, stop}, Over, ByItself, task.DesiredStopped, task.Stopped},
		{"a shutdown of a backoff", []Event{start, began, exit, shutdown}, Over, ByItself, task.DesiredRunning, task.Stopped},
		{"a stuck one ends at last", []Event{start, began, stop, timer, timer, exit}, Over, ByStop, task.DesiredStopped, task.Stopped},
		{"a stuck one to restart ends at last", []Event{start, began, restart, timer, timer, exit}, Starting, ByItself, task.DesiredRunning, task.Stopped},
	} {
		var m State
		for _, in := range tt.ins {
			m, _, _ = after(p, m, in)
		}
		if m.Phase != tt.phase || m.Cause != tt.cause || m.Desired != tt.desired || m.Last.State != tt.last {
			t.Errorf("%s: phase %v, cause %d, desired %s, last %q; want %v, %d, %s, %q",
				tt.name, m.Phase, m.Cause, m.Desired, m.Last.State, tt.phase, tt.cause, tt.desired, tt.last)
		}
	}

	for _, tt := range []struct {
		name  string
		ins   []Event
		grace time.Duration
	}{
		{"the policy's", []Event{start, began, stop}, grace},
		{"the stop's", []Event{start, began, stop1s}, time.Second},
		{"the later stop's", []Event{start, began, stop, stop1s}, time.Second},
		{"as it was", []Event{start, began, stop1s, stop}, time.Second},
		{"the stop's, before it begins", []Event{start, stop1s, began}, time.Second},
		{"as it was, before it begins", []Event{start, stop1s, stop, began}, time.Second},
		{"the later stop's, before it begins", []Event{start, stop, stop1s, began}, time.Second},
		{"none", []Event{start, began, Stop{}}, time.Nanosecond},
	} {
		var m State
		for _, in := range tt.ins {
			m, _, _ = after(p, m, in)
		}
		if got := m.Deadline(p, 0); m.Phase != Stopping || got != tt.grace {
			t.Errorf("the grace is %s: %v for %v", tt.name, m.Phase, got)
		}
	}
}

// A run that is over leads on by cause, exit and policy.
func TestSettledByPolicy(t *testing.T) {
	t.Parallel()
	done, failed, killed, lost := task.Exit{}, task.Exit{Code: 1}, task.Exit{Signal: 9}, task.Exit{Lost: true}
	for _, tt := range []struct {
		restart  task.Restart
		max, was int
		cause    Cause
		exit     task.Exit
		phase    Phase
		state    task.State
	}{
		{"", -1, 0, ByItself, failed, Over, task.Failed},
		{task.RestartNo, -1, 0, ByItself, done, Over, task.Done},
		{task.RestartNo, -1, 0, ByItself, failed, Over, task.Failed},
		{task.RestartNo, -1, 0, ByItself, lost, Over, task.Lost},
		{task.RestartNo, -1, 0, ByTimeout, done, Over, task.Failed},
		{task.RestartNo, -1, 0, ByRestart, failed, Starting, task.Stopped},
		{task.RestartOnFailure, -1, 0, ByItself, done, Over, task.Done},
		{task.RestartOnFailure, -1, 0, ByItself, failed, Backoff, task.Failed},
		{task.RestartOnFailure, -1, 0, ByItself, killed, Backoff, task.Failed},
		{task.RestartOnFailure, -1, 0, ByItself, lost, Backoff, task.Lost},
		{task.RestartOnFailure, -1, 0, ByTimeout, done, Backoff, task.Failed},
		{task.RestartOnFailure, -1, 0, ByStop, failed, Over, task.Stopped},
		{task.RestartOnFailure, -1, 0, ByShutdown, failed, Over, task.Stopped},
		{task.RestartOnFailure, 2, 1, ByItself, failed, Backoff, task.Failed},
		{task.RestartOnFailure, 2, 2, ByItself, failed, Over, task.Failed},
		{task.RestartOnFailure, 2, 2, ByRestart, failed, Starting, task.Stopped},
		{task.RestartOnFailure, 0, 0, ByItself, failed, Over, task.Failed},
		{task.RestartAlways, -1, 0, ByItself, done, Backoff, task.Done},
		{task.RestartAlways, -1, 99, ByItself, done, Backoff, task.Done},
		{task.RestartAlways, 2, 2, ByItself, done, Over, task.Done},
		{task.RestartAlways, -1, 0, ByLeftBehind, done, Backoff, task.Done},
		{task.RestartAlways, -1, 0, ByStop, done, Over, task.Stopped},
		{task.RestartNo, -1, 0, ByUnready, done, Over, task.Failed},
		{task.RestartOnFailure, -1, 0, ByUnready, done, Backoff, task.Failed},
		{task.RestartNo, -1, 0, ByUnhealthy, done, Over, task.Failed},
		{task.RestartOnFailure, -1, 0, ByUnhealthy, done, Backoff, task.Failed},
		{task.RestartOnFailure, 2, 2, ByUnhealthy, done, Over, task.Failed},
		{task.RestartNo, -1, 0, ByTime, failed, Starting, task.Stopped},
		{task.RestartOnFailure, 2, 2, ByTime, failed, Starting, task.Stopped},
	} {
		p := Policy{Restart: tt.restart, Max: tt.max, Backoff: task.Backoff{Min: 1, Max: 9}}
		m := State{Phase: Stopping, Cause: tt.cause, Series: Series{Restarts: tt.was}}
		m, _, _ = after(p, m, Exited{Exit: tt.exit})
		if m.Phase != tt.phase || m.Last.State != tt.state || m.Last.Exit != tt.exit || m.Last.Cause != tt.cause {
			t.Errorf("%+v: %v, %+v", tt, m.Phase, m.Last)
		}
	}
}

func TestLeaveKeepsWhatIsLeft(t *testing.T) {
	t.Parallel()
	m, acts, _ := after(Policy{Leave: true}, State{Phase: Running}, Exited{Left: true})
	if m.Phase != Over || m.Last.State != task.Done || len(acts) != 1 || acts[0] != Settle {
		t.Errorf("%+v, %v", m, acts)
	}
	// A stop means all of it all the same.
	m, acts, _ = after(Policy{Leave: true}, State{Phase: Stopping, Cause: ByStop}, Exited{Left: true})
	if m.Phase != Stopping || len(acts) != 0 {
		t.Errorf("%+v, %v", m, acts)
	}
}

func TestBackoffDelay(t *testing.T) {
	t.Parallel()
	b := task.Backoff{Min: time.Second, Max: time.Minute}
	for streak, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60} {
		want *= time.Second
		if got := backoffDelay(b, streak, 0); got != want {
			t.Errorf("delay %d is %v, want %v", streak, got, want)
		}
		jittered := backoffDelay(b, streak, 0.999)
		if want < b.Max && (jittered <= want || jittered > want+want/5) || jittered > b.Max {
			t.Errorf("delay %d with jitter is %v", streak, jittered)
		}
	}
	for _, b := range []task.Backoff{{Min: 1, Max: 1}, {Min: 1, Max: 1<<63 - 1}, {Min: 1<<63 - 1, Max: 1<<63 - 1}, {Min: 1 << 61, Max: 1 << 62}} {
		for _, streak := range []int{0, 1, 61, 62, 63, 1 << 40} {
			if got := backoffDelay(b, streak, 0.5); got < b.Min || got > b.Max {
				t.Errorf("delay %d of %v is %v", streak, b, got)
			}
		}
	}
}

func TestBackoffResetsAfterALongRun(t *testing.T) {
	t.Parallel()
	p := Policy{Restart: task.RestartAlways, Max: -1, Backoff: task.Backoff{Min: time.Second, Max: time.Minute}}
	m, _, _ := after(p, State{}, Start{})
	for i, tt := range []struct{ ran, delay time.Duration }{
		{0, 1}, {0, 2}, {time.Minute, 4}, {time.Minute + 1, 1}, {0, 2}, {time.Hour, 1}, {time.Hour, 1},
	} {
		m, _, _ = after(p, m, Began{})
		m, _, _ = after(p, m, Exited{Lasted: Lasted{Ran: tt.ran}})
		if m.Phase != Backoff || m.Deadline(p, 0) != tt.delay*time.Second || m.Series.Restarts != i {
			t.Errorf("run %d of %v: %v, %v, %d restarts", i, tt.ran, m.Phase, m.Deadline(p, 0), m.Series.Restarts)
		}
		m, _, _ = after(p, m, TimedOut{})
	}
	m, _, _ = after(p, m, Restart{})
	if m.Series.Restarts != 0 || m.Series.ShortRuns != 0 {
		t.Errorf("after a restart by hand: %d restarts, streak %d", m.Series.Restarts, m.Series.ShortRuns)
	}
}

// A run that cannot start is tried again, unless a caller has asked for it, who gets
// the error.
func TestAFailedStartIsTriedAgain(t *testing.T) {
	t.Parallel()
	by, none := Restart{}, GoOn{}
	fail := Failed{Exit: task.Exit{Code: 126, Err: "no space left on device"}}
	for _, tt := range []struct {
		name   string
		policy task.Restart
		inputs []Event
		want   Phase
	}{
		{"start", task.RestartAlways, []Event{Start{}, fail}, Over},
		{"by hand", task.RestartAlways, []Event{by, fail}, Over},
		{"unasked", task.RestartAlways, []Event{none, fail}, Backoff},
		{"unasked, on failure", task.RestartOnFailure, []Event{none, fail}, Backoff},
		{"unasked, no policy", task.RestartNo, []Event{none, fail}, Over},
		{"twice", task.RestartAlways, []Event{none, fail, TimedOut{}, fail}, Backoff},
		{"by hand in the pause", task.RestartAlways, []Event{none, fail, by, fail}, Over},
		{"by hand as it begins", task.RestartAlways, []Event{none, by, fail}, Over},
		{"stopped as it begins", task.RestartAlways, []Event{none, Stop{Grace: -1}, fail}, Over},
	} {
		m, p := State{Phase: Over, Held: true}, Policy{Restart: tt.policy, Max: -1, Backoff: task.Backoff{Min: 1, Max: 2}}
		for _, in := range tt.inputs {
			m, _, _ = after(p, m, in)
		}
		if m.Phase != tt.want {
			t.Errorf("%s: %v; want %v", tt.name, m.Phase, tt.want)
		}
	}
}

func TestPolicyOf(t *testing.T) {
	t.Parallel()
	pauses := task.Backoff{Min: task.DefaultBackoffMin, Max: task.DefaultBackoffMax}
	defaults := func(change func(*Policy)) Policy {
		p := Policy{Max: -1, Backoff: pauses, Grace: task.DefaultStopTimeout}
		change(&p)
		return p
	}
	for _, tt := range []struct {
		spec task.Spec
		want Policy
	}{
		{task.Spec{}, defaults(func(*Policy) {})},
		{task.Spec{
			Restart: task.RestartAlways, MaxRestarts: new(0), Backoff: task.Backoff{Min: 1, Max: 2},
			Timeout: new(task.Duration(3)), StopTimeout: new(task.Duration(0)), LeaveChildren: true,
		}, Policy{Restart: task.RestartAlways, Backoff: task.Backoff{Min: 1, Max: 2}, Timeout: 3, Leave: true}},
		{task.Spec{Group: "g", Priority: 3}, defaults(func(p *Policy) { p.Grouped = true })},
		{task.Spec{Order: task.Order{After: []string{"db"}}}, defaults(func(p *Policy) { p.After = true })},
		{task.Spec{Order: task.Order{AfterEnded: []string{"db"}}}, defaults(func(p *Policy) { p.After = true })},
		{task.Spec{When: task.When{Delay: new(task.Duration(1))}}, defaults(func(*Policy) {})},
		{task.Spec{When: task.When{At: "15:04"}}, defaults(func(*Policy) {})},
		{task.Spec{When: task.When{Every: new(task.Duration(1))}}, defaults(func(p *Policy) { p.Repeats = true })},
		{task.Spec{When: task.When{Cron: "@daily", Overlap: task.OverlapQueue}}, defaults(func(p *Policy) { p.Repeats, p.Overlap = true, task.OverlapQueue })},
		{task.Spec{Ready: task.Ready{ReadyPort: "80"}}, defaults(func(p *Policy) { p.Ready = task.DefaultReadyTimeout })},
		{task.Spec{Ready: task.Ready{ReadyNotify: true, ReadyTimeout: new(task.Duration(5))}}, defaults(func(p *Policy) { p.Ready = 5 })},
		{task.Spec{Ready: task.Ready{ReadyTimeout: new(task.Duration(5))}}, defaults(func(*Policy) {})}, // nothing is checked
		{task.Spec{Health: task.Health{HealthCmd: "true"}, Hooks: task.Hooks{OnExit: "true"}}, defaults(func(*Policy) {})},
		{task.Spec{SuccessCodes: []int{0, 3, 63, 64, 255}}, defaults(func(p *Policy) { p.Success = Codes{1<<0 | 1<<3 | 1<<63, 1, 0, 1 << 63} })},
	} {
		if got := PolicyOf(&tt.spec); got != tt.want {
			t.Errorf("of %+v:\n%+v, want\n%+v", tt.spec, got, tt.want)
		}
	}
}

// Exit codes that count as success: 0, unless others are named.
func TestSuccessCodes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		codes []int
		exit  task.Exit
		want  task.State
		why   string
	}{
		{nil, task.Exit{}, task.Done, ""},
		{nil, task.Exit{Code: 3}, task.Failed, "exit code 3"},
		{[]int{0, 3}, task.Exit{}, task.Done, ""},
		{[]int{0, 3}, task.Exit{Code: 3}, task.Done, ""},
		{[]int{0, 3}, task.Exit{Code: 2}, task.Failed, "exit code 2"},
		{[]int{3}, task.Exit{}, task.Failed, "exit code 0"},
		{[]int{64, 255}, task.Exit{Code: 255}, task.Done, ""},
		{[]int{64, 255}, task.Exit{Code: 63}, task.Failed, "exit code 63"},
		{[]int{0, 3}, task.Exit{Signal: 9}, task.Failed, "ended by SIGKILL"},
		{[]int{0, 3}, task.Exit{Lost: true}, task.Lost, "ended while no supervisor watched"},
		{[]int{0, 3, 127}, task.Exit{Code: 127, Err: "not there"}, task.Failed, "not there"}, // it did not begin
	} {
		p := PolicyOf(&task.Spec{SuccessCodes: tt.codes, Restart: task.RestartOnFailure})
		m, _, _ := after(p, State{Phase: Running}, Exited{Exit: tt.exit})
		if m.Last.State != tt.want || m.Why(p) != tt.why || (m.Phase == Over) != (tt.want == task.Done) {
			t.Errorf("%v, %+v: %v, %s: %s; want %s: %s", tt.codes, tt.exit, m.Phase, m.Last.State, m.Why(p), tt.want, tt.why)
		}
	}
}
