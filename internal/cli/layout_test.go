package cli

import (
	"slices"
	"strings"
	"testing"

	"tasks/internal/escape"
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

// A text with a least of its own keeps that while another column can go, or be shorter.
func TestLayoutLeast(t *testing.T) {
	t.Parallel()
	l := layout{texts: []string{"WHY", "COMMAND"}, drop: []string{"SIDE", "WHY"}, least: map[string]int{"WHY": 18}}
	head := []string{"SIDE", "WHY", "COMMAND"}
	rows := [][]string{{"left", "waits for a slot of g", "sleep 300 and some more"}}
	for width, want := range map[int]string{
		52: "left|waits for a slot of g|sleep 300 and some more",
		49: "left|waits for a slot of…|sleep 300 and some m…",
		38: "left|waits for a slot …|sleep 300 a…",
		37: "waits for a slot …|sleep 300 and so…",
		32: "waits for a slot …|sleep 300 a…",
		26: "waits for a…|sleep 300 a…",
		25: "sleep 300 and some more",
	} {
		_, got, _ := l.fit(head, slices.Clone(rows), width)
		if text := strings.Join(got[0], "|"); text != want {
			t.Errorf("%d columns: %s, want %s", width, text, want)
		}
	}
}

// A line that is too wide continues on the next one, and no word is broken.
func TestHanging(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		line  string
		width int
		want  string
	}{
		{"TIME  NAME  exit code 3", 23, "TIME  NAME  exit code 3"},
		{"TIME  NAME  exit code 3", 22, "TIME  NAME  exit code\n    3"},
		{"TIME  NAME  exit code 3", 12, "TIME  NAME\n    exit\n    code 3"},
		{escape.Sequence("31m") + "failed  a  next at noon", 12, escape.Sequence("31m") + "failed  a\n    next at\n    noon"},
		{"日本語 日本語", 12, "日本語\n    日本語"},
		{"word /a/very/long/path", 10, "word\n    /a/very/long/path"},
		{"", 5, ""},
	} {
		if got := hanging(tt.line, tt.width); got != tt.want {
			t.Errorf("%q in %d columns: %q, want %q", tt.line, tt.width, got, tt.want)
		}
	}
}

// At 80 columns timers say how a run ended before they say where its clock is.
func TestNarrowTimers(t *testing.T) {
	t.Parallel()
	const nightly = `[{"name":"nightly-backup","state":"waiting","next_at":"2999-01-02T00:00:00Z","zone":"Europe/Berlin","spec":{"name":"nightly-backup","cron":"CRON_TZ=Europe/Berlin 0 3 * * *"},
		"last_exit":{"run":3,"state":"failed","reason":"exit code 127","exit_code":127,"started_at":"2026-11-27T03:00:00Z","ended_at":"2026-11-27T03:00:02.5Z"}}]`
	r := scripted{"list": nightly}.onTerminal(t, 80, "timers")
	if !strings.Contains(r.out, "failed: exit code 127") || strings.Contains(r.out, "Berlin") || !strings.HasPrefix(r.errs, "the terminal is too narrow for ZONE, DURATION") {
		t.Errorf("%s---\n%s", r.out, r.errs)
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
