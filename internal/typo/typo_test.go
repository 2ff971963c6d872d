package typo

import "testing"

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
		{"a", "abcdef", 2, 3}, // the lengths alone say so
		{"kitten", "sitting", 5, 3},
	} {
		for _, ab := range [][2]string{{tt.a, tt.b}, {tt.b, tt.a}} {
			if got := edits(ab[0], ab[1], tt.limit); got != tt.want {
				t.Errorf("edits(%q, %q, %d) = %d; want %d", ab[0], ab[1], tt.limit, got, tt.want)
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
		d := edits(a, b, 128)
		if d != edits(b, a, 128) || (d == 0) != (a == b) || d > max(len(a), len(b)) || d < max(len(a)-len(b), len(b)-len(a)) {
			t.Errorf("edits(%q, %q) = %d", a, b, d)
		}
		if got := edits(a, b, 1); got != min(d, 2) {
			t.Errorf("edits(%q, %q) = %d, %d with a limit of 1", a, b, d, got)
		}
	})
}

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"web", "web-1", "worker", "db", "restart", "start"}
	for word, want := range map[string]string{
		"wbe": "web", "wab": "web", "we": "", "dbb": "", "web-2": "", "worker2": "", "wrker": "worker", "restrat": "restart", "strat": "start",
		"resatrt": "restart", "xyz": "", "": "",
	} {
		if got := Nearest(word, known); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
	if got := Nearest("web-2", []string{"web-1"}); got != "" {
		t.Errorf("another number is %q", got)
	}
}
