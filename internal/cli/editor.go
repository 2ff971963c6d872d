package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// An editor reads lines from a terminal, with history and completion. That is raw only
// while a line is read. Ctrl-C begins a new line, as in any shell.
type editor struct {
	*streams
	fd      int
	term    *term.Terminal
	keys    *keyReader
	history *history
	offers  func(words []string) []string // what the last of words may become
}

func (e *env) newEditor(fd int, offers func([]string) []string) *editor {
	ed := &editor{streams: &e.streams, fd: fd, keys: &keyReader{Reader: e.in}, history: e.openHistory(), offers: offers}
	ed.term = term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{ed.keys, e.raw}, "")
	ed.term.History = ed.history
	return ed
}

// line reads a command.
func (ed *editor) line(prompt string) (string, error) {
	ed.term.AutoCompleteCallback = ed.complete
	return ed.read(prompt)
}

// answer reads the answer to a question.
func (ed *editor) answer(prompt string) (string, error) {
	ed.term.AutoCompleteCallback = nil
	ed.history.off = true
	defer func() { ed.history.off = false }()
	return ed.read(prompt)
}

func (ed *editor) read(prompt string) (string, error) {
	ed.term.SetPrompt(prompt)
	old, err := term.MakeRaw(ed.fd)
	if err != nil {
		return "", err
	}
	defer beforeSignalled(func() { term.Restore(ed.fd, old) })()
	if w, h, err := term.GetSize(ed.fd); err == nil && w > 0 { // a terminal may not know
		ed.term.SetSize(w, h)
	}
	line, err := ed.term.ReadLine()
	if ed.keys.givenUp && err == nil {
		err = errGivenUp
	}
	ed.keys.givenUp = false
	if errors.Is(err, io.EOF) {
		fmt.Fprint(ed.raw, "\r\n") // what follows begins a line
	}
	return line, err
}

// keyReader makes of Ctrl-C, which ends the editor, the keys that empty the line
// and enter it: to its end, delete to its beginning, return; and of NUL, Ctrl-D: so
// Linux passes on one that was typed before the terminal was raw (n_tty.c).
type keyReader struct {
	io.Reader
	givenUp bool // Ctrl-C came
}

var keys = strings.NewReplacer("\x03", "\x05\x15\r", "\x00", "\x04")

func (r *keyReader) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b[:(len(b)+2)/3])
	r.givenUp = r.givenUp || bytes.IndexByte(b[:n], 3) >= 0
	return copy(b, keys.Replace(string(b[:n]))), err
}

// complete completes the word before the cursor, or shows what it may become.
func (ed *editor) complete(line string, at int, key rune) (string, int, bool) {
	if key != '\t' {
		return "", 0, false
	}
	words, begin, ended := splitAt(line[:at])
	if begin < 0 || !ended { // within quotes or a comment
		return line, at, true
	}
	if begin == at {
		words = append(words, "")
	}
	typed := words[len(words)-1]
	offers := ed.offers(words)
	common := commonPrefix(offers)
	switch {
	case len(offers) == 0:
		return line, at, true
	case len(common) > len(typed), len(offers) == 1:
		word := quote(common)
		if common == "" {
			word = ""
		}
		if len(offers) == 1 && !strings.HasSuffix(common, "/") && !strings.HasSuffix(common, "=") {
			word += " "
		}
		return line[:begin] + word + line[at:], begin + len(word), true
	}
	ed.show(offers)
	return line, at, true
}

// mostShown is how many offers are shown at once.
const mostShown = 100

// show lists offers above the prompt, in columns.
func (ed *editor) show(offers []string) {
	more := len(offers) - mostShown
	if more > 0 {
		offers = offers[:mostShown]
	}
	width, wide := 80, 0
	if w, _, err := term.GetSize(ed.fd); err == nil && w > 0 {
		width = w
	}
	for _, o := range offers {
		wide = max(wide, shown(o)+2)
	}
	perLine := max(1, width/wide)
	var b strings.Builder
	for i, o := range offers {
		b.WriteString(plain(o))
		if i+1 == len(offers) || (i+1)%perLine == 0 {
			b.WriteString("\n")
		} else {
			b.WriteString(strings.Repeat(" ", wide-shown(o)))
		}
	}
	if more > 0 {
		fmt.Fprintf(&b, "%d more\n", more)
	}
	io.WriteString(ed.term, b.String())
}

// commonPrefix is what all words begin with.
func commonPrefix(words []string) string {
	if len(words) == 0 {
		return ""
	}
	common := words[0]
	for _, w := range words[1:] {
		n := 0
		for n < len(common) && n < len(w) && common[n] == w[n] {
			n++
		}
		common = common[:n]
	}
	for !utf8.ValidString(common) {
		common = common[:len(common)-1]
	}
	return common
}
