package taskfile

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"tasks/internal/typo"
	"tasks/pkg/task"
)

// pos is a place in a file, from 1 on; a column is a character.
type pos struct{ line, col int }

// A Fault is one thing that is wrong with a file.
type Fault struct {
	Path         string
	Line, Column int // from 1 on; a column is a character
	Msg          string
}

// Error has no part of the line, which may hold a secret.
func (f Fault) Error() string { return fmt.Sprintf("%s:%d:%d: %s", f.Path, f.Line, f.Column, f.Msg) }

// Faults is all that is wrong with a file, in its order: an [task.ErrUsage] of
// several lines, to be printed as they are.
type Faults []Fault

// maxFaults is how many faults are told.
const maxFaults = 10

func (f Faults) Error() string {
	var lines []string
	for i, fault := range f {
		if i == maxFaults {
			lines = append(lines, fmt.Sprintf("and %d more", len(f)-i))
			break
		}
		lines = append(lines, fault.Error())
	}
	return strings.Join(lines, "\n")
}

func (Faults) Unwrap() error { return task.ErrUsage }

// A source is a file and what was found wrong with it.
type source struct {
	path   string
	text   string // without byte order mark, its lines ended by \n alone
	lines  []string
	faults Faults
}

func newSource(path, text string) *source {
	text = plainLines(text)
	return &source{path: path, text: text, lines: strings.Split(text, "\n")}
}

// byteOrderMark is what some editors begin a file with.
const byteOrderMark = "\ufeff"

// plainLines takes off the byte order mark, and has a newline in place of each carriage
// return.
func plainLines(text string) string {
	text = strings.TrimPrefix(text, byteOrderMark)
	if !strings.Contains(text, "\r") {
		return text
	}
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
}

// maxAll bounds the faults that are kept: a file can have one at every byte.
const maxAll = 1000

func (s *source) fault(at pos, format string, args ...any) {
	if len(s.faults) >= maxAll {
		return
	}
	at.line, at.col = max(at.line, 1), max(at.col, 1)
	s.faults = append(s.faults, Fault{s.path, at.line, at.col, printable(fmt.Sprintf(format, args...))})
}

// err is what was found wrong, or nil: of each place the first fault.
func (s *source) err() error {
	if len(s.faults) == 0 {
		return nil
	}
	slices.SortStableFunc(s.faults, func(a, b Fault) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return slices.CompactFunc(s.faults, func(a, b Fault) bool { return a.Line == b.Line && a.Column == b.Column })
}

// printable has a � for each character that a terminal might act upon.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return utf8.RuneError
	}, s)
}

// shown is a name without what stands behind a =: A=B in place of A: B is a name,
// and B may be secret.
func shown(name string) string {
	if before, _, ok := strings.Cut(name, "="); ok {
		return before + "=…"
	}
	return name
}

// written is how messages name what a value became: as it is written where that
// refers to variables, which may be secret, and without what stands behind a =.
func (n *node) written(became string) string {
	if strings.ContainsAny(n.text, "$=") {
		return shown(n.text)
	}
	return became
}

// like is the hint at the one of names that word is a slip of, or "".
func like(word string, names []string) string {
	if found := typo.Nearest(word, names); found != "" {
		return fmt.Sprintf(": did you mean %s?", found)
	}
	return ""
}

// elsewhere is what others call some keys.
var elsewhere = map[string]string{
	"services": "tasks", "processes": "tasks", "programs": "tasks", "cmd": "command", "run": "command", "script": "command", "environment": "env",
	"depends_on": "after", "needs": "after", "requires": "after", "working_dir": "cwd", "workdir": "cwd", "dir": "cwd", "replicas": "instances",
	"numprocs": "instances", "healthcheck": "health_http", "stop_grace_period": "stop_timeout", "autorestart": "restart",
}
