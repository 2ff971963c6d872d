package process

import (
	"slices"
	"testing"
)

// A process is its run's however many generations lie between; what seems to descend
// from itself is nobody's, nor is what only PID 1 has above it.
func TestDescend(t *testing.T) {
	t.Parallel()
	const main, others, last, aside, cycle = 10, 2000, 5010, 6000, 7000
	all := []stat{{proc: proc{pid: 1}}, {proc: proc{pid: main}, ppid: 1}, {proc: proc{pid: aside}, ppid: 1}}
	for pid := main + 1; pid <= last; pid++ {
		all = append(all, stat{proc: proc{pid: pid}, ppid: pid - 1})
	}
	for pid := cycle; pid < cycle+3; pid++ { // each is the parent of another
		all = append(all, stat{proc: proc{pid: pid}, ppid: cycle + (pid+1)%3})
	}
	r, other, first := &run{id: "a"}, &run{id: "b"}, &run{id: "c"}
	owner := map[int]*run{1: first, main: r, others: other}
	for _, order := range []string{"the eldest first", "the youngest first"} {
		found := descend(all, owner, nil)
		if len(found) != 2 || len(found[r]) != others-main || len(found[other]) != last+1-others {
			t.Errorf("%s: %d processes are of the run, %d of the other, %d of PID 1", order, len(found[r]), len(found[other]), len(found[first]))
		}
		for of, members := range found {
			for _, s := range members {
				if s.pid < main || s.pid > last || (s.pid >= others) != (of == other) {
					t.Fatalf("%s: process %d is of run %s", order, s.pid, of.id)
				}
			}
		}
		slices.Reverse(all)
	}
	if len(owner) != 3 {
		t.Errorf("the owners have become %v", owner)
	}
}
