package cli

import (
	"slices"
	"strings"
	"testing"
)

// A wide table fits each terminal, by what its layout gives up first.
func TestLayout(t *testing.T) {
	t.Parallel()
	l := layout{paths: []string{"PATH"}, texts: []string{"TEXT"}, zero: []string{"ZERO"}, drop: []string{"PATH", "SIDE"}}
	head := []string{"NAME", "SIDE", "ZERO", "EXIT", "NONE", "PATH", "TEXT"}
	rows := [][]string{
		{"a", "left", "0", "0", "-", "/home/me/project/logs/a/1.log", "sh -c 'sleep 300; exit 3'"},
		{"日本", "-", "0", "0", "-", "/x", "\x1b[31mred\x1b[0m"},
	}
	for _, tt := range []struct {
		width int
		head  string
		a, b  string
		left  string
	}{
		{200, "NAME SIDE EXIT PATH TEXT", "a|left|0|/home/me/project/logs/a/1.log|sh -c 'sleep 300; exit 3'", "日本|-|0|/x|\x1b[31mred\x1b[0m", ""},
		{74, "NAME SIDE EXIT PATH TEXT", "a|left|0|/home/me/project/logs/a/1.log|sh -c 'sleep 300; exit 3'", "日本|-|0|/x|\x1b[31mred\x1b[0m", ""},
		{73, "NAME SIDE EXIT PATH TEXT", "a|left|0|/home/me/…oject/logs/a/1.log|sh -c 'sleep 300; exit 3'", "日本|-|0|/x|\x1b[31mred\x1b[0m", ""},
		{61, "NAME SIDE EXIT PATH TEXT", "a|left|0|/home…gs/a/1.log|sh -c 'sleep 300; exit 3'", "", ""},
		{48, "NAME SIDE EXIT PATH TEXT", "a|left|0|/home…gs/a/1.log|sh -c 'slee…", "", ""},
		{47, "NAME SIDE EXIT TEXT", "a|left|0|sh -c 'sleep 300; exit 3'", "", "PATH"},
		{30, "NAME SIDE EXIT TEXT", "a|left|0|sh -c 'slee…", "", "PATH"},
		{29, "NAME EXIT TEXT", "a|0|sh -c 'sleep 300…", "", "PATH SIDE"},
		{9, "NAME EXIT TEXT", "a|0|sh -c 'slee…", "", "PATH SIDE"},
	} {
		gotHead, got, left := l.fit(head, slices.Clone(rows), tt.width)
		if h := strings.Join(gotHead, " "); h != tt.head || strings.Join(left, " ") != tt.left {
			t.Errorf("%d columns: %s without %q, want %s without %q", tt.width, h, left, tt.head, tt.left)
		}
		if a := strings.Join(got[0], "|"); a != tt.a {
			t.Errorf("%d columns: %s, want %s", tt.width, a, tt.a)
		}
		if b := strings.Join(got[1], "|"); tt.b != "" && b != tt.b {
			t.Errorf("%d columns: %q, want %q", tt.width, b, tt.b)
		}
	}
	if head, _, _ := l.fit(head, nil, 200); len(head) != 7 {
		t.Errorf("without a row: %q", head)
	}
}

func TestCutMiddle(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text string
		n    int
		want string
	}{
		{"/var/lib/tasks/logs/web/1.log", 16, "/var/…/web/1.log"},
		{"0123456789", 4, "0…89"},
		{"0123456789", 1, "…"},
		{"日本語日本語日本語", 8, "日…本語"},
	} {
		if got := cutMiddle(tt.text, tt.n); got != tt.want || shown(got) > tt.n {
			t.Errorf("%s in %d columns: %q, want %q", tt.text, tt.n, got, tt.want)
		}
	}
}
