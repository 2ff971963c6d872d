package process

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"tasks/pkg/task"
)

// An older database ends nothing if a run's processes show that there was a newer one.
// It is by itself: all tests share the state, and the marks are for all of it.
func TestKillUnknownByAnOlderDatabase(t *testing.T) {
	for _, w := range ways {
		o := outlive(t, stage{Specs: []task.Spec{sh(`setsid sh -c 'echo out $$; exec sleep 1000' & echo main $$; wait`)}, Way: w, Commits: 50})[0]
		main, out := procOf(t, o.started().line(t, "main")), procOf(t, o.started().line(t, "out"))
		recorded := func(string, int) bool { return true }
		unknown := func(name string, _ int) bool { return name != o.spec.Name }
		for _, tt := range []struct {
			name string
			db   Database
		}{
			{"fewer commits", Database{unknown, 49, false}},
			{"fewer commits, an earlier run had its number", Database{recorded, 49, false}},
			{"backup before its first commit", Database{unknown, 50, true}},
			{"nobody counted in it", Database{unknown, 0, false}},
		} {
			killed, err := shared.killUnknown(tt.db)
			var older *OlderError
			if !errors.As(err, &older) || len(killed) > 0 {
				t.Fatalf("%s, %s: ended %v, %v", w, tt.name, killed, err)
			}
			pids := older.Later[o.spec.Name]
			if slices.Sort(pids); len(older.Later) != 1 || !slices.Contains(pids, main.pid) || !slices.Contains(pids, out.pid) {
				t.Errorf("%s, %s: %v are later", w, tt.name, older.Later)
			}
			if !strings.Contains(err.Error(), o.spec.Name+" (pids ") {
				t.Errorf("%s, %s: %v", w, tt.name, err)
			}
			if !alive(main) || !alive(out) {
				t.Fatalf("%s, %s: it was ended", w, tt.name)
			}
		}
		for _, db := range []Database{{recorded, 50, false}, {recorded, 50, true}} { // it keeps running
			if killed, err := shared.killUnknown(db); len(killed) > 0 || err != nil {
				t.Errorf("%s: ended %v, %v", w, killed, err)
			}
		}
		if killed, err := shared.killUnknown(Database{unknown, 50, false}); len(killed) == 0 || err != nil { // it was never recorded
			t.Errorf("%s: ended %v, %v", w, killed, err)
		}
		noneAlive(t, main, out)
	}
}

// What a line beside a run has left is ended in any case: nobody started it.
func TestLineIsNotLater(t *testing.T) {
	const line = `echo line $$ >>"$OUT"; echo more >>"$OUT"; exec sleep 1000`
	o := outlive(t, stage{Specs: []task.Spec{sh(`unset TASKS_COMMIT; exec sh -c 'echo main; exec sleep 1000'`)}, Line: line, Commits: 50})[0]
	killed, err := shared.killUnknown(Database{Known: func(string, int) bool { return true }, Commits: 49, Older: true})
	if len(killed) == 0 || err != nil || !alive(o.proc()) {
		t.Errorf("ended %v, %v", killed, err)
	}
}

func TestCommitMark(t *testing.T) {
	t.Parallel()
	for mark, want := range map[string]uint64{commitMark("id", 7): 7, "id/": 0, "": 0, "7": 0, "other/7": 0, "id/x": 0, "id/-1": 0} {
		if got := parseCommit(mark, "id"); got != want {
			t.Errorf("%q is %d, want %d", mark, got, want)
		}
	}
}

func TestOlderErrorIsShort(t *testing.T) {
	t.Parallel()
	err := &OlderError{map[string][]int{"web": {1, 2}, "late": {3}}}
	if got := err.Error(); got != "older than running tasks: late (pid 3), web (pids 1, 2)" {
		t.Error(got)
	}
	for n := range 12 {
		err.Later["web"] = append(err.Later["web"], n)
		err.Later["z"+string(rune('a'+n))] = []int{n}
	}
	if got := err.Error(); !strings.HasSuffix(got, "zh (pid 7), 4 more") || !strings.Contains(got, "7, 4 more)") {
		t.Error(got)
	}
}
