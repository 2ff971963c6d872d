package cli

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"
)

// typeKeys gives keys to an editor, of one byte at a time or of many, and returns the lines that it
// reads, and what is on the screen.
func typeKeys(keys string, slowly bool) (lines []string, shows string, kept *history) {
	var in io.Reader = strings.NewReader(keys)
	if slowly {
		in = iotest.OneByteReader(in)
	}
	var out bytes.Buffer
	ed := &editor{term: newTerminal(in, &out), fd: -1, offers: func([]string) []string { return []string{"stop"} }, history: new(history)}
	ed.term.AutoCompleteCallback, ed.term.History = ed.complete, ed.history
	for {
		line, err := ed.term.ReadLine()
		if err == nil {
			line, err = released(line)
		}
		switch {
		case errors.Is(err, io.EOF):
			return lines, out.String(), ed.history
		case err != nil:
			line = "error: " + err.Error()
		}
		lines = append(lines, line)
	}
}

// TestKeys presses keys, and compares the lines.
func TestKeys(t *testing.T) {
	t.Parallel()
	long := "rm " + strings.Repeat("old ", 2000) + "deploy-12"
	tooLong := "error: " + errLongLine.Error()
	paste := func(text string) string { return pasteStart + text + pasteEnd }
	for _, tt := range []struct {
		name, keys string
		want       []string
	}{
		{"a line", "list\r", []string{"list"}},
		{"two lines", "list\rinfo\n", []string{"list", "info"}},
		{"editing", "lst\x1b[D\x1b[Di\x01x\x05\x7f\r", []string{"xlis"}},
		{"arrows of an application", "b\x1bODa\r", []string{"ab"}},
		{"Ctrl-C", "list\x03info\r", []string{"error: Ctrl-C", "info"}},
		{"Ctrl-C after a line that was typed ahead", "list\r\x03", []string{"list", "error: Ctrl-C"}},
		{"Ctrl-D", "\x04list\r", nil},
		{"Ctrl-D typed before the terminal was raw", "list\r\x00info\r", []string{"list"}},
		{"Tab", "sto\t\r", []string{"stop "}},
		{"Tab within a quotation", "x 'sto\t2'\r", []string{"x 'sto\t2'"}},
		{"an escaped Tab", "x \\\t2\r", []string{"x \\\t2"}},
		{"longer than a Terminal takes", long + "\r", []string{long}},
		{"that pasted", paste(long) + "\r", []string{long}},
		{"longer than a request", long + strings.Repeat("x", maxShellLine) + " rest\rlist\r", []string{tooLong, "list"}},
		{"that pasted", paste(strings.Repeat("x", maxShellLine)+"y\rinfo\r") + "list\r", []string{tooLong, "info", "list"}},
		{"much longer", paste(strings.Repeat("x", 2*maxPaste)+"\rrm a\rrm b") + "\rlist\r", []string{tooLong, "list"}},
		{"pasted", paste("sto\t1") + "\r", []string{"sto\t1"}},
		{"pasted lines", "x" + paste("a\r\nb\nc\r\rd") + "e\r", []string{"xa", "b", "c", "", "de"}},
		{"pasted keys", paste("a\x03b\x04\x15\x1b[Dc\x00\x1b[200~") + "\r", []string{"a\x03b\x04\x15\x1b[Dc\x00\x1b[200~"}},
		{"the end of a paste alone", pasteEnd + "list\r", []string{"list"}},
		{"letters", "é日本\ufffd🙂\r", []string{"é日本\ufffd🙂"}},
		{"not UTF-8", "a\xe9b\r", []string{"a\xffb"}},
		{"half a letter", "a\xe6\x97\r" + paste("\xe6\x97") + "\r", []string{"a\xff\xff", "\xff\xff"}},
		{"noncharacters", "a\ufdd9\ufffe\U0002ffff\r", []string{"a\xff\xff\xff"}},
		{"other keys", "a\x1bb\x1b[[A\x1b[15~\x1b[1;5C\x1bé\x1b\x1b[C\x1b\rb\r", []string{"a", "b"}},
		{"no key", "\x1b[?" + strings.Repeat("1", longestKey) + "\r", []string{"111"}},
		{"a sequence that is broken off", "a\x1b[1\rb\r", []string{"a", "b"}},
	} {
		for _, slowly := range []bool{false, true} {
			if slowly && len(tt.keys) > maxShellLine {
				continue
			}
			if got, _, _ := typeKeys(tt.keys, slowly); !slices.Equal(got, tt.want) {
				t.Errorf("%s, slowly %t: %.200q, want %.200q", tt.name, slowly, got, tt.want)
			}
		}
	}
}

// TestScreen shows what is held, also when it is recalled, without what a terminal acts on.
func TestScreen(t *testing.T) {
	t.Parallel()
	_, shows, kept := typeKeys(pasteStart+"a\tb\x1b[2Jc\u202ed\u009be\x7f"+pasteEnd+"\r\x1b[A\r", false)
	if strings.Count(shows, "a␉b␛[2Jc\ufffdd\ufffde\ufffd\r\n") != 2 {
		t.Errorf("%q", shows)
	}
	if want := []string{"a\tb\x1b[2Jc\u202ed\u009be\x7f"}; !slices.Equal(kept.lines, want) {
		t.Errorf("kept %q, want %q", kept.lines, want)
	}
}

// FuzzPaste pastes a line: it is read as it is, or with what cannot be text in it.
func FuzzPaste(f *testing.F) {
	for _, line := range []string{"", "stop web", "\t", "\x1b[201", "\ufffd\xff\uffff", "\x03\x04", "日本\u0000"} {
		f.Add(line, "", true)
		f.Add("x", line, false)
	}
	f.Fuzz(func(t *testing.T, line, more string, slowly bool) {
		if strings.ContainsAny(line+more, "\r\n") || strings.Contains(line, pasteEnd) || strings.Contains(more, pasteEnd) {
			return
		}
		lines, shows, _ := typeKeys(pasteStart+line+pasteEnd+pasteStart+more+pasteEnd+"\r", slowly)
		want := line + more
		text := utf8.ValidString(line) && utf8.ValidString(more) && !strings.ContainsFunc(want, func(r rune) bool { return standIn(r) == notText })
		if len(lines) != 1 || text && lines[0] != want || !text && utf8.ValidString(lines[0]) {
			t.Errorf("%q is read as %q", want, lines)
		}
		if strings.ContainsFunc(shows, func(r rune) bool { return r != '\x1b' && r != '\r' && r != '\n' && r < ' ' || r >= 0x7f && r < 0xa0 }) {
			t.Errorf("%q is shown as %q", want, shows)
		}
	})
}
