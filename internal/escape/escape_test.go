package escape

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode"
	"unicode/utf8"
)

// hostile is what each kind of character does to a terminal, and how it is shown.
var hostile = map[string]string{
	"plain":             "plain",
	"grüße 日本 🦀":        "grüße 日本 🦀",
	"\x1b[31mred":       `\x1b[31mred`,
	"\x1b]0;title\a":    `\x1b]0;title\a`,
	"a\rb\b\v\f\x00":    `a\rb\b\v\f\x00`,
	"\x7f":              `\x7f`,
	"\u009b31m":         `\u009b31m`,         // the introducer in one character
	"web\u202etxt.exe":  `web\u202etxt.exe`,  // from right to left
	"\u2066x\u2069":     `\u2066x\u2069`,     // isolates
	"a\u200bb\ufeff":    `a\u200bb\ufeff`,    // nothing to be seen
	"\u2028\u2029":      `\u2028\u2029`,      // ends of lines
	"\U000e0041":        `\U000e0041`,        // a tag
	"\xff\xc3(\xe2\x82": `\xff\xc3(\xe2\x82`, // no UTF-8
	"\xed\xa0\x80":      `\xed\xa0\x80`,      // half a pair
	"\ufffd":            "\ufffd",
	`\x1b`:              `\x1b`,
}

func TestString(t *testing.T) {
	t.Parallel()
	for s, want := range hostile {
		for _, escaped := range []string{String(s), Cell(s), written(t, s)} {
			if escaped != want {
				t.Errorf("%q becomes %q, want %q", s, escaped, want)
			}
		}
		if Needed(s) != (s != want) {
			t.Errorf("needed for %q: %v", s, Needed(s))
		}
	}
	if got := String("a\n\tb"); got != `a\n\tb` {
		t.Errorf("%q", got)
	}
	if got := written(t, "a\n\tb"); got != "a\n\tb" {
		t.Errorf("%q", got)
	}
}

// written is s through a Writer, at once and byte by byte.
func written(t *testing.T, s string) string {
	t.Helper()
	var whole, bytewise bytes.Buffer
	w := NewWriter(&whole)
	if n, err := w.Write([]byte(s)); n != len(s) || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	w.Flush()
	one := NewWriter(&bytewise)
	if _, err := io.Copy(one, iotest.OneByteReader(struct{ io.Reader }{strings.NewReader(s)})); err != nil {
		t.Error(err)
	}
	one.Flush()
	if whole.String() != bytewise.String() {
		t.Errorf("%q at once, %q byte by byte", whole.String(), bytewise.String())
	}
	return whole.String()
}

func TestSequence(t *testing.T) {
	t.Parallel()
	green := Sequence("32m") + "ok" + Sequence("0m")
	if got := written(t, green+"\x1b[31m"+Sequence("2K")); got != "\x1b[32mok\x1b[0m\\x1b[31m\x1b[2K" {
		t.Errorf("%q", got)
	}
	if got := written(t, Return()+"x\r"); got != "\rx\\r" {
		t.Errorf("%q", got)
	}
	if got := Cell(green + "\n"); got != green+`\n` {
		t.Errorf("%q", got)
	}
	if got := written(t, String(green)); strings.Contains(got, "\x1b") {
		t.Errorf("%q", got)
	}
	// Nobody guesses one, and what is cut off is none.
	forged := strings.Replace(green, head(), introducer+"12345;", 1)
	for _, s := range []string{forged[:len(forged)/2], Sequence(""), Sequence("31\x07m"), Sequence("31"), Sequence(strings.Repeat("1", longest) + "m"), "\x1b", "\x1b["} {
		if got := written(t, s); strings.Contains(got, "\x1b") {
			t.Errorf("%q becomes %q", s, got)
		}
	}
}

func TestWriterPassesErrorsOn(t *testing.T) {
	t.Parallel()
	r, w := io.Pipe()
	r.CloseWithError(io.ErrClosedPipe)
	if n, err := NewWriter(w).Write([]byte("x")); n != 0 || !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("%d, %v", n, err)
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	for s := range hostile {
		s = strings.ToValidUTF8(s, "\ufffd")
		text, err := json.MarshalIndent(map[string]string{s: s + "\n"}, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		safe := JSON(text)
		var got map[string]string
		if err := json.Unmarshal(safe, &got); err != nil || got[s] != s+"\n" {
			t.Errorf("%q becomes %s: %q, %v", s, safe, got, err)
		}
		if Needed(strings.ReplaceAll(string(safe), "\n", "")) {
			t.Errorf("%q stays in %q", s, safe)
		}
	}
}

func TestColours(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"a\nb\n":                                 "a\nb\n",
		"a\r\nb":                                 "a\nb",
		"\x1b[1;31mred\nnext\n":                  "\x1b[1;31mred\x1b[0m\nnext\n",
		"\x1b[38:5:1mx":                          "\x1b[38:5:1mx\x1b[0m",
		"\x1b[2Jx\x1b[32my\x1b[Hz\n":             "\\x1b[2Jx\x1b[32my\\x1b[Hz\x1b[0m\n",
		"10%\r20%\n":                             "10%\\r20%\n",
		"\x1b[3\n":                               "\\x1b[3\n",
		"\x1b[" + strings.Repeat("1;", 50) + "m": "\\x1b[" + strings.Repeat("1;", 50) + "m",
		Sequence("36m") + "web |" + Sequence("0m") + " \x1b[31mx\n": "\x1b[36mweb |\x1b[0m \x1b[31mx\x1b[0m\n",
	} {
		if got := written(t, string(Colours([]byte(s)))); got != want {
			t.Errorf("%q becomes %q, want %q", s, got, want)
		}
	}
}

// Whatever is written in whatever parts, a terminal has nothing to act on.
func FuzzWriter(f *testing.F) {
	for s := range hostile {
		f.Add([]byte(s), 1)
	}
	f.Fuzz(func(t *testing.T, text []byte, at int) {
		at = max(0, min(at, len(text)))
		var out bytes.Buffer
		w := NewWriter(&out)
		w.Write(text[:at])
		w.Write(text[at:])
		w.Flush()
		for _, r := range out.String() {
			if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
				t.Fatalf("%q becomes %q", text, out.String())
			}
		}
		if !utf8.Valid(out.Bytes()) || out.String() != written(t, string(text)) {
			t.Fatalf("%q, cut at %d, becomes %q", text, at, out.String())
		}
		if s := String(string(text)); Needed(s) || Cell(s) != s {
			t.Fatalf("%q becomes %q", text, s)
		}
	})
}
