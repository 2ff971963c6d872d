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

// A Problem is one thing that is wrong with a file.
type Problem struct {
	Path         string
	Line, Column int // from 1 on; a column is a character
	Msg          string
}

// Error has no part of the line, which may hold a secret.
func (f Problem) Error() string { return fmt.Sprintf("%s:%d:%d: %s", f.Path, f.Line, f.Column, f.Msg) }

// Problems is all that is wrong with a file, in its order: a [task.ErrUsage] of
// several lines, printed as they are.
type Problems []Problem

// maxProblems is how many problems are reported.
const maxProblems = 10

func (f Problems) Error() string {
	var lines []string
	for i, problem := range f {
		if i == maxProblems {
			lines = append(lines, fmt.Sprintf("and %d more", len(f)-i))
			break
		}
		lines = append(lines, problem.Error())
	}
	return strings.Join(lines, "\n")
}

func (Problems) Unwrap() error { return task.ErrUsage }

// A source is a file and what was found wrong with it.
type source struct {
	path     string
	text     string // without byte order mark, its lines ended by \n alone
	lines    []string
	problems Problems
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

// maxAll bounds the problems that are kept: a file can have one at every byte.
const maxAll = 1000

func (s *source) report(at pos, format string, args ...any) {
	if len(s.problems) >= maxAll {
		return
	}
	at.line, at.col = max(at.line, 1), max(at.col, 1)
	s.problems = append(s.problems, Problem{s.path, at.line, at.col, printable(fmt.Sprintf(format, args...))})
}

// err is what was found wrong, or nil: the first problem of each place.
func (s *source) err() error {
	if len(s.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(s.problems, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return slices.CompactFunc(s.problems, func(a, b Problem) bool { return a.Line == b.Line && a.Column == b.Column })
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
	"numprocs": "instances", "healthcheck": "health_http", "stop_grace_period": "stop_timeout", "autorestart": "restart", "directory": "cwd",
	"schedule": "cron", "stopsignal": "stop_signal", "stopwaitsecs": "stop_timeout", "exitcodes": "success_codes", "startretries": "max_restarts",
	"exec_mode": "instances", "cron_restart": "cron", "kill_timeout": "stop_timeout",
}

// notHere is why there is no key for what others have one for.
var notHere = map[string]string{
	"autostart": "up starts all tasks of the file", "user": "every task runs as the user of its supervisor",
	"logfile": "the output is kept: see 'tasks logs'", "stdout_logfile": "the output is kept: see 'tasks logs'", "stderr_logfile": "the output is kept: see 'tasks logs'",
	"image": notContainers, "build": notContainers, "ports": notContainers, "volumes": notContainers, "networks": notContainers, "container_name": notContainers,
}

const notContainers = "a task is a program, not a container"
