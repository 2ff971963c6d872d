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

// states is one in each phase and more, by names that begin with the phase's.
func states() map[string]State {
	left := task.Exit{Code: 3}
	heard, begun, gone := Turn{Automatic: true}, Turn{Ran: true}, Run{Exited: true, Exit: left}
	stopped := State{Phase: Starting, Wish: task.Down, Cause: ByStop, Grace: grace, Turn: begun}
	dropped, killed := stopped, stopped
	dropped.Turn.Automatic, killed.Run.Killed = true, true
	killedLeft := Run{Exited: true, Killed: true, Exit: left}
	return map[string]State{
		"idle":             {},
		"sleeping":         {Phase: Sleeping, Wish: task.Up, Turn: heard},
		"sleeping held":    {Phase: Sleeping, Wish: task.Up, Held: true, Turn: heard},
		"waiting":          {Phase: Waiting, Wish: task.Up, Turn: heard},
		"waiting held":     {Phase: Waiting, Wish: task.Up, Held: true, Turn: heard},
		"queued":           {Phase: Queued, Wish: task.Up, Turn: heard},
		"queued held":      {Phase: Queued, Wish: task.Up, Held: true, Turn: heard},
		"starting":         {Phase: Starting, Wish: task.Up, Turn: begun},
		"starting stopped": stopped,
		"starting again":   {Phase: Starting, Wish: task.Up, Turn: Turn{Retry: true, Ran: true}},
		"starting unasked": {Phase: Starting, Wish: task.Up, Turn: Turn{Automatic: true, Ran: true}},
		"starting dropped": dropped,
		"starting killed":  killed,
		"probing":          {Phase: Probing, Wish: task.Up, Turn: begun},
		"running":          {Phase: Running, Wish: task.Up, Turn: begun},
		"paused":           {Phase: Paused, Wish: task.Up, Turn: begun},
		"stopping":         {Phase: Stopping, Wish: task.Down, Cause: ByStop, Grace: grace, Turn: begun},
		"stopping left":    {Phase: Stopping, Wish: task.Up, Cause: BySweep, Grace: grace, Run: gone, Turn: begun},
		"stopping restart": {Phase: Stopping, Wish: task.Up, Cause: ByRestart, Grace: grace, Turn: begun},
		"stopping renew":   {Phase: Stopping, Wish: task.Up, Cause: ByReplacement, Grace: grace, Turn: begun},
		"killing":          {Phase: Killing, Wish: task.Down, Cause: ByStop, Run: Run{Killed: true}, Turn: begun},
		"killing left":     {Phase: Killing, Wish: task.Up, Cause: BySweep, Run: killedLeft, Turn: begun},
		"stuck":            {Phase: Stuck, Wish: task.Down, Cause: ByStop, Run: Run{Killed: true}, Turn: begun},
		"stuck left":       {Phase: Stuck, Wish: task.Up, Cause: BySweep, Run: killedLeft, Turn: begun},
		"backoff":          {Phase: Backoff, Wish: task.Up, Pause: time.Second, Last: Ending{State: task.Failed, Exit: left}, Run: gone, Turn: begun},
		"backoff held":     {Phase: Backoff, Wish: task.Up, Held: true, Pause: time.Second, Last: Ending{State: task.Failed, Exit: left}, Run: gone, Turn: begun},
		"over":             {Phase: Over, Wish: task.Up, Last: Ending{State: task.Done}, Run: Run{Exited: true}, Turn: begun},
		"over held":        {Phase: Over, Wish: task.Up, Held: true, Last: Ending{State: task.Stopped}, Turn: begun},
	}
}

// events are by the names that the tables give them.
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
	{"sleep on", GoOn{Later: true}},
	{"replace", Replace{Grace: -1}},
	{"replace now", Replace{Now: true, Grace: -1}},
	{"remove", Remove{Grace: -1}},
	{"force", Remove{Force: true, Grace: -1}},
	{"pause", Pause{}},
	{"resume", Resume{}},
	{"tick", Tick{}},
	{"late", Tick{Late: 3}},
	{"clear", DependenciesMet{}},
	{"block", DependencyFailed{Exit: task.Exit{Code: 126, Err: "dependency db is failed"}}},
	{"grant", SlotGranted{}},
	{"began", Began{}},
	{"failed", Failed{Exit: task.Exit{Code: 127, Err: "not there"}}},
	{"lacks", OutOfResources{Exit: task.Exit{Code: 126, Err: "no space left on device"}}},
	{"ready", Ready{}},
	{"sick", Unhealthy{"connection refused"}},
	{"timer", TimedOut{Note: "connection refused"}},
	{"exited", Exited{}},
	{"exited 1", Exited{Exit: task.Exit{Code: 1}}},
	{"exited, left", Exited{Left: true}},
	{"gone", Gone{Swept: 2}},
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

// tables is every phase by every input, and then the cells that depend on the
// policy: the phase after it and the actions. "-" leaves the machine as it is,
// "same" the phase; "conflict" is refused.
var tables = []struct {
	policy string
	cells  string
}{
	{"plain", `
                 | start           | later    | stop           | at once        | in 1s          | shutdown       | leave    | restart
idle             | starting Launch | sleeping | conflict       | conflict       | conflict       | conflict       | conflict | starting Launch
sleeping         | conflict        | conflict | over           | over           | over           | same           | same     | starting Launch
sleeping held    | conflict        | conflict | over           | over           | over           | -              | -        | starting Launch
waiting          | conflict        | conflict | over           | over           | over           | same           | same     | -
waiting held     | conflict        | conflict | over           | over           | over           | -              | -        | same
queued           | conflict        | conflict | over           | over           | over           | same           | same     | -
queued held      | conflict        | conflict | over           | over           | over           | -              | -        | same
starting         | conflict        | conflict | same           | same           | same           | same           | same     | -
starting again   | conflict        | conflict | same           | same           | same           | same           | same     | -
starting unasked | conflict        | conflict | same           | same           | same           | same           | same     | same
starting stopped | conflict        | conflict | -              | same           | same           | -              | same     | same
starting dropped | conflict        | conflict | -              | same           | same           | -              | same     | same
starting killed  | conflict        | conflict | -              | -              | same           | -              | same     | same
probing          | conflict        | conflict | stopping Ask   | killing Kill   | stopping Ask   | stopping Ask   | same     | stopping Ask
running          | conflict        | conflict | stopping Ask   | killing Kill   | stopping Ask   | stopping Ask   | same     | stopping Ask
paused           | conflict        | conflict | stopping Ask   | killing Kill   | stopping Ask   | stopping Ask   | same     | stopping Ask
stopping         | conflict        | conflict | -              | killing Kill   | same           | -              | same     | same
stopping left    | conflict        | conflict | same           | killing Kill   | same           | same           | same     | same
stopping restart | conflict        | conflict | same           | killing Kill   | same           | same           | same     | -
stopping renew   | conflict        | conflict | same           | killing Kill   | same           | same           | same     | -
killing          | conflict        | conflict | -              | -              | -              | -              | same     | same
killing left     | conflict        | conflict | same           | same           | same           | same           | same     | same
stuck            | conflict        | conflict | same Kill told | same Kill told | same Kill told | same Kill told | same     | same told
stuck left       | conflict        | conflict | same Kill told | same Kill told | same Kill told | same Kill told | same     | same told
backoff          | conflict        | conflict | over           | over           | over           | over           | same     | starting Launch
backoff held     | conflict        | conflict | over           | over           | over           | over           | -        | starting Launch
over             | starting Launch | sleeping | same           | same           | same           | -              | -        | starting Launch
over held        | starting Launch | sleeping | same           | same           | same           | -              | -        | starting Launch
`},
	{"plain", `
                 | go on           | sleep on | replace               | replace now           | remove            | force             | pause    | resume   | tick            | late
idle             | conflict        | conflict | conflict              | conflict              | conflict          | conflict          | conflict | conflict | -               | -
sleeping         | conflict        | conflict | starting Renew Launch | starting Renew Launch | conflict          | idle Erase Vanish | conflict | conflict | starting Launch | starting Launch
sleeping held    | starting Launch | same     | starting Renew Launch | starting Renew Launch | conflict          | idle Erase Vanish | conflict | conflict | -               | -
waiting          | conflict        | conflict | starting Renew Launch | starting Renew Launch | conflict          | idle Erase Vanish | conflict | conflict | -               | -
waiting held     | starting Launch | sleeping | starting Renew Launch | starting Renew Launch | conflict          | idle Erase Vanish | conflict | conflict | -               | -
queued           | conflict        | conflict | starting Renew Launch | starting Renew Launch | conflict          | idle Erase Vanish | conflict | conflict | -               | -
queued held      | starting Launch | sleeping | starting Renew Launch | starting Renew Launch | conflict          | idle Erase Vanish | conflict | conflict | -               | -
starting         | conflict        | conflict | same                  | same                  | conflict          | same              | conflict | conflict | -               | -
starting again   | conflict        | conflict | same                  | same                  | conflict          | same              | conflict | conflict | -               | -
starting unasked | conflict        | conflict | same                  | same                  | conflict          | same              | conflict | conflict | -               | -
starting stopped | conflict        | conflict | same                  | same                  | conflict          | -                 | conflict | conflict | -               | -
starting dropped | conflict        | conflict | same                  | same                  | conflict          | -                 | conflict | conflict | -               | -
starting killed  | conflict        | conflict | same                  | same                  | conflict          | -                 | conflict | conflict | -               | -
probing          | conflict        | conflict | stopping Ask          | killing Kill          | conflict          | stopping Ask      | conflict | conflict | -               | -
running          | conflict        | conflict | stopping Ask          | killing Kill          | conflict          | stopping Ask      | paused   | -        | -               | -
paused           | conflict        | conflict | stopping Ask          | killing Kill          | conflict          | stopping Ask      | -        | running  | -               | -
stopping         | conflict        | conflict | same                  | killing Kill          | conflict          | -                 | conflict | conflict | -               | -
stopping left    | conflict        | conflict | same                  | killing Kill          | conflict          | same              | conflict | conflict | -               | -
stopping restart | conflict        | conflict | same                  | killing Kill          | conflict          | same              | conflict | conflict | -               | -
stopping renew   | conflict        | conflict | -                     | killing Kill          | conflict          | same              | conflict | conflict | -               | -
killing          | conflict        | conflict | same                  | same                  | conflict          | -                 | conflict | conflict | -               | -
killing left     | conflict        | conflict | same                  | same                  | conflict          | same              | conflict | conflict | -               | -
stuck            | conflict        | conflict | same Kill told        | same Kill told        | conflict          | same Kill told    | conflict | conflict | -               | -
stuck left       | conflict        | conflict | same Kill told        | same Kill told        | conflict          | same Kill told    | conflict | conflict | -               | -
backoff          | conflict        | conflict | starting Renew Launch | starting Renew Launch | conflict          | idle Erase Vanish | conflict | conflict | -               | -
backoff held     | conflict        | conflict | starting Renew Launch | starting Renew Launch | conflict          | idle Erase Vanish | conflict | conflict | -               | -
over             | conflict        | conflict | conflict              | conflict              | idle Erase Vanish | idle Erase Vanish | conflict | conflict | -               | -
over held        | starting Launch | sleeping | conflict              | conflict              | idle Erase Vanish | idle Erase Vanish | conflict | conflict | -               | -
`},
	{"plain", `
                 | clear           | block      | grant           | ready   | sick         | timer           | began        | failed      | lacks
idle             | -               | -          | -               | -       | -            | -               | -            | -           | -
sleeping         | -               | -          | -               | -       | -            | -               | -            | -           | -
sleeping held    | -               | -          | -               | -       | -            | -               | -            | -           | -
waiting          | starting Launch | over Blame | -               | -       | -            | -               | -            | -           | -
waiting held     | -               | -          | -               | -       | -            | -               | -            | -           | -
queued           | -               | -          | starting Launch | -       | -            | -               | -            | -           | -
queued held      | -               | -          | -               | -       | -            | -               | -            | -           | -
starting         | -               | -          | -               | -       | -            | -               | running      | over Settle | over Settle
starting again   | -               | -          | -               | -       | -            | -               | running      | over Settle | over Settle
starting unasked | -               | -          | -               | -       | -            | -               | running      | over Settle | over Settle
starting stopped | -               | -          | -               | -       | -            | -               | stopping Ask | over Settle | over Settle
starting dropped | -               | -          | -               | -       | -            | -               | stopping Ask | over Settle | over Settle
starting killed  | -               | -          | -               | -       | -            | -               | killing Kill | over Settle | over Settle
probing          | -               | -          | -               | running | -            | stopping Ask    | -            | -           | -
running          | -               | -          | -               | -       | stopping Ask | stopping Ask    | -            | -           | -
paused           | -               | -          | -               | -       | -            | -               | -            | -           | -
stopping         | -               | -          | -               | -       | -            | killing Kill    | -            | -           | -
stopping left    | -               | -          | -               | -       | -            | killing Kill    | -            | -           | -
stopping restart | -               | -          | -               | -       | -            | killing Kill    | -            | -           | -
stopping renew   | -               | -          | -               | -       | -            | killing Kill    | -            | -           | -
killing          | -               | -          | -               | -       | -            | stuck           | -            | -           | -
killing left     | -               | -          | -               | -       | -            | stuck           | -            | -           | -
stuck            | -               | -          | -               | -       | -            | -               | -            | -           | -
stuck left       | -               | -          | -               | -       | -            | -               | -            | -           | -
backoff          | -               | -          | -               | -       | -            | starting Launch | -            | -           | -
backoff held     | -               | -          | -               | -       | -            | -               | -            | -           | -
over             | -               | -          | -               | -       | -            | -               | -            | -           | -
over held        | -               | -          | -               | -       | -            | -               | -            | -           | -
`},
	{"plain", `
                 | exited                       | exited 1                     | exited, left | gone
idle             | -                            | -                            | -            | -
sleeping         | -                            | -                            | -            | -
sleeping held    | -                            | -                            | -            | -
waiting          | -                            | -                            | -            | -
waiting held     | -                            | -                            | -            | -
queued           | -                            | -                            | -            | -
queued held      | -                            | -                            | -            | -
starting         | -                            | -                            | -            | -
starting again   | -                            | -                            | -            | -
starting unasked | -                            | -                            | -            | -
starting stopped | -                            | -                            | -            | -
starting dropped | -                            | -                            | -            | -
starting killed  | -                            | -                            | -            | -
probing          | over Settle                  | over Settle                  | stopping Ask | -
running          | over Settle                  | over Settle                  | stopping Ask | -
paused           | over Settle                  | over Settle                  | stopping Ask | -
stopping         | over Settle                  | over Settle                  | same         | -
stopping left    | -                            | -                            | -            | over Settle
stopping restart | starting Settle Launch       | starting Settle Launch       | same         | -
stopping renew   | starting Settle Renew Launch | starting Settle Renew Launch | same         | -
killing          | over Settle                  | over Settle                  | same         | -
killing left     | -                            | -                            | -            | over Settle
stuck            | over Settle                  | over Settle                  | same         | -
stuck left       | -                            | -                            | -            | over Settle
backoff          | -                            | -                            | -            | -
backoff held     | -                            | -                            | -            | -
over             | -                            | -                            | -            | -
over held        | -                            | -                            | -            | -
`},
	{"after", `
                 | start    | restart | go on           | sleep on | replace       | tick    | clear           | timer           | exited
idle             | waiting  | waiting | conflict        | conflict | conflict      | -       | -               | -               | -
sleeping         | conflict | waiting | conflict        | conflict | waiting Renew | waiting | -               | -               | -
sleeping held    | conflict | waiting | starting Launch | same     | waiting Renew | -       | -               | -               | -
waiting          | conflict | -       | conflict        | conflict | same Renew    | -       | starting Launch | -               | -
queued           | conflict | -       | conflict        | conflict | waiting Renew | -       | -               | -               | -
stopping restart | conflict | -       | conflict        | conflict | same          | -       | -               | killing Kill    | starting Settle Launch
stopping renew   | conflict | -       | conflict        | conflict | -             | -       | -               | killing Kill    | waiting Settle Renew
backoff          | conflict | waiting | conflict        | conflict | waiting Renew | -       | -               | starting Launch | -
over             | waiting  | waiting | conflict        | conflict | conflict      | -       | -               | -               | -
over held        | waiting  | waiting | starting Launch | sleeping | conflict      | -       | -               | -               | -
`},
	{"grouped", `
                 | start    | restart | go on    | sleep on | replace      | tick   | clear  | grant           | timer        | exited
idle             | queued   | queued  | conflict | conflict | conflict     | -      | -      | -               | -            | -
sleeping         | conflict | queued  | conflict | conflict | queued Renew | queued | -      | -               | -            | -
sleeping held    | conflict | queued  | queued   | same     | queued Renew | -      | -      | -               | -            | -
waiting          | conflict | -       | conflict | conflict | queued Renew | -      | queued | -               | -            | -
queued           | conflict | -       | conflict | conflict | same Renew   | -      | -      | starting Launch | -            | -
stopping restart | conflict | -       | conflict | conflict | same         | -      | -      | -               | killing Kill | starting Settle Launch
stopping renew   | conflict | -       | conflict | conflict | -            | -      | -      | -               | killing Kill | queued Settle Renew
backoff          | conflict | queued  | conflict | conflict | queued Renew | -      | -      | -               | queued       | -
over             | queued   | queued  | conflict | conflict | conflict     | -      | -      | -               | -            | -
over held        | queued   | queued  | queued   | sleeping | conflict     | -      | -      | -               | -            | -
`},
	{"grouped", `
                 | failed      | lacks
starting         | over Settle | queued Forget
starting again   | over Settle | queued Forget
starting stopped | over Settle | over Forget
starting unasked | over Settle | queued Forget
starting dropped | over Settle | over Forget
`},
	{"after grouped", `
              | start    | restart | go on    | tick    | clear  | block      | grant           | timer
idle          | waiting  | waiting | conflict | -       | -      | -          | -               | -
sleeping      | conflict | waiting | conflict | waiting | -      | -          | -               | -
sleeping held | conflict | waiting | queued   | -       | -      | -          | -               | -
waiting       | conflict | -       | conflict | -       | queued | over Blame | -               | -
queued        | conflict | -       | conflict | -       | -      | -          | starting Launch | -
backoff       | conflict | waiting | conflict | -       | -      | -          | -               | queued
over          | waiting  | waiting | conflict | -       | -      | -          | -               | -
`},
	{"ready", `
                 | began        | ready   | resume
idle             | -            | -       | conflict
starting         | probing      | -       | conflict
starting again   | probing      | -       | conflict
starting stopped | stopping Ask | -       | conflict
starting killed  | killing Kill | -       | conflict
probing          | -            | running | conflict
running          | -            | -       | -
paused           | -            | -       | running
over             | -            | -       | conflict`},
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
sleeping held    | -               | -               | -               | -        | -               | -                      | -                      | -
waiting          | -               | -               | starting Launch | sleeping Blame | -               | -                      | -                      | -
waiting held     | -               | -               | -               | -        | -               | -                      | -                      | -
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
waiting          | -       | queued | sleeping Blame | -               | -
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

// cell is what p does with s and e, as the tables say it; "told" is that who waits
// hears that it did not end.
func cell(p Policy, s State, e Event) string {
	is, effects, err := lead(p, s, e, luck{}, nil)
	got := is.Phase.String()
	switch {
	case errors.Is(err, task.ErrConflict) && is == s && len(effects) == 0:
		return "conflict"
	case err != nil:
		return fmt.Sprintf("error %v", err)
	case !is.unlike(s) && is.Held == s.Held && is.Turn.Automatic == s.Turn.Automatic && len(done(effects)) == 0:
		return "-"
	case is.Phase == s.Phase:
		got = "same"
	}
	for _, a := range done(effects) {
		got += " " + a.String()
	}
	if slices.ContainsFunc(effects, func(e Effect) bool { return e.Outcome == IsStuck }) {
		got += " told"
	}
	return got
}
