package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/term"
)

// TestSplitAt finds where the word that is being typed begins.
func TestSplitAt(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"": "0 true", "st": "0 true", "stop ": "5 true", "stop we": "5 true", "stop  a 'b c'd": "8 true", "stop 'a b": "5 false", `stop a\ b`: "5 true",
		"stop a # b": "-1 true", `stop a\`: "5 false", "a#b": "0 true",
	} {
		if _, begin, ended := splitAt(line); fmt.Sprint(begin, " ", ended) != want {
			t.Errorf("%q: %d %t, want %s", line, begin, ended, want)
		}
	}
}

// TestComplete presses Tab at the | of a line.
func TestComplete(t *testing.T) {
	t.Parallel()
	offers := func(words []string) []string {
		known := []string{"stop", "start", "status"}
		if len(words) > 1 {
			known = []string{"web", "web-2", "worker", "with blank", "dir/", "--env="}
		}
		return slices.DeleteFunc(known, func(o string) bool { return !strings.HasPrefix(o, words[len(words)-1]) })
	}
	for _, tt := range []struct{ line, want, shows string }{
		{"sto|", "stop |", ""},
		{"st|", "st|", "stop    start   status\r\n"},
		{"sta|", "sta|", "start   status\r\n"},
		{"|", "st|", ""},
		{"xyz|", "xyz|", ""},
		{"stop we|", "stop web|", ""},
		{"stop web|", "stop web|", "web    web-2\r\n"},
		{"stop wo| -t 3s", "stop worker | -t 3s", ""},
		{"stop wi|", "stop 'with blank' |", ""},
		{"stop 'wi|", "stop 'wi\t|", ""},
		{"stop # we|", "stop # we|", ""},
		{"start x -C d|", "start x -C dir/|", ""},
		{"start x --e|", "start x --env=|", ""},
		{"start x -c 'a\n|", "\t|", ""},
		{"start x -c 'a\nsto|p", "sto\t|p", ""},
		{"start x -c 'a\nsto' wo|", "sto' worker |", ""},
		{"start x -c 'a\nsto|", "sto\t|", ""},
		{"start x \\\nwe|", "web|", ""},
		{"start x wo\\\nr|", "r|", ""},
		{"start x # wo\\\n|", "|", ""},
	} {
		var out strings.Builder
		before, typed := "", tt.line
		if i := strings.LastIndexByte(typed, '\n') + 1; i > 0 {
			before, typed = typed[:i], typed[i:]
		}
		ed := &editor{before: before, offers: offers, fd: -1, term: term.NewTerminal(struct {
			*strings.Reader
			*strings.Builder
		}{strings.NewReader(""), &out}, "")}
		at := strings.IndexByte(typed, '|')
		line, to, _ := ed.complete(strings.Replace(typed, "|", "", 1), at, '\t')
		if got, _ := released(line[:to] + "|" + line[to:]); got != tt.want || out.String() != tt.shows {
			t.Errorf("%s: %s, %q; want %s, %q", tt.line, got, out.String(), tt.want, tt.shows)
		}
		if _, _, ok := ed.complete("sto", 3, 'x'); ok {
			t.Error("another key completes")
		}
	}
}

// TestHistory keeps lines over sessions, and no more of them than it should.
func TestHistory(t *testing.T) {
	t.Parallel()
	h, err := openHistory("")
	h.Add("list")
	if h.Len() != 1 || h.At(0) != "list" || err != nil {
		t.Errorf("without a directory: %q, %v", h.lines, err)
	}
	dir := filepath.Join(t.TempDir(), "state/tasks")
	for session := range 3 {
		h := historyOf(t, dir)
		for i := range 1500 {
			h.Add(fmt.Sprintf("stop %d-%d", session, i))
		}
		h.Add("stop again")
		h.Add("stop again")
		h.Add("")
		h.Add(" secret")
		h.Add(strings.Repeat("x", longestHistory))
		h.off = true
		h.Add("y")
		h.close()
	}
	h = historyOf(t, dir)
	if h.Len() != mostHistory || h.At(0) != "stop again" || h.At(1) != "stop 2-1499" || h.At(mostHistory-1) != "stop 2-501" {
		t.Errorf("%d lines, the first ones %s and %s", h.Len(), h.At(0), h.At(1))
	}
	info, err := os.Stat(filepath.Join(dir, "shell_history"))
	if err != nil || info.Mode() != 0o600 || info.Size() > 64<<10 {
		t.Errorf("%v, %v", info, err)
	}
	if err := os.Chmod(dir, 0o777); err != nil { // others could put a history of theirs there
		t.Fatal(err)
	}
	if h, err := openHistory(dir); err == nil || h.Len() != 0 {
		t.Errorf("in a directory of others: %d lines, %v", h.Len(), err)
	}
}

func historyOf(t *testing.T, dir string) *history {
	h, err := openHistory(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.close)
	return h
}
