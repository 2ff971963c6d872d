package task_test

import (
	"slices"
	"syscall"
	"testing"

	"tasks/pkg/task"
)

func TestParseSignal(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]syscall.Signal{
		"TERM": syscall.SIGTERM, "SIGTERM": syscall.SIGTERM, "sigterm": syscall.SIGTERM, "Term": syscall.SIGTERM, "15": syscall.SIGTERM,
		"9": syscall.SIGKILL, "KILL": syscall.SIGKILL, "hup": syscall.SIGHUP, "usr1": syscall.SIGUSR1, "1": 1, "64": 64, "34": 34,
	} {
		if got, err := task.ParseSignal(in); err != nil || got != want {
			t.Errorf("%q: %v, %v; want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "0", "65", "-9", "SIG", "SIGSIGTERM", "TERM ", "TERMINATE", "9.0", "SIG9"} {
		if got, err := task.ParseSignal(in); err == nil {
			t.Errorf("%q is %v", in, got)
		}
	}
	names := task.SignalNames()
	if !slices.IsSorted(names) || !slices.Contains(names, "TERM") {
		t.Errorf("names: %v", names)
	}
	for _, name := range names {
		sig, err := task.ParseSignal(name)
		if err != nil || task.SignalName(sig) != "SIG"+name {
			t.Errorf("%s is %d is %s, %v", name, sig, task.SignalName(sig), err)
		}
	}
	if got := task.SignalName(40); got != "SIG40" {
		t.Errorf("40 is %s", got)
	}
}

func TestEdits(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b  string
		limit int
		want  int
	}{
		{"web", "web", 2, 0},
		{"", "", 0, 0},
		{"", "ab", 2, 2},
		{"web", "we", 2, 1},
		{"web", "webs", 2, 1},
		{"web", "wab", 2, 1},
		{"web", "wbe", 2, 1},
		{"capture", "captrue", 2, 1},
		{"capture", "kaptrue", 2, 2},
		{"web", "bew", 2, 2},
		{"abc", "xyz", 2, 3}, // more than the limit
		{"abc", "xyz", 9, 3},
		{"a", "abcdef", 2, 3}, // told by the lengths
		{"kitten", "sitting", 5, 3},
	} {
		for _, ab := range [][2]string{{tt.a, tt.b}, {tt.b, tt.a}} {
			if got := task.Edits(ab[0], ab[1], tt.limit); got != tt.want {
				t.Errorf("Edits(%q, %q, %d) = %d; want %d", ab[0], ab[1], tt.limit, got, tt.want)
			}
		}
	}
}

func FuzzEdits(f *testing.F) {
	f.Add("web", "wbe")
	f.Fuzz(func(t *testing.T, a, b string) {
		if len(a) > 64 || len(b) > 64 {
			return
		}
		d := task.Edits(a, b, 128)
		if d != task.Edits(b, a, 128) || (d == 0) != (a == b) || d > max(len(a), len(b)) || d < max(len(a)-len(b), len(b)-len(a)) {
			t.Errorf("Edits(%q, %q) = %d", a, b, d)
		}
		if got := task.Edits(a, b, 1); got != min(d, 2) {
			t.Errorf("Edits(%q, %q) = %d, %d with a limit of 1", a, b, d, got)
		}
	})
}

func TestSelectorEmpty(t *testing.T) {
	t.Parallel()
	if !(task.Selector{}).Empty() || (task.Selector{All: true}).Empty() || (task.Selector{Group: "g"}).Empty() || (task.Selector{Names: []string{"a"}}).Empty() {
		t.Error("Empty is wrong")
	}
}
