package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"tasks/pkg/task"
)

// What a terminal shows of a batch.
func TestBatchLine(t *testing.T) {
	t.Parallel()
	b := newBatch(time.Now().Add(-90*time.Second), []task.Info{
		{Name: "old", State: task.Failed}, {Name: "a", State: task.Running}, {Name: "b", State: task.Queued}, {Name: "c", State: task.Queued},
	})
	for _, tt := range []struct {
		see  task.Info
		want string
	}{
		{task.Info{Name: "other", State: task.Done}, "[#######.......................] 1 of 4 ended, 2 queued, 1 running, 1 failed, 1m30s"},
		{task.Info{Name: "a", State: task.BackingOff}, "[#######.......................] 1 of 4 ended, 2 queued, 1 backoff, 1 failed, 1m30s"},
		{task.Info{Name: "a", State: task.Done}, "[###############...............] 2 of 4 ended, 2 queued, 1 failed, 1m30s, 0.7/min, 3m00s left"},
		{task.Info{Name: "a", State: task.Running}, "[###############...............] 2 of 4 ended, 2 queued, 1 failed, 1m30s, 0.7/min, 3m00s left"},
	} {
		if b.see(tt.see); b.line(120) != tt.want {
			t.Errorf("after %s %s:\n%s, not\n%s", tt.see.Name, tt.see.State, b.line(120), tt.want)
		}
	}
	if line := b.line(30); line != "2 of 4 ended, 2 queued, 1 fai" {
		t.Errorf("in 30 columns %q", line)
	}
	if got := b.summary(); got != "4 tasks: 2 queued, 1 done, 1 failed, in 1m30s" {
		t.Error(got)
	}
}

// A wait on a terminal shows how far it is, and why a task has not ended well.
func TestWaitOnATerminal(t *testing.T) {
	t.Parallel()
	var errs bytes.Buffer
	e := newEnv()
	e.err, e.errTTY, e.color = &errs, true, "never"
	end := e.meter(newBatch(time.Now(), []task.Info{{Name: "a", State: task.Running}}))
	end()
	e.sayWhy([]task.Info{{Name: "b", State: task.Failed, Reason: "timed out after 1s"}, {Name: "c", State: task.Lost}})
	want := "tasks: b: failed: timed out after 1s\ntasks: c: lost\n"
	if got := errs.String(); !strings.Contains(got, "0 of 1 ended, 1 running, 0s") || !strings.HasSuffix(got, want) {
		t.Errorf("%q", got)
	}
	errs.Reset()
	e.sayWhy(make([]task.Info, 7))
	if got := errs.String(); strings.Count(got, "\n") != 6 || !strings.HasSuffix(got, "tasks: and 2 more: 'tasks show NAME' says why\n") {
		t.Errorf("%q", got)
	}
}
