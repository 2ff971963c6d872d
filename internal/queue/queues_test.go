package queue

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tasks/pkg/task"
)

// world is places by name, and what of them runs.
type world struct {
	*Queues
	places map[string]*Place
	slots  map[string]int
}

func newWorld(slots int) *world {
	w := &world{New(), make(map[string]*Place), make(map[string]int)}
	w.Set("g", &task.Group{Name: "g", Slots: &slots}, false)
	return w
}

func (w *world) enter(name string, priority int) {
	if w.places[name] == nil {
		w.places[name] = new(Place)
	}
	if _, slot, admitted := w.Enter(w.places[name], "g", priority); admitted {
		w.slots[name] = slot
	}
}

func (w *world) leave(name string) {
	w.Leave(w.places[name])
	delete(w.slots, name)
}

// runs is who runs, with the slots.
func (w *world) runs() string {
	for name, p := range w.places {
		select {
		case slot := <-p.Granted():
			w.slots[name] = slot
		default:
		}
	}
	return strings.TrimSuffix(strings.TrimPrefix(fmt.Sprint(w.slots), "map["), "]")
}

func (w *world) expect(t *testing.T, want string) {
	t.Helper()
	if got := w.runs(); got != want {
		t.Errorf("%q run, not %q", got, want)
	}
}

// Another priority moves a place, and another group has it where it was.
func TestMoved(t *testing.T) {
	t.Parallel()
	w := newWorld(1)
	w.Set("h", &task.Group{Name: "h", Slots: new(0)}, false)
	for _, name := range []string{"a", "b", "c", "d"} {
		w.enter(name, 0)
	}
	w.Prioritize(w.places["a"], -5) // it runs
	w.Prioritize(w.places["d"], 1)
	w.expect(t, "a:1")
	if w.Regroup(w.places["a"]) {
		t.Error("a has waited")
	}
	delete(w.slots, "a")
	w.expect(t, "d:1")
	if !w.Regroup(w.places["b"]) || w.places["b"].Taken() {
		t.Error("b has not waited")
	}
	w.enter("x", 0)
	w.enter("b", 0)
	w.leave("d")
	w.expect(t, "b:1")
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	w := newWorld(2)
	for _, name := range []string{"a", "b", "c", "d"} {
		w.enter(name, 0)
	}
	w.enter("e", 1)
	w.expect(t, "a:1 b:2")
	w.leave("a")
	w.expect(t, "b:2 e:1") // by priority
	w.Keep(w.places["b"])
	w.leave("b")
	w.expect(t, "c:2 e:1")
	w.enter("b", 0) // in its place, before d
	w.leave("c")
	w.expect(t, "b:2 e:1")
	w.Close()
	w.leave("e")
	w.expect(t, "b:2")
	w.Open()
	w.expect(t, "b:2 d:1")
	w.leave("b")
	w.leave("b") // is in no group any more
	if w.places["b"].Taken() || !w.places["d"].Taken() {
		t.Error("who is in a group is not known")
	}
	w.Set("g", nil, false)
	w.leave("d")
	if len(w.groups) > 0 {
		t.Errorf("%v is left", w.groups)
	}
}

// A grant that nobody heard of is given back with the place.
func TestLeaveBeforeItIsHeard(t *testing.T) {
	t.Parallel()
	w := newWorld(1)
	w.enter("a", 0)
	w.enter("b", 0)
	w.leave("a")
	w.leave("b") // admitted meanwhile
	w.enter("b", 0)
	w.expect(t, "b:1")
}

// What is taken back holds its slot, and who waited before comes in that order.
func TestHoldAndReserve(t *testing.T) {
	t.Parallel()
	w := newWorld(2)
	w.Close()
	w.places = map[string]*Place{"run": new(Place), "late": new(Place), "early": new(Place), "first": new(Place)}
	w.Hold(w.places["run"], "g", 2)
	since := task.Time{Time: time.Now().Add(time.Hour)} // the clock was set back
	w.Reserve([]*Place{w.places["first"], w.places["early"], w.places["late"]}, []task.Time{{}, since, since})
	for _, name := range []string{"late", "early", "first"} {
		w.enter(name, 0)
	}
	w.enter("new", 0)
	w.Open()
	w.expect(t, "first:1")
	for _, next := range []string{"early:1", "late:1", "new:1"} {
		for name := range w.slots {
			w.leave(name)
		}
		w.expect(t, next)
	}
}

func TestBar(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(1)
		if !w.Bar() || w.Bar() {
			t.Error("a bar is news once")
		}
		w.enter("a", 0)
		w.expect(t, "")
		time.Sleep(BarFor)
		synctest.Wait()
		w.expect(t, "a:1")
		if !w.Roomy() || w.Roomy() {
			t.Error("that there is room is news once")
		}
	})
}

// A temporary group is forgotten with the last task of it, one that is awaited when that has
// come and left, and any other never.
func TestBelong(t *testing.T) {
	q := New()
	a, b := new(Place), new(Place)
	set := func(name string, temporary, toCome bool) {
		q.Set(name, &task.Group{Name: name, Slots: new(1), Paused: true, Temporary: temporary}, toCome)
	}
	steps := []struct {
		p         *Place
		group     string
		forgotten string
	}{
		{a, "t", ""}, {b, "t", ""}, {b, "t", ""}, {a, "", ""}, {b, "kept", "t"},
		{b, "none", ""}, {b, "t", ""}, {a, "awaited", ""}, {b, "awaited", ""}, {a, "", ""}, {b, "", "awaited"},
	}
	set("t", true, false)
	set("kept", false, true)
	set("awaited", true, true)
	for i, s := range steps {
		if got := q.Belong(s.p, s.group); got != s.forgotten {
			t.Errorf("step %d: forgotten %q, want %q", i, got, s.forgotten)
		}
	}
	if all := q.All(); len(all) != 1 || all["kept"].Name == "" || len(q.groups) != 1 {
		t.Errorf("left: %v", all)
	}
	set("t", true, false)
	q.Belong(a, "t")
	set("t", true, true) // for others, which have not come when it leaves
	if got := q.Belong(a, ""); got != "" {
		t.Errorf("forgotten: %q", got)
	}
}

// A temporary group that was set for tasks to come is forgotten once each who set it has
// taken that back, unless a task of it is there.
func TestUnawait(t *testing.T) {
	q := New()
	p := new(Place)
	set := func(name string, temporary bool) {
		q.Set(name, &task.Group{Name: name, Slots: new(1), Temporary: temporary}, true)
	}
	expect := func(name, want string) {
		t.Helper()
		if got := q.Unawait(name, 1); got != want {
			t.Errorf("forgotten: %q, want %q", got, want)
		}
	}
	set("twice", true)
	set("twice", true)
	expect("twice", "")
	expect("twice", "twice")
	expect("twice", "")
	set("kept", false)
	expect("kept", "")
	set("used", true)
	q.Belong(p, "used")
	expect("used", "")
	if got := q.Belong(p, ""); got != "used" {
		t.Errorf("forgotten with its last task: %q", got)
	}
	if all := q.All(); len(all) != 1 || all["kept"].Name == "" || len(q.groups) != 1 {
		t.Errorf("left: %v", all)
	}
}
