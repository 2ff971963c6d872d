package task

import (
	"testing"
	"time"
)

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
