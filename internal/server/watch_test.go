package server

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// A client that does not read its watch slows no task, and learns how many
// events it has missed when it reads again.
func TestSlowWatch(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	p := h.dial(t)
	p.ask(1, "watch")
	if got := p.recv().tasks(t); len(got) != 0 {
		t.Fatalf("%+v", got)
	}
	began := time.Now()
	var names []string
	for i := range 5000 {
		names = append(names, fmt.Sprint("t", i))
		if err := h.sup.Go(names[i], func(context.Context) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.sup.Wait(t.Context(), names...); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d tasks in %v", len(names), time.Since(began))
	h.goTask(t, "last")
	var seen, missed, last uint64
	for over := false; !over; {
		m := p.recv()
		if m.Method != "event" || string(m.Params.Watch) != "1" {
			t.Fatalf("%+v", m)
		}
		if m.Params.Seq != last+m.Params.Missed+1 {
			t.Fatalf("event %d after %d with %d missed", m.Params.Seq, last, m.Params.Missed)
		}
		seen, missed, last = seen+1, missed+m.Params.Missed, m.Params.Seq
		over = m.Params.Task.Name == "last" && m.Params.Task.State == "running"
	}
	t.Logf("saw %d events, missed %d", seen, missed)
	if missed == 0 {
		t.Error("nothing was missed: the test proves nothing")
	}
}

func TestWatchSelects(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.goTask(t, "web", "db")
	p := h.dial(t)
	p.send(`{"jsonrpc":"2.0","id":"one","method":"watch","params":{"names":["web","job-*"]}}`)
	if got := p.recv().tasks(t); len(got) != 1 || got[0].Name != "web" {
		t.Errorf("%+v", got)
	}
	p.ask(2, "watch", `{"names":["none"]}`)
	p.recv()
	for _, name := range []string{"db", "web"} {
		if _, err := h.sup.Stop(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.sup.Remove(t.Context(), "web"); err != nil {
		t.Fatal(err)
	}
	h.goTask(t, "job-1")
	var got string
	for range 5 {
		m := p.recv()
		got += fmt.Sprintf("%s %s %s %v\n", m.Params.Watch, m.Params.Task.Name, m.Params.Task.State, m.Params.Removed)
	}
	want := "\"one\" web stopping false\n\"one\" web stopped false\n\"one\" web stopped true\n\"one\" job-1 starting false\n\"one\" job-1 running false\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	p.ask(3, "list") // beside the events
	if m := p.recv(); string(m.ID) != "3" || len(m.tasks(t)) != 2 {
		t.Errorf("%+v", m)
	}
}
