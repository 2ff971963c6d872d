package lifecycle

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tasks/pkg/task"
)

const (
	grace = 10 * time.Second
	limit = time.Hour
)

// machines is one in each phase and more, by names that begin with the phase's.
func machines() map[string]Machine {
	left := task.Exit{Code: 3}
	return map[string]Machine{
		"idle":             {},
		"sleeping":         {Phase: Sleeping, Wish: task.Up},
		"sleeping shut":    {Phase: Sleeping, Wish: task.Up, Cause: Shutdown},
		"waiting":          {Phase: Waiting, Wish: task.Up},
		"waiting shut":     {Phase: Waiting, Wish: task.Up, Cause: Shutdown},
		"queued":           {Phase: Queued, Wish: task.Up},
		"queued shut":      {Phase: Queued, Wish: task.Up, Cause: Shutdown},
		"starting":         {Phase: Starting, Wish: task.Up, Begun: true},
		"starting stopped": {Phase: Starting, Wish: task.Down, Cause: Stop, Grace: grace, Begun: true},
		"starting again":   {Phase: Starting, Wish: task.Up, Retry: true, Begun: true},
		"starting unasked": {Phase: Starting, Wish: task.Up, Unasked: true, Begun: true},
		"starting dropped": {Phase: Starting, Wish: task.Down, Cause: Stop, Grace: grace, Unasked: true, Begun: true},
		"starting killed":  {Phase: Starting, Wish: task.Down, Cause: Stop, Grace: grace, Killed: true, Begun: true},
		"probing":          {Phase: Probing, Wish: task.Up, Begun: true},
		"running":          {Phase: Running, Wish: task.Up, Begun: true},
		"paused":           {Phase: Paused, Wish: task.Up, Begun: true},
		"stopping":         {Phase: Stopping, Wish: task.Down, Cause: Stop, Grace: grace, Begun: true},
		"stopping left":    {Phase: Stopping, Wish: task.Up, Cause: Sweep, Grace: grace, Exited: true, Exit: left, Begun: true},
		"stopping restart": {Phase: Stopping, Wish: task.Up, Cause: Restart, Grace: grace, Begun: true},
		"killing":          {Phase: Killing, Wish: task.Down, Cause: Stop, Killed: true, Begun: true},
		"killing left":     {Phase: Killing, Wish: task.Up, Cause: Sweep, Killed: true, Exited: true, Exit: left, Begun: true},
		"stuck":            {Phase: Stuck, Wish: task.Down, Cause: Stop, Killed: true, Begun: true},
		"stuck left":       {Phase: Stuck, Wish: task.Up, Cause: Sweep, Killed: true, Exited: true, Exit: left, Begun: true},
		"backoff":          {Phase: Backoff, Wish: task.Up, Pause: time.Second, Last: Ending{State: task.Failed, Exit: left}, Exited: true, Exit: left, Begun: true},
		"over":             {Phase: Over, Wish: task.Up, Last: Ending{State: task.Done}, Exited: true, Begun: true},
	}
}

// inputs are by the names that the tables give them.
var inputs = []struct {
	name string
	in   Input
}{
	{"start", Input{Kind: DoStart}},
	{"later", Input{Kind: DoStart, Later: true}},
	{"stop", Input{Kind: DoStop, Cause: Stop, Grace: -1}},
	{"at once", Input{Kind: DoStop, Cause: Stop, Now: true, Grace: -1}},
	{"in 1s", Input{Kind: DoStop, Cause: Stop, Grace: time.Second}},
	{"shutdown", Input{Kind: DoStop, Cause: Shutdown, Grace: -1}},
	{"restart", Input{Kind: DoRestart}},
	{"go on", Input{Kind: DoRestart, Unasked: true, Clear: true}},
	{"sleep on", Input{Kind: DoRestart, Unasked: true, Later: true}},
	{"pause", Input{Kind: DoPause}},
	{"resume", Input{Kind: DoResume}},
	{"tick", Input{Kind: DidTick}},
	{"late", Input{Kind: DidTick, Late: 3}},
	{"clear", Input{Kind: DidClear}},
	{"block", Input{Kind: DidBlock, Exit: task.Exit{Code: 126, Err: "dependency db is failed"}}},
	{"grant", Input{Kind: DidGrant}},
	{"began", Input{Kind: DidBegin}},
	{"failed", Input{Kind: DidFail, Exit: task.Exit{Code: 127, Err: "not there"}}},
	{"lacks", Input{Kind: DidLack, Exit: task.Exit{Code: 126, Err: "no space left on device"}}},
	{"ready", Input{Kind: DidReady}},
	{"sick", Input{Kind: DidSicken, Exit: task.Exit{Err: "connection refused"}}},
	{"timer", Input{Kind: DidTimeOut, Exit: task.Exit{Err: "connection refused"}}},
	{"exited", Input{Kind: DidExit}},
	{"exited 1", Input{Kind: DidExit, Exit: task.Exit{Code: 1}}},
	{"exited, left", Input{Kind: DidExit, Left: true}},
	{"gone", Input{Kind: DidVanish, Exit: task.Exit{Swept: 2}}},
	{"adopted", Input{Kind: DidAdopt}},
	{"adopted ready", Input{Kind: DidAdopt, Ready: true}},
	{"adopted paused", Input{Kind: DidAdopt, Ready: true, Paused: true}},
}

// input is the one called name.
func input(name string) Input {
	for _, in := range inputs {
		if in.name == name {
			return in.in
		}
	}
	panic("no input is called " + name)
}

// tables is every phase by every input, and then the cells that depend on the
// policy: the phase after it and the actions. "-" leaves the machine as it is,
// "same" the phase; "conflict" is refused.
var tables = []struct {
	policy string
	cells  string
}{
	{"plain", `
                 | start           | later    | stop             | at once          | in 1s            | shutdown         | restart         | go on           | sleep on     | pause    | resume
idle             | starting Launch | sleeping | over             | over             | over             | over             | starting Launch | starting Launch | sleeping     | conflict | conflict
sleeping         | conflict        | conflict | over             | over             | over             | same             | starting Launch | starting Launch | same         | conflict | conflict
sleeping shut    | conflict        | conflict | over             | over             | over             | -                | starting Launch | starting Launch | same         | conflict | conflict
waiting          | conflict        | conflict | over             | over             | over             | same             | -               | same            | same         | conflict | conflict
waiting shut     | conflict        | conflict | over             | over             | over             | -                | same            | same            | same         | conflict | conflict
queued           | conflict        | conflict | over             | over             | over             | same             | -               | same            | same         | conflict | conflict
queued shut      | conflict        | conflict | over             | over             | over             | -                | same            | same            | same         | conflict | conflict
starting         | conflict        | conflict | same             | same             | same             | same             | -               | same            | same         | conflict | conflict
starting again   | conflict        | conflict | same             | same             | same             | same             | -               | same            | same         | conflict | conflict
starting unasked | conflict        | conflict | same             | same             | same             | same             | same            | -               | -            | conflict | conflict
starting stopped | conflict        | conflict | -                | same             | same             | -                | same            | same            | same         | conflict | conflict
starting dropped | conflict        | conflict | -                | same             | same             | -                | same            | same            | same         | conflict | conflict
starting killed  | conflict        | conflict | -                | -                | same             | -                | same            | same            | same         | conflict | conflict
probing          | conflict        | conflict | stopping Ask     | killing Kill     | stopping Ask     | stopping Ask     | stopping Ask    | stopping Ask    | stopping Ask | conflict | conflict
running          | conflict        | conflict | stopping Ask     | killing Kill     | stopping Ask     | stopping Ask     | stopping Ask    | stopping Ask    | stopping Ask | paused   | -
paused           | conflict        | conflict | stopping Ask     | killing Kill     | stopping Ask     | stopping Ask     | stopping Ask    | stopping Ask    | stopping Ask | -        | running
stopping         | conflict        | conflict | -                | killing Kill     | same             | -                | same            | same            | same         | conflict | conflict
stopping left    | conflict        | conflict | same             | killing Kill     | same             | same             | same            | same            | same         | conflict | conflict
stopping restart | conflict        | conflict | same             | killing Kill     | same             | same             | -               | -               | -            | conflict | conflict
killing          | conflict        | conflict | -                | -                | -                | -                | same            | same            | same         | conflict | conflict
killing left     | conflict        | conflict | same             | same             | same             | same             | same            | same            | same         | conflict | conflict
stuck            | conflict        | conflict | same Kill Report | same Kill Report | same Kill Report | same Kill Report | same Report     | same Report     | same Report  | conflict | conflict
stuck left       | conflict        | conflict | same Kill Report | same Kill Report | same Kill Report | same Kill Report | same Report     | same Report     | same Report  | conflict | conflict
backoff          | conflict        | conflict | over             | over             | over             | over             | starting Launch | starting Launch | sleeping     | conflict | conflict
over             | starting Launch | sleeping | same             | same             | same             | -                | starting Launch | starting Launch | sleeping     | conflict | conflict
`},
	{"plain", `
                 | tick            | late            | clear           | block | grant           | ready   | sick         | timer
idle             | -               | -               | -               | -     | -               | -       | -            | -
sleeping         | starting Launch | starting Launch | -               | -     | -               | -       | -            | -
sleeping shut    | -               | -               | -               | -     | -               | -       | -            | -
waiting          | -               | -               | starting Launch | over  | -               | -       | -            | -
waiting shut     | -               | -               | -               | -     | -               | -       | -            | -
queued           | -               | -               | -               | -     | starting Launch | -       | -            | -
queued shut      | -               | -               | -               | -     | -               | -       | -            | -
starting         | -               | -               | -               | -     | -               | -       | -            | -
starting again   | -               | -               | -               | -     | -               | -       | -            | -
starting unasked | -               | -               | -               | -     | -               | -       | -            | -
starting stopped | -               | -               | -               | -     | -               | -       | -            | -
starting dropped | -               | -               | -               | -     | -               | -       | -            | -
starting killed  | -               | -               | -               | -     | -               | -       | -            | -
probing          | -               | -               | -               | -     | -               | running | -            | stopping Ask
running          | -               | -               | -               | -     | -               | -       | stopping Ask | stopping Ask
paused           | -               | -               | -               | -     | -               | -       | -            | -
stopping         | -               | -               | -               | -     | -               | -       | -            | killing Kill
stopping left    | -               | -               | -               | -     | -               | -       | -            | killing Kill
stopping restart | -               | -               | -               | -     | -               | -       | -            | killing Kill
killing          | -               | -               | -               | -     | -               | -       | -            | stuck Report
killing left     | -               | -               | -               | -     | -               | -       | -            | stuck Report
stuck            | -               | -               | -               | -     | -               | -       | -            | -
stuck left       | -               | -               | -               | -     | -               | -       | -            | -
backoff          | -               | -               | -               | -     | -               | -       | -            | starting Launch
over             | -               | -               | -               | -     | -               | -       | -            | -
`},
	{"plain", `
                 | began        | failed      | lacks       | exited                 | exited 1               | exited, left | gone        | adopted | adopted ready | adopted paused
idle             | -            | -           | -           | -                      | -                      | -            | -           | running | running       | paused
sleeping         | -            | -           | -           | -                      | -                      | -            | -           | -       | -             | -
sleeping shut    | -            | -           | -           | -                      | -                      | -            | -           | -       | -             | -
waiting          | -            | -           | -           | -                      | -                      | -            | -           | -       | -             | -
waiting shut     | -            | -           | -           | -                      | -                      | -            | -           | -       | -             | -
queued           | -            | -           | -           | -                      | -                      | -            | -           | -       | -             | -
queued shut      | -            | -           | -           | -                      | -                      | -            | -           | -       | -             | -
starting         | running      | over Settle | over Settle | -                      | -                      | -            | -           | -       | -             | -
starting again   | running      | over Settle | over Settle | -                      | -                      | -            | -           | -       | -             | -
starting unasked | running      | over Settle | over Settle | -                      | -                      | -            | -           | -       | -             | -
starting stopped | stopping Ask | over Settle | over Settle | -                      | -                      | -            | -           | -       | -             | -
starting dropped | stopping Ask | over Settle | over Settle | -                      | -                      | -            | -           | -       | -             | -
starting killed  | killing Kill | over Settle | over Settle | -                      | -                      | -            | -           | -       | -             | -
probing          | -            | -           | -           | over Settle            | over Settle            | stopping Ask | -           | -       | -             | -
running          | -            | -           | -           | over Settle            | over Settle            | stopping Ask | -           | -       | -             | -
paused           | -            | -           | -           | over Settle            | over Settle            | stopping Ask | -           | -       | -             | -
stopping         | -            | -           | -           | over Settle            | over Settle            | same         | -           | -       | -             | -
stopping left    | -            | -           | -           | -                      | -                      | -            | over Settle | -       | -             | -
stopping restart | -            | -           | -           | starting Settle Launch | starting Settle Launch | same         | -           | -       | -             | -
killing          | -            | -           | -           | over Settle            | over Settle            | same         | -           | -       | -             | -
killing left     | -            | -           | -           | -                      | -                      | -            | over Settle | -       | -             | -
stuck            | -            | -           | -           | over Settle            | over Settle            | same         | -           | -       | -             | -
stuck left       | -            | -           | -           | -                      | -                      | -            | over Settle | -       | -             | -
backoff          | -            | -           | -           | -                      | -                      | -            | -           | -       | -             | -
over             | -            | -           | -           | -                      | -                      | -            | -           | running | running       | paused
`},
	{"after", `
                 | start    | restart  | go on           | sleep on | tick    | clear           | timer           | exited
idle             | waiting  | waiting  | starting Launch | sleeping | -       | -               | -               | -
sleeping         | conflict | waiting  | starting Launch | same     | waiting | -               | -               | -
waiting          | conflict | -        | same            | same     | -       | starting Launch | -               | -
queued           | conflict | -        | same            | same     | -       | -               | -               | -
stopping restart | conflict | -        | -               | -        | -       | -               | killing Kill    | starting Settle Launch
backoff          | conflict | waiting  | starting Launch | sleeping | -       | -               | starting Launch | -
over             | waiting  | waiting  | starting Launch | sleeping | -       | -               | -               | -`},
	{"grouped", `
                 | start    | restart  | go on  | sleep on | tick   | clear  | grant           | timer        | exited
idle             | queued   | queued   | queued | sleeping | -      | -      | -               | -            | -
sleeping         | conflict | queued   | queued | same     | queued | -      | -               | -            | -
waiting          | conflict | -        | same   | same     | -      | queued | -               | -            | -
queued           | conflict | -        | same   | same     | -      | -      | starting Launch | -            | -
stopping restart | conflict | -        | -      | -        | -      | -      | -               | killing Kill | starting Settle Launch
backoff          | conflict | queued   | queued | sleeping | -      | -      | -               | queued       | -
over             | queued   | queued   | queued | sleeping | -      | -      | -               | -            | -`},
	{"grouped", `
                 | failed      | lacks
starting         | over Settle | queued Forget
starting again   | over Settle | queued Forget
starting stopped | over Settle | over Forget
starting unasked | over Settle | queued Forget
starting dropped | over Settle | over Forget`},
	{"after grouped", `
                 | start    | restart  | go on  | tick    | clear  | block | grant           | timer
idle             | waiting  | waiting  | queued | -       | -      | -     | -               | -
sleeping         | conflict | waiting  | queued | waiting | -      | -     | -               | -
waiting          | conflict | -        | same   | -       | queued | over  | -               | -
queued           | conflict | -        | same   | -       | -      | -     | starting Launch | -
backoff          | conflict | waiting  | queued | -       | -      | -     | -               | queued
over             | waiting  | waiting  | queued | -       | -      | -     | -               | -`},
	{"ready", `
                 | began        | adopted | adopted ready | adopted paused | ready   | resume
idle             | -            | probing | running       | paused         | -       | conflict
starting         | probing      | -       | -             | -              | -       | conflict
starting again   | probing      | -       | -             | -              | -       | conflict
starting stopped | stopping Ask | -       | -             | -              | -       | conflict
starting killed  | killing Kill | -       | -             | -              | -       | conflict
probing          | -            | -       | -             | -              | running | conflict
running          | -            | -       | -             | -              | -       | -
paused           | -            | -       | -             | -              | -       | running
over             | -            | probing | running       | paused         | -       | conflict`},
	{"leave", `
                 | exited, left | gone
probing          | over Settle  | -
running          | over Settle  | -
paused           | over Settle  | -
stopping         | same         | -
stopping left    | -            | over Settle
killing          | same         | -
stuck            | same         | -`},
	{"on-failure", `
                 | failed         | lacks          | exited      | exited 1       | gone
starting         | over Settle    | over Settle    | -           | -              | -
starting again   | over Settle    | backoff Settle | -           | -              | -
starting unasked | backoff Settle | backoff Settle | -           | -              | -
starting stopped | over Settle    | over Settle    | -           | -              | -
probing          | -              | -              | over Settle | backoff Settle | -
running          | -              | -              | over Settle | backoff Settle | -
paused           | -              | -              | over Settle | backoff Settle | -
stopping         | -              | -              | over Settle | over Settle    | -
stopping left    | -              | -              | -           | -              | backoff Settle
killing left     | -              | -              | -           | -              | backoff Settle
stuck left       | -              | -              | -           | -              | backoff Settle`},
	{"repeats", `
                 | tick            | late            | clear           | block    | failed          | exited                 | exited 1               | gone
idle             | -               | -               | -               | -        | -               | -                      | -                      | -
sleeping         | starting Launch | starting Launch | -               | -        | -               | -                      | -                      | -
sleeping shut    | -               | -               | -               | -        | -               | -                      | -                      | -
waiting          | -               | -               | starting Launch | sleeping | -               | -                      | -                      | -
waiting shut     | -               | -               | -               | -        | -               | -                      | -                      | -
queued           | -               | -               | -               | -        | -               | -                      | -                      | -
starting         | -               | -               | -               | -        | over Settle     | -                      | -                      | -
starting again   | -               | -               | -               | -        | over Settle     | -                      | -                      | -
probing          | -               | -               | -               | -        | -               | sleeping Settle        | sleeping Settle        | -
running          | -               | -               | -               | -        | -               | sleeping Settle        | sleeping Settle        | -
paused           | -               | -               | -               | -        | -               | sleeping Settle        | sleeping Settle        | -
stopping         | -               | -               | -               | -        | -               | over Settle            | over Settle            | -
stopping left    | -               | -               | -               | -        | -               | -                      | -                      | sleeping Settle
stopping restart | -               | -               | -               | -        | -               | starting Settle Launch | starting Settle Launch | -
killing left     | -               | -               | -               | -        | -               | -                      | -                      | sleeping Settle
stuck left       | -               | -               | -               | -        | -               | -                      | -                      | sleeping Settle
backoff          | starting Launch | starting Launch | -               | -        | -               | -                      | -                      | -
over             | -               | -               | -               | -        | -               | -                      | -                      | -`},
	{"repeats on-failure", `
                 | tick            | exited          | exited 1       | timer
running          | -               | sleeping Settle | backoff Settle | stopping Ask
stopping         | -               | over Settle     | over Settle    | killing Kill
backoff          | starting Launch | -               | -              | starting Launch`},
	{"repeats after grouped", `
                 | tick    | clear  | block    | grant           | timer
sleeping         | waiting | -      | -        | -               | -
waiting          | -       | queued | sleeping | -               | -
queued           | -       | -      | -        | starting Launch | -
backoff          | waiting | -      | -        | -               | queued`},
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
			m, ok := machines()[row[0]]
			if !ok || len(row) != len(header) {
				t.Fatalf("%s: no machine %q with %d cells", table.policy, row[0], len(row)-1)
			}
			for i := 1; i < len(row); i++ {
				if row[i] == "" { // nothing of it depends on the policy
					continue
				}
				if got := cell(p, m, input(header[i])); got != row[i] {
					t.Errorf("%s: %s, %s: got %q, want %q", table.policy, row[0], header[i], got, row[i])
				}
				if table.policy == "plain" {
					tried[row[0]+" by "+header[i]] = true
				}
			}
		}
	}
	seen := make(map[Phase]bool)
	for name, m := range machines() {
		seen[m.Phase] = true
		if !strings.HasPrefix(name, m.Phase.String()) {
			t.Errorf("%s is a machine in phase %v", name, m.Phase)
		}
		for _, in := range inputs {
			if !tried[name+" by "+in.name] {
				t.Errorf("%s by %s is in no table", name, in.name)
			}
		}
	}
	if len(seen) != len(phases) {
		t.Errorf("%d of %d phases are in the tables", len(seen), len(phases))
	}
}

// cell is what p does with m and in, as the tables say it.
func cell(p Policy, m Machine, in Input) string {
	next, acts, err := m.Next(p, in)
	got := next.Phase.String()
	switch {
	case errors.Is(err, task.ErrConflict) && next == m && len(acts) == 0:
		return "conflict"
	case err != nil:
		return fmt.Sprintf("error %v", err)
	case next == m && len(acts) == 0:
		return "-"
	case next.Phase == m.Phase:
		got = "same"
	}
	for _, a := range acts {
		got += " " + actionName(a)
	}
	return got
}

func actionName(a Action) string {
	return [...]string{"Launch", "Ask", "Kill", "Settle", "Report", "Forget"}[a]
}
