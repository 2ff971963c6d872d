package lifecycle

import (
	"syscall"
	"testing"
	"time"

	"tasks/pkg/task"
)

func TestPublic(t *testing.T) {
	t.Parallel()
	tried := 0
	for name, want := range map[string]task.State{
		"idle": task.Starting, "sleeping": task.Waiting, "sleeping held": task.Waiting, "waiting": task.Waiting,
		"waiting held": task.Waiting, "queued": task.Queued, "queued held": task.Queued, "probing": task.Starting,
		"paused": task.Paused, "stopping restart": task.Stopping, "stopping renew": task.Stopping, "starting": task.Starting, "starting stopped": task.Stopping, "starting killed": task.Stopping,
		"starting again": task.Starting, "starting unasked": task.Starting, "starting dropped": task.Stopping,
		"running": task.Running, "stopping": task.Stopping, "stopping left": task.Stopping, "killing": task.Stopping,
		"killing left": task.Stopping, "stuck": task.Stopping, "stuck left": task.Stopping,
		"backoff": task.BackingOff, "backoff held": task.BackingOff, "over": task.Done, "over failed": task.Failed, "over held": task.Stopped,
	} {
		if got := states()[name].Public(); got != want {
			t.Errorf("%s is shown as %q, want %q", name, got, want)
		}
		tried++
	}
	if tried != len(states()) {
		t.Errorf("%d of %d states", tried, len(states()))
	}
}

func TestDoing(t *testing.T) {
	t.Parallel()
	p := Policy{Timeout: 90 * time.Second, Ready: 30 * time.Second}
	for _, tt := range []struct {
		phase Phase
		cause Cause
		want  string
	}{
		{Starting, ByItself, ""},
		{Running, ByItself, ""},
		{Starting, ByStop, "was asked to stop"},
		{Stopping, ByStop, "was asked to stop"},
		{Stopping, ByRestart, "will be started again"},
		{Stopping, ByShutdown, "supervisor is shutting down"},
		{Stopping, ByTimeout, "timed out after 1m30s"},
		{Stopping, ByLeftBehind, "main process ended; stopping what it left behind"},
		{Killing, ByStop, "was asked to stop; killed"},
		{Stuck, ByTimeout, "timed out after 1m30s; still there after KILL"},
		{Probing, ByItself, ""},
		{Paused, ByItself, ""},
		{Stopping, ByTime, "its next time has come"},
		{Stopping, ByUnready, "not ready after 30s: connection refused"},
		{Killing, ByUnhealthy, "unhealthy: connection refused; killed"},
	} {
		if got := (State{Phase: tt.phase, Cause: tt.cause, Run: Run{Note: "connection refused"}}).Doing(p); got != tt.want {
			t.Errorf("%v by cause %d: %q, want %q", tt.phase, tt.cause, got, tt.want)
		}
	}
	if got, want := (State{Phase: Stopping, Cause: ByUnready}).Doing(p), "not ready after 30s"; got != want {
		t.Errorf("without a note: %q, want %q", got, want)
	}
	for m, want := range map[State]string{
		{Phase: Running, Series: Series{Missed: 1}}:                    "once for 1 missed time",
		{Phase: Waiting, Series: Series{Missed: 3}}:                    "once for 3 missed times",
		{Phase: Sleeping, Series: Series{Missed: 3}}:                   "", // for the next one
		{Phase: Stopping, Series: Series{Missed: 3}, Cause: ByRestart}: "will be started again",
	} {
		if got := m.Doing(p); got != want {
			t.Errorf("%v, %d late: %q, want %q", m.Phase, m.Series.Missed, got, want)
		}
	}
}

func TestWhy(t *testing.T) {
	t.Parallel()
	p := Policy{Timeout: 5 * time.Second, Max: 3, Ready: 30 * time.Second}
	kill := task.Exit{Signal: syscall.SIGKILL}
	for _, tt := range []struct {
		last     Ending
		restarts int
		want     string
	}{
		{Ending{State: task.Done}, 0, ""},
		{Ending{State: task.Failed, Exit: task.Exit{Code: 3}}, 0, "exit code 3"},
		{Ending{State: task.Failed, Exit: task.Exit{Signal: syscall.SIGSEGV}}, 0, "ended by SIGSEGV"},
		{Ending{State: task.Failed, Exit: kill}, 0, "ended by SIGKILL"},
		{Ending{State: task.Failed, Exit: task.Exit{Code: 127, Err: `exec "nope": not found`}}, 0, `exec "nope": not found`},
		{Ending{State: task.Lost, Exit: task.Exit{Lost: true}}, 0, "ended while no supervisor watched"},
		{Ending{State: task.Stopped, Cause: ByStop, Exit: task.Exit{Signal: syscall.SIGTERM}}, 0, "stopped"},
		{Ending{State: task.Stopped, Cause: ByStop, Exit: kill, Killed: true}, 0, "stopped; killed"},
		{Ending{State: task.Stopped, Cause: ByStop, Exit: task.Exit{LeftBehind: 1}}, 0, "stopped; 1 escaped process stopped too"},
		{Ending{State: task.Stopped, Cause: ByStop, Exit: task.Exit{LeftBehind: 2}}, 0, "stopped; 2 escaped processes stopped too"},
		{Ending{State: task.Stopped, Cause: ByRestart}, 0, "restarted"},
		{Ending{State: task.Stopped, Cause: ByShutdown}, 0, "supervisor was shut down"},
		{Ending{State: task.Failed, Cause: ByTimeout}, 0, "timed out after 5s"},
		{Ending{State: task.Failed, Cause: ByTimeout, Exit: kill, Killed: true}, 0, "timed out after 5s; killed"},
		{Ending{State: task.Done, Cause: ByLeftBehind, Exit: task.Exit{LeftBehind: 1}}, 0, "main process ended; 1 other swept"},
		{Ending{State: task.Failed, Cause: ByLeftBehind, Exit: task.Exit{Code: 2, LeftBehind: 3}}, 0, "exit code 2; main process ended; 3 others swept"},
		{Ending{State: task.Done, Cause: ByLeftBehind}, 0, ""}, // what it left ended by itself
		{Ending{State: task.Failed, Exit: task.Exit{Code: 1}}, 2, "exit code 1"},
		{Ending{State: task.Failed, Exit: task.Exit{Code: 1}}, 3, "exit code 1; gave up after 3 restarts"},
		{Ending{State: task.Done}, 3, ""},
		{Ending{State: task.Stopped, Cause: ByTime, Exit: task.Exit{Signal: syscall.SIGTERM}}, 0, "its next time had come"},
		{Ending{State: task.Failed, Cause: ByUnready}, 0, "not ready after 30s"},
		{Ending{State: task.Failed, Cause: ByUnready, Note: "status 503"}, 0, "not ready after 30s: status 503"},
		{Ending{State: task.Failed, Cause: ByUnready, Note: "status 503", Exit: kill, Killed: true}, 3, "not ready after 30s: status 503; killed; gave up after 3 restarts"},
		{Ending{State: task.Failed, Cause: ByUnhealthy, Note: "status 503", Exit: task.Exit{LeftBehind: 1}}, 0, "unhealthy: status 503; 1 escaped process stopped too"},
		{Ending{State: task.Failed, Exit: task.Exit{Code: 126, Err: "not started: db failed"}}, 0, "not started: db failed"},
	} {
		m := State{Phase: Over, Last: tt.last, Series: Series{Ran: true, Restarts: tt.restarts}}
		if got := m.Why(p); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.last, got, tt.want)
		}
	}
	unbegun := State{Phase: Over, Last: Ending{State: task.Stopped, Cause: ByStop}}
	if got, want := unbegun.Why(p), "stopped before it began"; got != want {
		t.Errorf("without a run: %q, want %q", got, want)
	}
	m := State{Phase: Over, Last: Ending{State: task.Failed, Exit: task.Exit{Code: 1}}, Series: Series{Restarts: 1}}
	if got, want := m.Why(Policy{Max: 1}), "exit code 1; gave up after 1 restart"; got != want {
		t.Errorf("after the only restart: %q, want %q", got, want)
	}
}
