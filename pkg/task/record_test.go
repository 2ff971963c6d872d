package task

import "testing"

// What an earlier version was asked for wins over a disabled schedule and an edit that it
// does not know. What it left as it was stays disabled, and edited.
func TestDropOverruled(t *testing.T) {
	next := func(r *Record) { r.Runs = append(r.Runs, Run{Run: 2}) }
	other := func(r *Record) { r.Spec.Command = []string{"other"} }
	for _, tt := range []struct {
		name             string
		state            State
		desired          Desired
		since            func(*Record)
		disabled, edited bool
	}{
		{"nothing", Running, DesiredRunning, func(*Record) {}, true, true},
		{"its run is paused", Running, DesiredRunning, func(r *Record) { r.State = Paused }, true, true},
		{"its run has failed", Running, DesiredRunning, func(r *Record) { r.State = Failed }, true, true},
		{"a later version adds to the spec", Running, DesiredRunning, func(r *Record) { r.Spec.Priority = 1 }, true, true},
		{"its schedule continues", Running, DesiredRunning, func(r *Record) { r.State = Waiting }, false, true},
		{"restarted", Running, DesiredRunning, next, false, true},
		{"replaced", Running, DesiredRunning, func(r *Record) { next(r); other(r) }, false, false},
		{"replaced by what waits", Running, DesiredRunning, func(r *Record) { r.State = Waiting; other(r) }, false, false},
		{"started", Stopped, DesiredStopped, func(r *Record) { r.State, r.Desired = Waiting, DesiredRunning }, false, true},
		{"run and stopped", Stopped, DesiredStopped, next, false, true},
	} {
		r := Record{
			Spec: Spec{Name: "a", Command: []string{"a"}}, State: tt.state, Desired: tt.desired, Runs: []Run{{Run: 1}},
			Disabled: true, Edited: &Spec{Name: "a", Command: []string{"edited"}},
		}
		r.SetAsOf()
		tt.since(&r)
		if r.DropOverruled(); r.Disabled != tt.disabled || (r.Edited != nil) != tt.edited {
			t.Errorf("%s: disabled %v, edited %v", tt.name, r.Disabled, r.Edited != nil)
		}
	}
}
