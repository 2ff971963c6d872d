package task

import (
	"testing"
	"time"
)

func TestFailing(t *testing.T) {
	code := func(n int) *int { return &n }
	for _, tt := range []struct {
		name string
		info Info
		want bool
	}{
		{"failed", Info{State: Failed}, true},
		{"lost", Info{State: Lost}, true},
		{"done", Info{State: Done, ExitCode: code(0)}, false},
		{"done by its success codes", Info{State: Done, ExitCode: code(3)}, false},
		{"stopped by a signal", Info{State: Stopped, Signal: "SIGTERM"}, false},
		{"a schedule that never ran", Info{State: Waiting}, false},
		{"a schedule whose last run succeeded", Info{State: Waiting, ExitCode: code(0)}, false},
		{"a schedule whose last run failed", Info{State: Waiting, ExitCode: code(3)}, true},
		{"of a code that counts as success", Info{State: Waiting, ExitCode: code(3), Spec: Spec{SuccessCodes: []int{3}}}, false},
		{"of a code that counts as success no more", Info{State: Waiting, ExitCode: code(0), Spec: Spec{SuccessCodes: []int{3}}}, true},
		{"a schedule whose last run a signal ended", Info{State: Waiting, Signal: "SIGSEGV"}, true},
		{"that timed out and ended well", Info{State: Waiting, ExitCode: code(0), TimedOut: true}, true},
		{"that is queued for its next run", Info{State: Queued, ExitCode: code(1)}, true},
		{"backoff after a failure", Info{State: BackingOff, ExitCode: code(1)}, true},
		{"backoff after success, always restarted", Info{State: BackingOff, ExitCode: code(0)}, false},
		{"running", Info{State: Running, PID: 7}, false},
		{"a schedule that runs after one that failed", Info{State: Running, PID: 7, LastExit: &Run{State: Failed}, Spec: Spec{When: When{Cron: "@daily"}}}, true},
		{"after one that was replaced", Info{State: Running, PID: 7, LastExit: &Run{State: Stopped}, Spec: Spec{When: When{Cron: "@daily"}}}, false},
		{"its first run", Info{State: Running, PID: 7, Spec: Spec{When: When{Cron: "@daily"}}}, false},
		{"a service that was restarted after it failed", Info{State: Running, PID: 7, LastExit: &Run{State: Failed}}, false},
		{"a disabled schedule whose last run failed", Info{State: Stopped, Disabled: true, ExitCode: code(3), LastExit: &Run{State: Failed}}, false},
	} {
		if got := tt.info.Failing(); got != tt.want {
			t.Errorf("%s: failing is %v", tt.name, got)
		}
	}
}

func TestFinished(t *testing.T) {
	t.Parallel()
	var (
		plain    = Spec{}
		asShown  = Spec{Restart: RestartNo}
		retried  = Spec{Restart: RestartOnFailure, MaxRestarts: new(3)}
		always   = Spec{Restart: RestartAlways}
		schedule = Spec{When: When{Cron: "@daily"}}
		every    = Spec{When: When{Every: new(Duration(time.Hour))}}
		once     = Spec{When: When{At: "15:04"}}
		job      = Spec{Job: true}
		retryJob = Spec{Job: true, Restart: RestartOnFailure}
		keptJob  = Spec{Job: true, Restart: RestartAlways}
		timedJob = Spec{Job: true, When: When{Cron: "@daily"}}
	)
	for _, tt := range []struct {
		name string
		spec Spec
		bad  bool // finished if it has failed, was stopped or is lost
	}{
		{"plain", plain, true}, {"restart no", asShown, true}, {"once", once, true}, {"job", job, true}, {"job with retries", retryJob, true},
		{"on-failure", retried, false}, {"always", always, false}, {"cron", schedule, false}, {"every", every, false},
		{"job that always restarts", keptJob, false}, {"job with a schedule", timedJob, false},
	} {
		for _, state := range States() {
			info := Info{State: state, Spec: tt.spec}
			want := state == Done || state.Ended() && tt.bad
			if info.Finished() != want {
				t.Errorf("%s, %s: finished is %t", tt.name, state, !want)
			}
		}
	}
}
