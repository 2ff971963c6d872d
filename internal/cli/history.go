package cli

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"tasks/internal/safeopen"
	"tasks/internal/socket"
)

const (
	mostHistory    = 1000 // lines
	longestHistory = bufio.MaxScanTokenSize
)

// A history is the lines of the prompt, of earlier sessions too: a file of the user who
// types, whoever's the supervisor is. Without it, it is this session's.
type history struct {
	lines []string // the newest last
	file  *os.File // nil: none
	off   bool     // what is read is not a line
}

// openHistory reads the history of dir, which is made if missing; "": there is none.
func openHistory(dir string) (*history, error) {
	h := new(history)
	if dir == "" {
		return h, nil
	}
	if err := socket.MakeDir(dir); err != nil {
		return h, err
	}
	file, err := safeopen.OpenOwn(filepath.Join(dir, "shell_history"), os.O_RDWR|os.O_CREATE|os.O_APPEND)
	if err != nil {
		return h, err
	}
	h.file = file
	for in := bufio.NewScanner(h.file); in.Scan(); {
		if line := in.Text(); utf8.ValidString(line) {
			h.lines = append(h.lines, line)
		}
	}
	if len(h.lines) > 2*mostHistory { // else it would grow for ever
		h.lines = slices.Clone(h.lines[len(h.lines)-mostHistory:])
		if h.file.Truncate(0) == nil {
			io.WriteString(h.file, strings.Join(h.lines, "\n")+"\n")
		}
	}
	return h, nil
}

// Add adds a line, unless it is empty, begins with a blank, or is the last one again; nor
// one that is longer than any that somebody types.
func (h *history) Add(line string) {
	line, err := released(line)
	if h.off || err != nil || line == "" || line[0] == ' ' || len(line) >= longestHistory || !utf8.ValidString(line) || len(h.lines) > 0 && h.lines[len(h.lines)-1] == line {
		return
	}
	h.lines = append(h.lines, line)
	if h.file != nil {
		io.WriteString(h.file, line+"\n")
	}
}

// Len is how many lines there are.
func (h *history) Len() int { return min(len(h.lines), mostHistory) }

// At is one of them, as the Terminal holds it; 0 is the newest.
func (h *history) At(i int) string { return held(h.lines[len(h.lines)-1-i]) }

func (h *history) close() {
	if h.file != nil {
		h.file.Close()
	}
}
