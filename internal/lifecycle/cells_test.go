package lifecycle

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tasks/pkg/task"
)

const (
	grace = 10 * time.Second
	limit = time.Hour
)

// states has at least one state for each phase, by names that begin with the phase's.
func states() map[string]State {
	left := task.Exit{Code: 3}
	automatic, begun, gone := Series{Automatic: true}, Series{Ran: true}, Run{Exited: true, Exit: left}
	stopped := State{Phase: Starting, Desired: task.DesiredStopped, Cause: ByStop, Grace: grace, Series: begun}
	dropped, killed := stopped, stopped
	dropped.Series.Automatic, killed.Run.Killed = true, true
	killedLeft := Run{Exited: true, Killed: true, Exit: left}
	return map[string]State{
		"idle":             {},
		"sleeping":         {Phase: Sleeping, Desired: task.DesiredRunning, Series: automatic},
		"sleeping held":    {Phase: Sleeping, Desired: task.DesiredRunning, Held: true, Series: automatic},
		"waiting":          {Phase: Waiting, Desired: task.DesiredRunning, Series: automatic},
		"waiting held":     {Phase: Waiting, Desired: task.DesiredRunning, Held: true, Series: automatic},
		"queued":           {Phase: Queued, Desired: task.DesiredRunning, Series: automatic},
		"queued held":      {Phase: Queued, Desired: task.DesiredRunning, Held: true, Series: automatic},
		"starting":         {Phase: Starting, Desired: task.DesiredRunning, Series: begun},
		"starting stopped": stopped,
		"starting again":   {Phase: Starting, Desired: task.DesiredRunning, Series: Series{Retry: true, Ran: true}},
		"starting unasked": {Phase: Starting, Desired: task.DesiredRunning, Series: Series{Automatic: true, Ran: true}},
		"starting dropped": dropped,
		"starting killed":  killed,
		"probing":          {Phase: Probing, Desired: task.DesiredRunning, Series: begun},
		"running":          {Phase: Running, Desired: task.DesiredRunning, Series: begun},
		"paused":           {Phase: Paused, Desired: task.DesiredRunning, Series: begun},
		"stopping":         {Phase: Stopping, Desired: task.DesiredStopped, Cause: ByStop, Grace: grace, Series: begun},
		"stopping left":    {Phase: Stopping, Desired: task.DesiredRunning, Cause: ByLeftBehind, Grace: grace, Run: gone, Series: begun},
		"stopping restart": {Phase: Stopping, Desired: task.DesiredRunning, Cause: ByRestart, Grace: grace, Series: begun},
		"stopping renew":   {Phase: Stopping, Desired: task.DesiredRunning, Cause: ByReplacement, Grace: grace, Series: begun},
		"killing":          {Phase: Killing, Desired: task.DesiredStopped, Cause: ByStop, Run: Run{Killed: true}, Series: begun},
		"killing left":     {Phase: Killing, Desired: task.DesiredRunning, Cause: ByLeftBehind, Run: killedLeft, Series: begun},
		"stuck":            {Phase: Stuck, Desired: task.DesiredStopped, Cause: ByStop, Run: Run{Killed: true}, Series: begun},
		"stuck left":       {Phase: Stuck, Desired: task.DesiredRunning, Cause: ByLeftBehind, Run: killedLeft, Series: begun},
		"backoff":          {Phase: Backoff, Desired: task.DesiredRunning, BackoffDelay: time.Second, Last: Ending{State: task.Failed, Exit: left}, Run: gone, Series: begun},
		"backoff held":     {Phase: Backoff, Desired: task.DesiredRunning, Held: true, BackoffDelay: time.Second, Last: Ending{State: task.Failed, Exit: left}, Run: gone, Series: begun},
		"over":             {Phase: Over, Desired: task.DesiredRunning, Last: Ending{State: task.Done}, Run: Run{Exited: true}, Series: begun},
		"over failed":      {Phase: Over, Desired: task.DesiredRunning, Last: Ending{State: task.Failed, Exit: left}, Run: gone, Series: begun},
		"over held":        {Phase: Over, Desired: task.DesiredRunning, Held: true, Last: Ending{State: task.Stopped}, Series: begun},
	}
}

// events has each event by the name that the tables give it.
var events = []struct {
	name  string
	event Event
}{
	{"start", Start{}},
	{"later", Start{Later: true}},
	{"stop", Stop{Grace: -1}},
	{"at once", Stop{Now: true, Grace: -1}},
	{"in 1s", Stop{Grace: time.Second}},
	{"shutdown", Stop{Shutdown: true, Grace: -1}},
	{"leave", Leave{Lasts: true}},
	{"restart", Restart{}},
	{"go on", GoOn{Clear: true}},
	{"sleep on", GoOn{Later: true, Continues: true}},
	{"replace", Replace{Grace: -1}},
	{"replace now", Replace{Now: true, Grace: -1}},
	{"remove", Remove{Grace: -1}},
	{"force", Remove{Force: true, Grace: -1}},
	{"pause", Pause{}},
	{"resume", Resume{}},
	{"tick", Tick{}},
	{"missed", Tick{Missed: 3}},
	{"deps met", DependenciesMet{}},
	{"dep failed", DependencyFailed{Exit: task.Exit{Code: 126, Err: "not started: db failed"}}},
	{"slot granted", SlotGranted{}},
	{"began", Began{}},
	{"failed", Failed{Exit: task.Exit{Code: 127, Err: "not there"}}},
	{"no resources", OutOfResources{Exit: task.Exit{Code: 126, Err: "no space left on device"}}},
	{"ready", Ready{}},
	{"unhealthy", Unhealthy{"connection refused"}},
	{"timed out", TimedOut{Note: "connection refused"}},
	{"exited", Exited{}},
	{"exited 1", Exited{Exit: task.Exit{Code: 1}}},
	{"exited, left", Exited{Left: true}},
	{"gone", Gone{LeftBehind: 2}},
	{"retry", Retry{}},
	{"retry later", Retry{Later: true}},
	{"disable", Disable{}},
	{"enable", Enable{}},
	{"edit", Edit{}},
	{"edit later", Edit{Later: true}},
}

// event is the one called name.
func event(name string) Event {
	for _, e := range events {
		if e.name == name {
			return e.event
		}
	}
	panic("no event is called " + name)
}

// policyOf reads the name of a table's policy.
func policyOf(t *testing.T, text string) Policy {
	p := Policy{Restart: task.RestartNo, Max: -1, Grace: grace, Timeout: limit, Backoff: task.Backoff{Min: time.Second, Max: time.Minute}}
	for word := range strings.FieldsSeq(text) {
		switch word {
		case "plain":
		case "after":
			p.After = true
		case "grouped":
			p.Grouped = true
		case "ready":
			p.Ready = time.Minute
		case "repeats":
			p.Repeats = true
		case "on-failure":
			p.Restart = task.RestartOnFailure
		case "leave":
			p.Leave = true
		case "skip", "queue", "replace":
			p.Overlap = task.Overlap(word)
		default:
			t.Fatalf("a policy has %q", word)
		}
	}
	return p
}

func TestEveryCell(t *testing.T) {
	t.Parallel()
	tried := make(map[string]bool) // by a plain policy
	for _, table := range tables {
		p := policyOf(t, table.policy)
		var header []string
		for line := range strings.Lines(strings.TrimSpace(table.cells)) {
			row := strings.Split(line, "|")
			for i := range row {
				row[i] = strings.TrimSpace(row[i])
			}
			if header == nil {
				header = row
				continue
			}
			m, ok := states()[row[0]]
			if !ok || len(row) != len(header) {
				t.Fatalf("%s: no state %q with %d cells", table.policy, row[0], len(row)-1)
			}
			for i := 1; i < len(row); i++ {
				if row[i] == "" { // nothing of it depends on the policy
					continue
				}
				if got := cell(p, m, event(header[i])); got != row[i] {
					t.Errorf("%s: %s, %s: got %q, want %q", table.policy, row[0], header[i], got, row[i])
				}
				if table.policy == "plain" {
					tried[row[0]+" by "+header[i]] = true
				}
			}
		}
	}
	seen := make(map[Phase]bool)
	for name, m := range states() {
		seen[m.Phase] = true
		if !strings.HasPrefix(name, m.Phase.String()) {
			t.Errorf("%s is in phase %v", name, m.Phase)
		}
		for _, e := range events {
			if !tried[name+" by "+e.name] {
				t.Errorf("%s by %s is in no table", name, e.name)
			}
		}
	}
	if len(seen) != len(phases) {
		t.Errorf("%d of %d phases are in the tables", len(seen), len(phases))
	}
}

// cell is what p does with s and e, as the tables say it; "reported" means that
// callers get the answer that the run did not end.
func cell(p Policy, s State, e Event) string {
	is, effects, err := lead(p, s, e, luck{})
	got := is.Phase.String()
	switch {
	case errors.Is(err, task.ErrConflict) && is == s && len(effects) == 0:
		return "conflict"
	case err != nil:
		return fmt.Sprintf("error %v", err)
	case !is.differs(s) && is.Held == s.Held && is.Series.Automatic == s.Series.Automatic && len(done(effects)) == 0:
		return "-"
	case is.Phase == s.Phase:
		got = "same"
	}
	for _, a := range done(effects) {
		got += " " + a.String()
	}
	if slices.ContainsFunc(effects, func(e Effect) bool { return e.Outcome == IsStuck }) {
		got += " reported"
	}
	return got
}
