package events

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tasks/pkg/task"
)

var day = time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)

func at(seconds int) task.Time {
	return task.Time{Time: day.Add(time.Duration(seconds) * time.Second)}
}

// brief is an event as a line: word, name, state before and after, run, and
// what else it has.
func brief(e Event) string {
	parts := []string{string(e.Event)}
	if e.Was != "" || e.State != "" {
		parts = append(parts, string(e.Was)+">"+string(e.State))
	}
	say := func(key string, value any, is bool) {
		if is {
			parts = append(parts, fmt.Sprint(key, value))
		}
	}
	say("run", e.Run, e.Run != 0)
	say("pid", e.PID, e.PID != 0)
	if e.ExitCode != nil {
		say("exit", *e.ExitCode, true)
	}
	say("", e.Signal, e.Signal != "")
	say("timedout", "", e.TimedOut)
	say("restarts", e.Restarts, e.Restarts != 0)
	say("next", e.NextAt.Second(), !e.NextAt.IsZero())
	say("missed", e.Missed, e.Missed != 0)
	say("", "("+e.Reason+")", e.Reason != "")
	return strings.Join(parts, " ")
}

func TestDerive(t *testing.T) {
	t.Parallel()
	type shown struct {
		task.Info
		removed bool
		want    string // the events, with commas between them
	}
	is := func(want string, state task.State, run, pid int, set ...func(*task.Info)) shown {
		s := shown{Info: task.Info{Name: "web", State: state, Run: run, PID: pid}, want: want}
		for _, f := range set {
			f(&s.Info)
		}
		return s
	}
	reason := func(text string) func(*task.Info) { return func(i *task.Info) { i.Reason = text } }
	next := func(s int) func(*task.Info) { return func(i *task.Info) { i.NextAt = at(s) } }
	restarts := func(n int) func(*task.Info) { return func(i *task.Info) { i.Restarts = n } }
	exit := func(second, code int) func(*task.Info) {
		return func(i *task.Info) { i.EndedAt, i.ExitCode = at(second), new(code) }
	}
	signal := func(second int, name string) func(*task.Info) {
		return func(i *task.Info) { i.EndedAt, i.Signal = at(second), name }
	}
	late := func(i *task.Info) { i.TimedOut = true }
	codes := func(codes ...int) func(*task.Info) { return func(i *task.Info) { i.Spec.SuccessCodes = codes } }
	removed := shown{Info: task.Info{Name: "web"}, removed: true}
	gone := func(want string) shown { s := removed; s.want = want; return s }

	const born = "created >running, running >running run1 pid7"
	for _, tt := range []struct {
		what   string
		record []task.Record
		runs   []task.Run
		shown  []shown
	}{
		{what: "a job", shown: []shown{
			is("created >starting", task.Starting, 1, 0),
			is("running starting>running run1 pid7", task.Running, 1, 7),
			is("done running>done run1 pid7 exit0", task.Done, 1, 0, exit(1, 0)),
			is("", task.Done, 1, 0, exit(1, 0)),
			is("", task.Starting, 2, 0),
			is("running starting>running run2 pid8", task.Running, 2, 8),
			is("failed running>failed run2 pid8 exit3 (exit code 3)", task.Failed, 2, 0, exit(2, 3), reason("exit code 3")),
			gone("removed failed> run2"),
			gone(""),
			is("created >starting", task.Starting, 1, 0),
		}},
		{what: "could not begin", shown: []shown{
			is("created >starting", task.Starting, 1, 0),
			is("failed starting>failed run1 exit127 (no such file)", task.Failed, 1, 0, exit(1, 127), reason("no such file")),
			is("", task.Starting, 2, 0),
			is("failed starting>failed run2 exit127 (no such file)", task.Failed, 2, 0, exit(1, 127), reason("no such file")),
		}},
		{what: "a stop that takes long", shown: []shown{
			is(born, task.Running, 1, 7),
			is("stopping running>stopping run1 pid7 (was asked to stop)", task.Stopping, 1, 7, reason("was asked to stop")),
			is("", task.Stopping, 1, 7, reason("was asked to stop")),
			is("note >stopping run1 (was asked to stop; killed)", task.Stopping, 1, 7, reason("was asked to stop; killed")),
			is("stopped stopping>stopped run1 pid7 SIGKILL (stopped; killed)", task.Stopped, 1, 0, signal(3, "SIGKILL"), reason("stopped; killed")),
		}},
		{what: "a restart by hand", runs: []task.Run{{Run: 1, State: task.Stopped, Signal: "SIGTERM", Reason: "restarted"}, {Run: 2}}, shown: []shown{
			is(born, task.Running, 1, 7),
			is("stopping running>stopping run1 pid7 (will be started again)", task.Stopping, 1, 7, reason("will be started again")),
			is("stopped stopping>starting run1 pid7 SIGTERM (restarted)", task.Starting, 2, 0),
			is("running starting>running run2 pid8", task.Running, 2, 8),
		}},
		{what: "a restart without a record of the run", shown: []shown{
			is(born, task.Running, 1, 7),
			is("stopping running>stopping run1 pid7", task.Stopping, 1, 7),
			is("stopped stopping>starting run1 pid7", task.Starting, 2, 0),
		}},
		{what: "automatic restarts", shown: []shown{
			is(born, task.Running, 1, 7),
			is("failed running>backoff run1 pid7 exit1 (exit code 1), backoff running>backoff run1 next5", task.BackingOff, 1, 0, exit(4, 1), reason("exit code 1"), next(5)),
			is("", task.Starting, 2, 0, restarts(1)),
			is("running starting>running run2 pid8 restarts1", task.Running, 2, 8, restarts(1)),
			is("done running>backoff run2 pid8 exit0, backoff running>backoff run2 restarts1 next7", task.BackingOff, 2, 0, exit(6, 0), next(7), restarts(1)),
			is("stopped backoff>stopped run2", task.Stopped, 2, 0, exit(6, 0)),
		}},
		{what: "how the run before ended", shown: []shown{
			is(born, task.Running, 1, 7),
			is("failed running>backoff run1 pid7 exit0 timedout (timed out), backoff running>backoff run1", task.BackingOff, 1, 0, exit(1, 0), late, reason("timed out")),
			is("running backoff>running run2 pid8", task.Running, 2, 8),
			is("failed running>backoff run2 pid8 SIGSEGV, backoff running>backoff run2", task.BackingOff, 2, 0, signal(2, "SIGSEGV")),
			is("running backoff>running run3 pid9", task.Running, 3, 9),
			is("done running>backoff run3 pid9 exit4, backoff running>backoff run3", task.BackingOff, 3, 0, exit(3, 4), codes(4)),
			is("running backoff>running run4 pid9", task.Running, 4, 9),
			is("lost running>backoff run4 pid9, backoff running>backoff run4", task.BackingOff, 4, 0, func(i *task.Info) { i.EndedAt = at(4) }),
		}},
		{what: "a readiness check", shown: []shown{
			is("created >starting", task.Starting, 1, 0),
			is("starting >starting run1 pid7", task.Starting, 1, 7),
			is("", task.Starting, 1, 7),
			is("ready starting>running run1 pid7", task.Running, 1, 7),
			is("paused running>paused run1 pid7", task.Paused, 1, 7),
			is("resumed paused>running run1 pid7", task.Running, 1, 7),
			is("note >running run1 (unhealthy)", task.Running, 1, 7, reason("unhealthy")),
			is("", task.Running, 1, 7),
		}},
		{what: "paused before it is ready", shown: []shown{
			is("created >starting, starting >starting run1 pid7", task.Starting, 1, 7),
			is("paused starting>paused run1 pid7", task.Paused, 1, 7),
			is("resumed paused>starting run1 pid7", task.Starting, 1, 7),
			is("ready starting>running run1 pid7", task.Running, 1, 7),
		}},
		{what: "a schedule", runs: []task.Run{{Run: 2, State: task.Done, ExitCode: new(3), Reason: "3 is well"}}, shown: []shown{
			is("created >waiting, waiting >waiting next5 (at 5)", task.Waiting, 0, 0, next(5), reason("at 5")),
			is("running waiting>running run1 pid7", task.Running, 1, 7, next(9)),
			is("failed running>waiting run1 pid7 exit1, waiting running>waiting run1 next9 (at 9)", task.Waiting, 1, 0, exit(6, 1), next(9), reason("at 9")),
			is("running waiting>running run2 pid8", task.Running, 2, 8),
			is("done running>waiting run2 pid8 exit3 (3 is well), waiting running>waiting run2 next20 (at 20)", task.Waiting, 2, 0, exit(6, 3), next(20), reason("at 20")),
			is("waiting >waiting run2 next30 (at 30)", task.Waiting, 2, 0, exit(6, 3), next(30), reason("at 30")),
			is("note >waiting run2 (at 30; missed 2)", task.Waiting, 2, 0, exit(6, 3), next(30), reason("at 30; missed 2")),
			is("queued waiting>queued run2 (slots)", task.Queued, 2, 0, exit(6, 3), reason("slots")),
			is("", task.Queued, 2, 0, exit(6, 3), reason("slots, 2nd")),
			is("running queued>running run3 pid9", task.Running, 3, 9),
		}},
		{what: "cannot begin yet", shown: []shown{
			is(born, task.Running, 1, 7),
			is("failed running>backoff run1 pid7 exit1, backoff running>backoff run1 next5", task.BackingOff, 1, 0, exit(1, 1), next(5)),
			is("", task.Starting, 2, 0),
			is("queued starting>queued run1 (no space)", task.Queued, 1, 0, exit(1, 1), reason("no space")),
			is("", task.Starting, 2, 0),
			is("", task.Queued, 1, 0, exit(1, 1), reason("no space")),
			is("", task.Starting, 2, 0),
			is("queued starting>queued run1 (no memory)", task.Queued, 1, 0, exit(1, 1), reason("no memory")),
			is("", task.Starting, 2, 0),
			is("running starting>running run2 pid8", task.Running, 2, 8),
		}},
		{what: "waits for its second run", shown: []shown{
			is(born, task.Running, 1, 7),
			is("stopped running>stopped run1 pid7 SIGTERM", task.Stopped, 1, 0, signal(1, "SIGTERM")),
			is("waiting stopped>waiting run1 (for db)", task.Waiting, 1, 0, reason("for db")),
			is("", task.Starting, 1, 0, signal(1, "SIGTERM")),
			is("running starting>running run2 pid8", task.Running, 2, 8),
			is("done running>done run2 pid8 exit0", task.Done, 2, 0, exit(5, 0)),
			is("waiting done>waiting run2 (for db)", task.Waiting, 2, 0, reason("for db")),
			is("failed waiting>failed run2 (db has failed)", task.Failed, 2, 0, func(i *task.Info) { i.EndedAt = at(7) }, reason("db has failed")),
		}},
		{what: "ended without a run", shown: []shown{
			is("created >waiting, waiting >waiting (for db)", task.Waiting, 0, 0, reason("for db")),
			is("", task.Waiting, 0, 0, reason("for db2")),
			is("failed waiting>failed (db has failed)", task.Failed, 0, 0, reason("db has failed")),
			is("note >failed (more)", task.Failed, 0, 0, reason("more")),
		}},
		{what: "taken back", record: []task.Record{{Spec: task.Spec{Name: "web"}, State: task.Running, Runs: []task.Run{{Run: 1, PID: 7}}}}, shown: []shown{
			is("", task.Running, 1, 7),
			is("done running>done run1 pid7 exit0", task.Done, 1, 0, exit(1, 0)),
		}},
		{what: "lost", record: []task.Record{{Spec: task.Spec{Name: "web"}, State: task.Running, Runs: []task.Run{{Run: 1, PID: 7}}}}, shown: []shown{
			is("lost running>lost run1 pid7 (alone)", task.Lost, 1, 0, func(i *task.Info) { i.EndedAt = at(1) }, reason("alone")),
			is("", task.Starting, 2, 0),
		}},
		{what: "recorded as it is", record: []task.Record{{Spec: task.Spec{Name: "web"}, State: task.Failed, Reason: "x", Runs: []task.Run{{Run: 1, PID: 7, EndedAt: at(1)}}}}, shown: []shown{
			is("", task.Failed, 1, 0, exit(1, 1), reason("x")),
			gone("removed failed> run1"),
		}},
		{what: "recorded as waiting", record: []task.Record{{Spec: task.Spec{Name: "web"}, State: task.Waiting, Reason: "x"}}, shown: []shown{
			is("", task.Waiting, 0, 0, next(5), reason("x")),
			is("waiting >waiting next6 (x)", task.Waiting, 0, 0, next(6), reason("x")),
		}},
		{what: "after a gap", shown: []shown{
			is(born, task.Running, 1, 7),
			is("running >running run3 pid9", task.Running, 3, 9), // nothing is known of run 1
			is("done running>done run5 exit0", task.Done, 5, 0, exit(9, 0)),
		}},
		{what: "first seen at its end", shown: []shown{
			is("created >done, done >done run4 exit0", task.Done, 4, 0, exit(9, 0)),
		}},
	} {
		d := newDeriver(tt.record, func(string) []task.Run { return tt.runs })
		for i, s := range tt.shown {
			var got []string
			for _, e := range d.derive(nil, at(i), &s.Info, s.removed) {
				if e.Name != "web" || e.At != at(i) || !slices.Contains(Words(), e.Event) {
					t.Errorf("%s, %d: %+v", tt.what, i, e)
				}
				got = append(got, brief(e))
			}
			if text := strings.Join(got, ", "); text != s.want {
				t.Errorf("%s, %d:\n have %s\n want %s", tt.what, i, text, s.want)
			}
		}
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	words := Words()
	for _, s := range task.States() {
		if !slices.Contains(words, Word(s)) {
			t.Errorf("no word for %s", s)
		}
	}
	slices.Sort(words)
	if n := len(slices.Compact(words)); n != len(Words()) {
		t.Errorf("of %d words %d differ", len(Words()), n)
	}
}

func TestReasonsAreBounded(t *testing.T) {
	t.Parallel()
	d := newDeriver(nil, func(string) []task.Run { return nil })
	events := d.derive(nil, at(0), &task.Info{Name: "web", State: task.Failed, Reason: strings.Repeat("é", 1<<20)}, false)
	if n := len(events); n != 2 || len(events[1].Reason) > maxReason+3 || !strings.HasSuffix(events[1].Reason, "é…") {
		t.Errorf("%d events", n)
	}
}
