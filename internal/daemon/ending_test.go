package daemon

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"tasks/pkg/task"
)

var names = map[way]string{exiting: "exit", shutting: "TERM", leaving: "keep", replaced: "replace"}

func ask(w way) end {
	switch w {
	case shutting:
		return end{way: w, signal: syscall.SIGTERM}
	case replaced:
		return end{way: w, program: "/next"}
	}
	return end{way: w}
}

// Each way to end the supervisor while each other is under way, and once that is over.
func TestEndings(t *testing.T) {
	const stopped, left, next = "the supervisor is ending already, and its tasks are stopped", "the supervisor is ending already, and its tasks keep running", "the supervisor is being replaced, and its tasks keep running: try again"
	const want = `
exit, exit: joins; once over: joins; exit
exit, TERM: ` + stopped + `; once over: the same; exit
exit, keep: ` + stopped + `; once over: the same; exit
exit, replace: ` + stopped + `; once over: the same; exit
TERM, exit: joins; once over: ` + stopped + `; got SIGTERM, then exit: tasks are stopped
TERM, TERM: ` + stopped + `; once over: the same; got SIGTERM: tasks are stopped; the next supervisor restarts those with a restart policy
TERM, keep: ` + stopped + `; once over: the same; got SIGTERM: tasks are stopped; the next supervisor restarts those with a restart policy
TERM, replace: ` + stopped + `; once over: the same; got SIGTERM: tasks are stopped; the next supervisor restarts those with a restart policy
keep, exit: ` + left + `; once over: the same; exit: tasks run on
keep, TERM: ` + left + `; once over: the same; exit: tasks run on
keep, keep: joins; once over: joins; exit: tasks run on
keep, replace: ` + left + `; once over: the same; exit: tasks run on
replace, exit: ` + next + `; once over: the same; is replaced by /next
replace, TERM: ` + next + `; once over: the same; is replaced by /next
replace, keep: ` + next + `; once over: the same; is replaced by /next
replace, replace: ` + next + `; once over: the same; is replaced by /next
`
	ways := []way{exiting, shutting, leaving, replaced}
	var got strings.Builder
	for _, first := range ways {
		for _, second := range ways {
			begin := func(e *ending) string {
				switch decided, err := e.accept(ask(second)); {
				case decided != first:
					t.Errorf("%v before %v: %v decides", first, second, decided)
					return ""
				case err == nil:
					return "joins"
				case !errors.Is(err, task.ErrUnavailable):
					t.Errorf("%v is not an ErrUnavailable", err)
					return ""
				default:
					return err.Error()
				}
			}
			over, late := newEnding(), newEnding()
			for _, e := range []*ending{over, late} {
				if decided, err := e.accept(ask(first)); decided != first || err != nil {
					t.Fatal(decided, err)
				}
			}
			during := begin(over)
			if during == "joins" {
				if over.done(); isOver(over) {
					t.Errorf("%v, %v: over, and the second is not done", first, second)
				}
			}
			over.done()
			late.done()
			if !isOver(over) || !isOver(late) {
				t.Errorf("%v, %v: not over", first, second)
			}
			after := begin(late)
			if after == "joins" {
				late.done()
			} else if after == during {
				after = "the same"
			}
			fmt.Fprintf(&got, "\n%s, %s: %s; once over: %s; %s", names[first], names[second], during, after, over.why())
		}
	}
	if got := got.String() + "\n"; got != want {
		t.Errorf("got:%s\nwant:%s", got, want)
	}
}

func isOver(e *ending) bool {
	select {
	case <-e.over:
		return true
	default:
		return false
	}
}
