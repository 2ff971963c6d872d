package cli

import (
	"errors"
	"io"
	"os"

	"golang.org/x/term"

	"tasks/internal/daemon"
	"tasks/internal/escape"
)

// streams are what a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer // escape what a terminal would act on
	raw      io.Writer // what out writes to: for the bytes of one log, and the line editor
	tty      bool      // out is a terminal
	errTTY   bool
	width    int // of that terminal; 0: unknown

	console *daemon.Console // in place of err while a supervisor is in the foreground; else nil
}

// standardStreams are those of this process.
func standardStreams() streams {
	s := streams{in: os.Stdin, out: escape.NewWriter(os.Stdout), err: escape.NewWriter(os.Stderr), raw: os.Stdout}
	s.tty, s.errTTY = term.IsTerminal(1), term.IsTerminal(2)
	if s.tty {
		s.width, _, _ = term.GetSize(1)
	}
	return s
}

// flush writes the beginnings of characters that were never ended.
func (s *streams) flush() {
	for _, w := range []io.Writer{s.out, s.err} {
		if w, ok := w.(*escape.Writer); ok {
			w.Flush()
		}
	}
	s.console.Flush()
}

// unwritten is the error of output that got lost, unless err has it already.
func (s *streams) unwritten(err error) error {
	w, ok := s.out.(*escape.Writer)
	if !ok {
		return nil
	}
	w.Flush()
	if lost := w.Err(); !errors.Is(err, lost) {
		return lost
	}
	return nil
}

// terminal is the width of the terminal that is written to; 0: there is none.
func (s *streams) terminal() int {
	if s.tty {
		return s.width
	}
	return 0
}
