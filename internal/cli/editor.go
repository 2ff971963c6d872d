package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"

	"tasks/internal/socket"
)

// An editor reads lines from a terminal, with history and completion. That is raw only
// while a line is read. Ctrl-C begins a new line, as in any shell.
type editor struct {
	*streams
	fd      int
	term    *term.Terminal
	history *history
	before  string                        // the lines of the command before this one
	offers  func(words []string) []string // what the last of words may become
}

func (e *env) newEditor(fd int, offers func([]string) []string) *editor {
	history, err := openHistory(socket.UserDir(os.Getenv, os.Getuid()))
	if err != nil {
		e.remark("tasks: the lines typed here are not kept: %v", err)
	}
	ed := &editor{streams: &e.streams, fd: fd, history: history, offers: offers}
	ed.term = newTerminal(e.in, e.raw)
	ed.term.History = ed.history
	return ed
}

func newTerminal(in io.Reader, out io.Writer) *term.Terminal {
	return term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{&keyReader{in: in}, screen{out}}, "")
}

// line reads a line of a command. None of its lines is kept where the first begins with a blank.
func (ed *editor) line(before string) (string, error) {
	ed.before = before
	ed.history.off = strings.HasPrefix(before, " ")
	ed.term.AutoCompleteCallback = ed.complete
	if before == "" {
		return ed.read("tasks> ")
	}
	return ed.read("> ")
}

// answer reads the answer to a question.
func (ed *editor) answer(question string) (string, error) {
	ed.term.AutoCompleteCallback = nil
	ed.history.off = true
	return ed.read(question)
}

func (ed *editor) read(prompt string) (string, error) {
	ed.term.SetPrompt(prompt)
	old, err := term.MakeRaw(ed.fd)
	if err != nil {
		return "", err
	}
	pastes := !slices.Contains([]string{"", "dumb"}, os.Getenv("TERM"))
	if pastes {
		ed.term.SetBracketedPasteMode(true)
	}
	done := beforeSignalled(func() {
		if pastes {
			ed.term.SetBracketedPasteMode(false)
		}
		term.Restore(ed.fd, old)
	})
	if w, h, err := term.GetSize(ed.fd); err == nil && w > 0 { // a terminal may not know
		ed.term.SetSize(w, h)
	}
	line, err := ed.term.ReadLine()
	done()
	if errors.Is(err, io.EOF) {
		fmt.Fprintln(ed.raw) // what follows begins a line
	}
	if err != nil {
		return "", err
	}
	return released(line)
}

// complete completes the word before the cursor, or shows what it may become. Within a
// quotation a Tab is one.
func (ed *editor) complete(line string, at int, key rune) (string, int, bool) {
	if key != '\t' {
		return "", 0, false
	}
	typed, err := released(line[:at])
	if err != nil {
		return line, at, true
	}
	words, begin, ended := splitAt(ed.before + typed)
	if !ended {
		typed += "\t"
	} else if begin -= len(ed.before); begin >= 0 { // else it began on an earlier line, or is a comment
		typed = typed[:begin] + ed.completed(words, typed[begin:])
	}
	return held(typed) + line[at:], len(held(typed)), true
}

// completed is what becomes of the last of words, as it was typed: "" is a new one.
func (ed *editor) completed(words []string, typed string) string {
	if typed == "" {
		words = append(words, "")
	}
	word := words[len(words)-1]
	offers := ed.offers(words)
	common := commonPrefix(offers)
	switch {
	case len(offers) == 0:
		return typed
	case len(offers) > 1 && len(common) <= len(word):
		ed.show(offers)
		return typed
	case common == "":
		return " "
	case len(offers) > 1, strings.HasSuffix(common, "/"), strings.HasSuffix(common, "="):
		return quote(common)
	}
	return quote(common) + " "
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
