package events

import (
	"strings"

	"tasks/pkg/task"
)

// A past is what a deriver remembers of a task.
type past struct {
	state  task.State
	reason string
	run    int
	pid    int
	ended  task.Time // of the run
	next   task.Time
	record bool   // from a record, which has no next
	tried  string // why it was queued before it was about to start
}

// A deriver makes events of what tasks are, one after the other.
type deriver struct {
	known map[string]past
	runs  func(name string) []task.Run // the last ones of a task; they may be later than what is derived of
}

// newDeriver makes one that knows the tasks that an earlier supervisor recorded.
func newDeriver(records []task.Record, runs func(string) []task.Run) *deriver {
	d := &deriver{known: make(map[string]past, len(records)), runs: runs}
	for _, r := range records {
		was := past{state: r.State, reason: r.Reason, record: true}
		if n := len(r.Runs); n > 0 {
			last := r.Runs[n-1]
			was.run, was.pid, was.ended = last.Run, last.PID, last.EndedAt
		}
		d.known[r.Spec.Name] = was
	}
	return d
}

// derive appends to events what it means that the task is so now.
func (d *deriver) derive(events []Event, at task.Time, now *task.Info, removed bool) []Event {
	was, known := d.known[now.Name]
	if removed {
		if known {
			delete(d.known, now.Name)
			events = append(events, Event{At: at, Name: now.Name, Group: now.Group, Event: Removed, Was: was.state, Run: was.run})
		}
		return events
	}
	is := past{state: now.State, reason: now.Reason, run: now.Run, pid: now.PID, ended: now.EndedAt, next: now.NextAt}
	if is.run == was.run && !was.ended.IsZero() {
		is.ended = was.ended // a run ends once; what waits for its next one may show none, or that it waits no more
	}
	if was.state == task.Queued && now.State == task.Starting {
		is.tried = was.reason
	}
	d.known[now.Name] = is
	e := Event{At: at, Name: now.Name, Group: now.Group, State: now.State, Run: now.Run}
	if was.state != now.State {
		e.Was = was.state
	}
	if !known {
		created := e
		created.Event, created.Run = Created, 0
		events = append(events, created)
	}
	if now.Run > was.run && was.run > 0 && was.ended.IsZero() {
		if end, ok := d.unshown(e, was, now); ok {
			events = append(events, end)
		}
	}
	ended := !now.EndedAt.IsZero() && (now.Run > was.run || now.Run == was.run && was.ended.IsZero()) // lower: a run was none
	told := ""                                                                                        // the reason of the end
	if ended {
		end := d.end(e, was, now)
		events, told = append(events, end), end.Reason
	}
	if e.Event = word(was, now, known, ended); e.Event == "" {
		return events
	}
	if e.Reason = clip(now.Reason); e.Reason == told {
		e.Reason = ""
	}
	switch e.Event {
	case Starting, Running:
		e.PID, e.Restarts = now.PID, now.Restarts
	case Ready, Paused, Resumed, Stopping:
		e.PID = now.PID
	case Backoff, Waiting:
		e.NextAt, e.Restarts = now.NextAt, now.Restarts
	}
	return append(events, e)
}

// unshown is how the run before the present one ended, which was not shown
// because another began at once.
func (d *deriver) unshown(e Event, was past, now *task.Info) (Event, bool) {
	e.Event, e.Run, e.PID = Stopped, was.run, was.pid
	r, ok := d.lookUp(now.Name, was.run)
	if ok {
		e.Event, e.ExitCode, e.Signal, e.TimedOut, e.Reason = Word(r.State), r.ExitCode, r.Signal, r.TimedOut, clip(r.Reason)
	}
	return e, ok || was.state == task.Stopping // else it is not known how
}

// end is how the present run ended.
func (d *deriver) end(e Event, was past, now *task.Info) Event {
	e.Event, e.ExitCode, e.Signal, e.TimedOut, e.Reason = Word(now.State), now.ExitCode, now.Signal, now.TimedOut, clip(now.Reason)
	if now.Run == was.run {
		e.PID = was.pid
	}
	if now.State.Ended() && !now.Disabled { // else it says that it is stopped, whatever became of the run
		return e
	}
	if r, ok := d.lookUp(now.Name, now.Run); ok {
		e.Event, e.Reason = Word(r.State), clip(r.Reason)
		return e
	}
	e.Event = outcome(now)
	if now.State != task.BackingOff { // else the reason is the end's
		e.Reason = ""
	}
	return e
}

// lookUp finds a run that has ended.
func (d *deriver) lookUp(name string, run int) (task.Run, bool) {
	for _, r := range d.runs(name) {
		if r.Run == run && r.State.Ended() {
			return r, true
		}
	}
	return task.Run{}, false
}

// outcome is how the last run of a task that continues ended, by what is shown of it.
func outcome(now *task.Info) Word {
	switch {
	case now.ExitCode == nil && now.Signal == "":
		return Lost
	case now.ExitCode == nil || now.TimedOut:
		return Failed
	case now.Spec.Succeeds(*now.ExitCode):
		return Done
	}
	return Failed
}

// word says what happened beside the end of a run; "" is nothing.
func word(was past, now *task.Info, known, ended bool) Word {
	changed := !known || now.State != was.state
	same := known && now.Run == was.run
	note := Word("")
	if now.Reason != "" && now.Reason != was.reason {
		note = Note
	}
	switch now.State {
	case task.Waiting, task.Queued:
		if was.tried != "" && was.tried == now.Reason { // again in vain
			return ""
		}
		if changed || ended || now.NextAt != was.next && !was.record {
			return Word(now.State)
		}
		if now.NextAt.IsZero() {
			return "" // it says for what it waits, which may change often
		}
	case task.Starting:
		switch {
		case same && was.state == task.Paused:
			return Resumed
		case now.PID == 0:
			return "" // about to be
		case changed || !same || was.pid == 0:
			return Starting
		}
	case task.Running:
		switch {
		case same && was.state == task.Paused:
			return Resumed
		case same && was.state == task.Starting && was.pid != 0:
			return Ready
		case changed || !same:
			return Running
		}
	case task.Paused, task.Stopping:
		if changed || !same {
			return Word(now.State)
		}
	case task.BackingOff:
		if changed || ended {
			return Backoff
		}
	default: // ended
		if ended && !now.Disabled {
			return ""
		}
		if changed {
			return Word(now.State)
		}
	}
	return note
}

func clip(s string) string {
	if len(s) <= maxReason {
		return s
	}
	return strings.ToValidUTF8(s[:maxReason], "") + "…"
}
