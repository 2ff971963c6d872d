package escape

import (
	"bytes"
	"io"
	"sync"
	"unicode/utf8"
)

// A Writer passes text on with what a terminal would act on escaped, but for
// line ends, tabs and each [Sequence]. It may be used by several goroutines.
type Writer struct {
	w io.Writer

	mu   sync.Mutex
	rest []byte // the beginning of a character or of a sequence
	err  error  // of the first write that failed
}

// NewWriter escapes what is written to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Render is text as a Writer passes it on.
func Render(text string) string {
	var b bytes.Buffer
	w := NewWriter(&b)
	w.Write([]byte(text))
	w.Flush()
	return b.String()
}

func keepLines(r rune) bool { return r == '\n' || r == '\t' }

// Write takes all of b, or returns the error of what is behind it.
func (w *Writer) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := append(w.rest, b...)
	var out []byte
	for w.rest = nil; len(text) > 0; {
		if text[0] == introducer[0] {
			n := ours(text)
			if n < 0 {
				w.rest = bytes.Clone(text)
				break
			}
			if n > 0 {
				body := text[len(head()):n]
				if body[0] != '\r' {
					out = append(out, introducer...)
				}
				out, text = append(out, body...), text[n:]
				continue
			}
		}
		next := bytes.IndexByte(text[1:], introducer[0]) + 1
		if next == 0 {
			next = len(text) - unfinished(text)
		}
		out = appendText(out, text[:next], keepLines)
		if text = text[next:]; len(text) > 0 && text[0] != introducer[0] {
			w.rest = bytes.Clone(text)
			break
		}
	}
	if len(out) == 0 {
		return len(b), nil
	}
	if err := w.write(out); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (w *Writer) write(out []byte) error {
	_, err := w.w.Write(out)
	if w.err == nil {
		w.err = err
	}
	return err
}

// Err is the error of the first write that failed: many callers that print do not check.
func (w *Writer) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// Flush writes an unfinished sequence.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.rest) == 0 {
		return nil
	}
	out := appendText(nil, w.rest, keepLines)
	w.rest = nil
	return w.write(out)
}

// unfinished is how many bytes at the end of text may become a character.
func unfinished(text []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		if tail := text[len(text)-n:]; utf8.RuneStart(tail[0]) {
			if utf8.FullRune(tail) {
				return 0
			}
			return n
		}
	}
	return 0
}

// colour is the body of the sequence at the beginning of text if that chooses a
// colour or another look of characters (SGR); else it is empty.
func colour(text []byte) string {
	body, ok := bytes.CutPrefix(text, []byte(introducer))
	if !ok {
		return ""
	}
	for i, c := range body[:min(len(body), longest)] {
		if c == 'm' {
			return string(body[:i+1])
		}
		if c != ';' && c != ':' && (c < '0' || c > '9') {
			return ""
		}
	}
	return ""
}

// Colours lets the colours in lines of a log go through a [Writer], but not
// beyond the end of their line; what else is in the lines it escapes. A line may
// end with CR LF.
func Colours(lines []byte) []byte {
	var out []byte
	for line := range bytes.Lines(lines) {
		text, whole := bytes.CutSuffix(line, []byte{'\n'})
		if whole {
			text = bytes.TrimSuffix(text, []byte{'\r'})
		}
		coloured := false
		for len(text) > 0 {
			if n := ours(text); n > 0 {
				out, text = append(out, text[:n]...), text[n:]
				continue
			}
			if body := colour(text); body != "" {
				out, coloured = append(out, Sequence(body)...), true
				text = text[len(introducer)+len(body):]
				continue
			}
			next := bytes.IndexByte(text[1:], introducer[0]) + 1
			if next == 0 {
				next = len(text)
			}
			out, text = append(out, text[:next]...), text[next:]
		}
		if coloured {
			out = append(out, Sequence("0m")...)
		}
		if whole {
			out = append(out, '\n')
		}
	}
	return out
}
