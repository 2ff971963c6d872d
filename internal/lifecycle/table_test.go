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
	stop, shutdown, restart := input("stop"), input("shutdown"), input("restart")
	stop1s, now := input("in 1s"), input("at once")
	exit := Input{Kind: DidExit, Exit: task.Exit{Code: 1}}
	left := Input{Kind: DidExit, Left: true}
	gone := Input{Kind: DidVanish, Exit: task.Exit{Swept: 2}}
	fail := Input{Kind: DidFail, Exit: task.Exit{Code: 127, Err: "not there"}}
	timer, began, start := Input{Kind: DidTimeOut}, Input{Kind: DidBegin}, Input{Kind: DoStart}
	for _, tt := range []struct {
		name  string
		ins   []Input
		phase Phase
		cause Cause
		wish  task.Wish
		last  task.State
	}{
		{"it ends by itself", []Input{start, began, exit}, Backoff, None, task.Up, task.Failed},
		{"a stop ends it", []Input{start, began, stop, exit}, Over, Stop, task.Down, task.Stopped},
		{"a shutdown keeps the wish", []Input{start, began, shutdown, exit}, Over, Shutdown, task.Up, task.Stopped},
		{"a shutdown does not undo a stop", []Input{start, began, stop, shutdown, exit}, Over, Stop, task.Down, task.Stopped},
		{"a shutdown undoes a restart", []Input{start, began, restart, shutdown, exit}, Over, Shutdown, task.Up, task.Stopped},
		{"a stop undoes a restart", []Input{start, began, restart, stop, exit}, Over, Stop, task.Down, task.Stopped},
		{"a restart undoes a stop", []Input{start, began, stop, restart, exit}, Starting, None, task.Up, task.Stopped},
		{"a restart of one that is swept", []Input{start, began, left, restart, gone}, Starting, None, task.Up, task.Stopped},
		{"a stop of one that is swept", []Input{start, began, left, stop, gone}, Over, Stop, task.Down, task.Stopped},
		{"swept", []Input{start, began, left, gone}, Backoff, Sweep, task.Up, task.Done},
		{"a restart before it begins", []Input{start, restart, began}, Running, None, task.Up, ""},
		{"a stop before it begins", []Input{start, stop, began}, Stopping, Stop, task.Down, ""},
		{"a kill before it begins", []Input{start, now, began}, Killing, Stop, task.Down, ""},
		{"a stop and a restart before it begins", []Input{start, stop, restart, began, exit}, Starting, None, task.Up, task.Stopped},
		{"it cannot begin", []Input{start, fail}, Over, None, task.Up, task.Failed},
		{"it cannot begin again", []Input{start, began, exit, timer, fail}, Backoff, None, task.Up, task.Failed},
		{"it cannot begin again after a restart by hand", []Input{start, began, exit, timer, restart, fail}, Over, None, task.Up, task.Failed},
		{"a stop before it cannot begin", []Input{start, stop, fail}, Over, Stop, task.Down, task.Stopped},
		{"a restart before it cannot begin", []Input{start, stop, restart, fail}, Starting, None, task.Up, task.Stopped},
		{"a stop of a backoff", []Input{start, began, exit, stop}, Over, None, task.Down, task.Stopped},
		{"a shutdown of a backoff", []Input{start, began, exit, shutdown}, Over, None, task.Up, task.Stopped},
		{"a stuck one ends at last", []Input{start, began, stop, timer, timer, exit}, Over, Stop, task.Down, task.Stopped},
		{"a stuck one to restart ends at last", []Input{start, began, restart, timer, timer, exit}, Starting, None, task.Up, task.Stopped},
	} {
		var m Machine
		for _, in := range tt.ins {
			m, _, _ = m.Next(p, in)
		}
		if m.Phase != tt.phase || m.Cause != tt.cause || m.Wish != tt.wish || m.Last.State != tt.last {
			t.Errorf("%s: phase %v, cause %d, wish %s, last %q; want %v, %d, %s, %q",
				tt.name, m.Phase, m.Cause, m.Wish, m.Last.State, tt.phase, tt.cause, tt.wish, tt.last)
		}
	}

	for _, tt := range []struct {
		name  string
		ins   []Input
		grace time.Duration
	}{
		{"the policy's", []Input{start, began, stop}, grace},
		{"the stop's", []Input{start, began, stop1s}, time.Second},
		{"the later stop's", []Input{start, began, stop, stop1s}, time.Second},
		{"as it was", []Input{start, began, stop1s, stop}, time.Second},
		{"the stop's, before it begins", []Input{start, stop1s, began}, time.Second},
		{"as it was, before it begins", []Input{start, stop1s, stop, began}, time.Second},
		{"the later stop's, before it begins", []Input{start, stop, stop1s, began}, time.Second},
		{"none", []Input{start, began, {Kind: DoStop, Cause: Stop}}, time.Nanosecond},
	} {
		var m Machine
		for _, in := range tt.ins {
			m, _, _ = m.Next(p, in)
		}
		if got := m.Deadline(p); m.Phase != Stopping || got != tt.grace {
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
		{"", -1, 0, None, failed, Over, task.Failed},
		{task.RestartNo, -1, 0, None, done, Over, task.Done},
		{task.RestartNo, -1, 0, None, failed, Over, task.Failed},
		{task.RestartNo, -1, 0, None, lost, Over, task.Lost},
		{task.RestartNo, -1, 0, Timeout, done, Over, task.Failed},
		{task.RestartNo, -1, 0, Restart, failed, Starting, task.Stopped},
		{task.RestartOnFailure, -1, 0, None, done, Over, task.Done},
		{task.RestartOnFailure, -1, 0, None, failed, Backoff, task.Failed},
		{task.RestartOnFailure, -1, 0, None, killed, Backoff, task.Failed},
		{task.RestartOnFailure, -1, 0, None, lost, Backoff, task.Lost},
		{task.RestartOnFailure, -1, 0, Timeout, done, Backoff, task.Failed},
		{task.RestartOnFailure, -1, 0, Stop, failed, Over, task.Stopped},
		{task.RestartOnFailure, -1, 0, Shutdown, failed, Over, task.Stopped},
		{task.RestartOnFailure, 2, 1, None, failed, Backoff, task.Failed},
		{task.RestartOnFailure, 2, 2, None, failed, Over, task.Failed},
		{task.RestartOnFailure, 2, 2, Restart, failed, Starting, task.Stopped},
		{task.RestartOnFailure, 0, 0, None, failed, Over, task.Failed},
		{task.RestartAlways, -1, 0, None, done, Backoff, task.Done},
		{task.RestartAlways, -1, 99, None, done, Backoff, task.Done},
		{task.RestartAlways, 2, 2, None, done, Over, task.Done},
		{task.RestartAlways, -1, 0, Sweep, done, Backoff, task.Done},
		{task.RestartAlways, -1, 0, Stop, done, Over, task.Stopped},
		{task.RestartNo, -1, 0, Unready, done, Over, task.Failed},
		{task.RestartOnFailure, -1, 0, Unready, done, Backoff, task.Failed},
		{task.RestartNo, -1, 0, Unhealthy, done, Over, task.Failed},
		{task.RestartOnFailure, -1, 0, Unhealthy, done, Backoff, task.Failed},
		{task.RestartOnFailure, 2, 2, Unhealthy, done, Over, task.Failed},
		{task.RestartNo, -1, 0, Replace, failed, Starting, task.Stopped},
		{task.RestartOnFailure, 2, 2, Replace, failed, Starting, task.Stopped},
	} {
		p := Policy{Restart: tt.restart, Max: tt.max, Backoff: task.Backoff{Min: 1, Max: 9}}
		m := Machine{Phase: Stopping, Cause: tt.cause, Restarts: tt.was}
		m, _, _ = m.Next(p, Input{Kind: DidExit, Exit: tt.exit})
		if m.Phase != tt.phase || m.Last.State != tt.state || m.Last.Exit != tt.exit || m.Last.Cause != tt.cause {
			t.Errorf("%+v: %v, %+v", tt, m.Phase, m.Last)
		}
	}
}

func TestLeaveKeepsWhatIsLeft(t *testing.T) {
	t.Parallel()
	m, acts, _ := Machine{Phase: Running}.Next(Policy{Leave: true}, Input{Kind: DidExit, Left: true})
	if m.Phase != Over || m.Last.State != task.Done || len(acts) != 1 || acts[0] != Settle {
		t.Errorf("%+v, %v", m, acts)
	}
	// A stop means all of it all the same.
	m, acts, _ = Machine{Phase: Stopping, Cause: Stop}.Next(Policy{Leave: true}, Input{Kind: DidExit, Left: true})
	if m.Phase != Stopping || len(acts) != 0 {
		t.Errorf("%+v, %v", m, acts)
	}
}

func TestPause(t *testing.T) {
	t.Parallel()
	b := task.Backoff{Min: time.Second, Max: time.Minute}
	for streak, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60} {
		want *= time.Second
		if got := pause(b, streak, 0); got != want {
			t.Errorf("pause %d is %v, want %v", streak, got, want)
		}
		jittered := pause(b, streak, 0.999)
		if want < b.Max && (jittered <= want || jittered > want+want/5) || jittered > b.Max {
			t.Errorf("pause %d with jitter is %v", streak, jittered)
		}
	}
	for _, b := range []task.Backoff{{Min: 1, Max: 1}, {Min: 1, Max: 1<<63 - 1}, {Min: 1<<63 - 1, Max: 1<<63 - 1}, {Min: 1 << 61, Max: 1 << 62}} {
		for _, streak := range []int{0, 1, 61, 62, 63, 1 << 40} {
			if got := pause(b, streak, 0.5); got < b.Min || got > b.Max {
				t.Errorf("pause %d of %v is %v", streak, b, got)
			}
		}
	}
}

func TestPausesBeginAnewAfterALongRun(t *testing.T) {
	t.Parallel()
	p := Policy{Restart: task.RestartAlways, Max: -1, Backoff: task.Backoff{Min: time.Second, Max: time.Minute}}
	m, _, _ := Machine{}.Next(p, Input{Kind: DoStart})
	for i, tt := range []struct{ ran, pause time.Duration }{
		{0, 1}, {0, 2}, {time.Minute, 4}, {time.Minute + 1, 1}, {0, 2}, {time.Hour, 1}, {time.Hour, 1},
	} {
		m, _, _ = m.Next(p, Input{Kind: DidBegin})
		m, _, _ = m.Next(p, Input{Kind: DidExit, Ran: tt.ran})
		if m.Phase != Backoff || m.Deadline(p) != tt.pause*time.Second || m.Restarts != i {
			t.Errorf("run %d of %v: %v, %v, %d restarts", i, tt.ran, m.Phase, m.Deadline(p), m.Restarts)
		}
		m, _, _ = m.Next(p, Input{Kind: DidTimeOut})
	}
	m, _, _ = m.Next(p, Input{Kind: DoRestart})
	if m.Restarts != 0 || m.Streak != 0 {
		t.Errorf("after a restart by hand: %d restarts, streak %d", m.Restarts, m.Streak)
	}
}

// A run that cannot even begin is tried again unless somebody has asked for it,
// and is told.
func TestUnasked(t *testing.T) {
	t.Parallel()
	by, none := Input{Kind: DoRestart}, Input{Kind: DoRestart, Unasked: true}
	fail := Input{Kind: DidFail, Exit: task.Exit{Code: 126, Err: "no space left on device"}}
	for _, tt := range []struct {
		name   string
		policy task.Restart
		inputs []Input
		want   Phase
	}{
		{"start", task.RestartAlways, []Input{{Kind: DoStart}, fail}, Over},
		{"by hand", task.RestartAlways, []Input{by, fail}, Over},
		{"unasked", task.RestartAlways, []Input{none, fail}, Backoff},
		{"unasked, on failure", task.RestartOnFailure, []Input{none, fail}, Backoff},
		{"unasked, no policy", task.RestartNo, []Input{none, fail}, Over},
		{"twice", task.RestartAlways, []Input{none, fail, {Kind: DidTimeOut}, fail}, Backoff},
		{"by hand in the pause", task.RestartAlways, []Input{none, fail, by, fail}, Over},
		{"by hand as it begins", task.RestartAlways, []Input{none, by, fail}, Over},
		{"stopped as it begins", task.RestartAlways, []Input{none, {Kind: DoStop, Cause: Stop, Grace: -1}, fail}, Over},
	} {
		m, p := Machine{}, Policy{Restart: tt.policy, Max: -1, Backoff: task.Backoff{Min: 1, Max: 2}}
		for _, in := range tt.inputs {
			m, _, _ = m.Next(p, in)
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

// Which exit codes are no failure: 0, unless others are named.
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
		m, _, _ := Machine{Phase: Running}.Next(p, Input{Kind: DidExit, Exit: tt.exit})
		if m.Last.State != tt.want || m.Why(p) != tt.why || (m.Phase == Over) != (tt.want == task.Done) {
			t.Errorf("%v, %+v: %v, %s: %s; want %s: %s", tt.codes, tt.exit, m.Phase, m.Last.State, m.Why(p), tt.want, tt.why)
		}
	}
}
