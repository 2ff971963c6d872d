package cli

import (
	"testing"

	"tasks/internal/events"
)

// How a run ended is said once: by the reason of a failure, or beside the reason of anything else.
func TestEventDetail(t *testing.T) {
	t.Parallel()
	code := func(n int) *int { return &n }
	for _, c := range []struct {
		ev   events.Event
		want string
	}{
		{events.Event{Event: events.Done, ExitCode: code(0)}, "exit code 0"},
		{events.Event{Event: events.Done, ExitCode: code(3), Reason: "2 escaped processes stopped too"}, "exit code 3; 2 escaped processes stopped too"},
		{events.Event{Event: events.Failed, ExitCode: code(1), Reason: "exit code 1"}, "exit code 1"},
		{events.Event{Event: events.Failed, ExitCode: code(1), Reason: "the main process exited with code 1"}, "the main process exited with code 1"},
		{events.Event{Event: events.Failed, Signal: "SIGTERM", TimedOut: true, Reason: "timed out after 1s"}, "timed out after 1s"},
		{events.Event{Event: events.Failed, Signal: "SIGSEGV"}, "ended by SIGSEGV"},
		{events.Event{Event: events.Stopped, Signal: "SIGTERM", Reason: "stopped"}, "ended by SIGTERM"},
		{events.Event{Event: events.Stopped, Signal: "SIGKILL", Reason: "stopped; killed"}, "ended by SIGKILL; stopped; killed"},
		{events.Event{Event: events.Stopped, ExitCode: code(0), Reason: "restarted"}, "exit code 0; restarted"},
		{events.Event{Event: events.Lost, Reason: "ended while no supervisor watched"}, "ended while no supervisor watched"},
		{events.Event{Event: events.Running, PID: 7, Restarts: 2}, "pid 7; restart 2"},
	} {
		if got := (&printer{}).eventDetail(&c.ev); got != c.want {
			t.Errorf("%+v: %q, not %q", c.ev, got, c.want)
		}
	}
}
