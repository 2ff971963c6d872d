package cli

import (
	"fmt"
	"strings"

	"tasks/internal/events"
	"tasks/pkg/task"
)

// eventColours are the colours of words that are not states.
var eventColours = map[events.Word]string{
	events.Ready: colours[task.Running], events.Resumed: colours[task.Running], events.Removed: "2",
	events.Serving: "1", events.Ending: "1", events.Missed: "31",
}

// printEvents prints events in the form that was asked for.
func (p *printer) printEvents(all []events.Event) error {
	if p.quiet {
		return nil
	}
	switch p.output {
	case "json":
		if all == nil {
			all = []events.Event{}
		}
		return p.printJSON(all)
	case "name":
		for _, ev := range all {
			if ev.Name != "" {
				fmt.Fprintln(p.out, plain(ev.Name))
			}
		}
		return nil
	}
	if len(all) == 0 && p.tty {
		p.remark("nothing has happened")
		return nil
	}
	rows := p.eventRows(all)
	if !p.noHeaders {
		rows = append([][]string{p.eventHead()}, rows...)
	}
	return new(columns).print(p.eventLines(), rows)
}

func (p *printer) eventHead() []string {
	if p.output == "wide" {
		return []string{"TIME", "NAME", "GROUP", "EVENT", "STATE", "RUN", "PID", "DETAIL"}
	}
	return []string{"TIME", "NAME", "EVENT", "RUN", "DETAIL"}
}

// eventLines is where lines of events go: on a terminal they are cut, or where they are wide,
// continue on the next line.
func (p *printer) eventLines() *trimmer {
	return &trimmer{w: p.out, width: p.terminal(), wraps: p.output == "wide"}
}

func (p *printer) eventRows(all []events.Event) [][]string {
	rows := make([][]string, len(all))
	for i, ev := range all {
		code := eventColours[ev.Event]
		if code == "" {
			code = colours[task.State(ev.Event)]
		}
		at, name, word, run := p.moment(ev.At), dash(plain(ev.Name)), p.paint(code, plain(string(ev.Event))), number(ev.Run)
		rows[i] = []string{at, name, word, run, p.eventDetail(&ev)}
		if p.output == "wide" {
			rows[i] = []string{at, name, dash(plain(ev.Group)), word, dash(plain(string(ev.State))), run, number(ev.PID), p.eventDetail(&ev)}
		}
	}
	return rows
}

// moment is a time to the millisecond: on a terminal in the user's own zone,
// else in RFC 3339.
func (p *printer) moment(t task.Time) string {
	if p.tty {
		return t.Local().Format("2006-01-02 15:04:05.000")
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// eventDetail is what people want to know beside the word.
func (p *printer) eventDetail(ev *events.Event) string {
	var parts []string
	reason := plain(ev.Reason)
	if reason == string(ev.Event) { // "stopped" stands beside it already
		reason = ""
	}
	switch {
	case reason != "" && ev.Event == events.Failed: // it says how the run ended
	case ev.Signal != "":
		parts = append(parts, "ended by "+plain(ev.Signal))
	case ev.ExitCode != nil:
		parts = append(parts, fmt.Sprintf("exit code %d", *ev.ExitCode))
	}
	if reason != "" {
		parts = append(parts, reason)
	}
	switch ev.Event {
	case events.Starting, events.Running, events.Ready, events.Serving:
		if ev.PID != 0 {
			parts = append(parts, fmt.Sprintf("pid %d", ev.PID))
		}
		if ev.Restarts != 0 {
			parts = append(parts, fmt.Sprintf("restart %d", ev.Restarts))
		}
	case events.Missed:
		parts = append(parts, fmt.Sprintf("%d events are not here", ev.Missed))
	}
	if !ev.NextAt.IsZero() {
		parts = append(parts, "next at "+p.moment(ev.NextAt))
	}
	return strings.Join(parts, "; ")
}
