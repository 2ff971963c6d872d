package process

import (
	"slices"
	"testing"
	"time"

	"tasks/pkg/task"
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

// A view in which parents seem to go round has each process once.
func TestBelow(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		children map[int][]int
		want     []member
	}{
		"alone":                     {nil, []member{{1, 0}}},
		"generations":               {map[int][]int{1: {2, 4}, 2: {3}}, []member{{1, 0}, {2, 1}, {3, 2}, {4, 1}}},
		"its own parent":            {map[int][]int{1: {1, 2}}, []member{{1, 0}, {2, 1}}},
		"a descendant's child":      {map[int][]int{1: {2}, 2: {3}, 3: {1}}, []member{{1, 0}, {2, 1}, {3, 2}}},
		"a cycle below":             {map[int][]int{1: {2}, 2: {3}, 3: {2}}, []member{{1, 0}, {2, 1}, {3, 2}}},
		"two parents":               {map[int][]int{1: {2, 3}, 2: {3}}, []member{{1, 0}, {2, 1}, {3, 2}}},
		"a cycle that is elsewhere": {map[int][]int{1: {2}, 8: {9}, 9: {8}}, []member{{1, 0}, {2, 1}}},
	} {
		if got := (&snapshot{children: c.children}).below(1); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, not %v", name, got, c.want)
		}
	}
}

// Neither a sample nor a tree hangs on it.
func TestSampleOfACycle(t *testing.T) {
	t.Parallel()
	root := proc{1 << 30, 1} // which is nobody's
	child := stat{proc: proc{root.pid + 1, 1}, ppid: root.pid}
	e := &Engine{}
	e.tree.now = snapshot{
		at: time.Now().Add(time.Hour), byPID: map[int]stat{root.pid: {proc: root, ppid: child.pid}, child.pid: child},
		children: map[int][]int{root.pid: {child.pid}, child.pid: {root.pid}},
	}
	if st, _, err := e.tree.now.of(e, root); err != nil || st.Processes != 2 {
		t.Errorf("a sample: %+v, %v", st, err)
	}
	r := &run{engine: e, ref: task.Ref{PID: root.pid, Start: root.start}}
	if all, err := r.Tree(); err != nil || len(all) != 2 {
		t.Errorf("a tree: %+v, %v", all, err)
	}
}
