package logs

import (
	"bytes"
	"io"
	"sync"
)

// maxLine is how much of a line is held back until the line is whole, in bytes.
const maxLine = 1 << 20

// A Merger brings the lines of several writers to one destination, none of
// them torn.
type Merger struct {
	mu sync.Mutex
	w  io.Writer
}

// NewMerger makes a Merger for w, which nobody else should write to.
func NewMerger(w io.Writer) *Merger { return &Merger{w: w} }

// Writer makes a writer of lines to the Merger's destination: each line that
// keep accepts, or each where keep is nil, with prefix before it. keep sees the
// line without its newline and may not hold on to it.
func (m *Merger) Writer(prefix string, keep func(line []byte) bool) *LineWriter {
	return &LineWriter{m: m, prefix: prefix, keep: keep}
}

// A LineWriter passes on what is written to it in whole lines. A line above
// 1 MiB is passed on as several. Not to be used from several goroutines; those
// of one Merger may be used at the same time.
type LineWriter struct {
	m      *Merger
	prefix string
	keep   func([]byte) bool
	rest   []byte // of a line that is not yet whole
	out    []byte
}

// Write passes on all lines that are whole by now in one write, and holds back
// the rest. The error is the destination's.
func (l *LineWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		room := maxLine - len(l.rest)
		window := rest[:min(len(rest), room+1)]
		switch i := bytes.IndexByte(window, '\n'); {
		case i >= 0:
			l.line(rest[:i])
			rest = rest[i+1:]
		case len(window) > room:
			l.line(rest[:room])
			rest = rest[room:]
		default:
			l.rest = append(l.rest, rest...)
			rest = nil
		}
	}
	if err := l.pass(); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush passes on a last line that has no newline, with one.
func (l *LineWriter) Flush() error {
	if len(l.rest) > 0 {
		l.line(nil)
	}
	return l.pass()
}

// line passes on the line that end completes.
func (l *LineWriter) line(end []byte) {
	if len(l.rest) > 0 {
		l.rest = append(l.rest, end...)
		end = l.rest
	}
	if l.keep == nil || l.keep(end) {
		l.out = append(l.out, l.prefix...)
		l.out = append(l.out, end...)
		l.out = append(l.out, '\n')
	}
	l.rest = l.rest[:0]
}

func (l *LineWriter) pass() error {
	if len(l.out) == 0 {
		return nil
	}
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	_, err := l.m.w.Write(l.out)
	l.out = l.out[:0]
	return err
}
