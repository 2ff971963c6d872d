package taskfile

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"tasks/pkg/task"
)

// maxVars bounds the values of one file in bytes: each line can double the last.
const maxVars = 4 << 20

// ReadEnv adds the variables of the file at path, of at most [MaxFile] bytes, to
// vars, as docker compose reads such files; docs/tasks-file.md says how. The file
// is one that the user named, and may be a pipe. Variables in its values come from environ,
// NAME=VALUE each, and then from what vars has by then. The remarks say what the user may
// not have meant.
//
// A file that cannot be read is "cannot read PATH: " and what it wraps; what is
// wrong in it is an [task.ErrUsage], "PATH:LINE:COLUMN: " and so on, without any
// part of a value.
func ReadEnv(path string, vars map[string]string, environ []string) (remarks []string, err error) {
	text, err := read(os.Open, path)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path, reason(err))
	}
	return parseEnv(path, text, vars, variables(environ).lookup)
}

func parseEnv(path, text string, vars map[string]string, outer func(string) (string, bool, error)) ([]string, error) {
	text = strings.ReplaceAll(strings.TrimPrefix(text, byteOrderMark), "\r\n", "\n") // else a carriage return is a character
	r := envReader{path: path, text: text, vars: vars, outer: outer}
	for r.skip(" \t\v\f\r\n"); r.at < len(r.text); r.skip(" \t\v\f\r\n") {
		if r.text[r.at] == '#' {
			r.at = r.lineEnd()
			continue
		}
		if err := r.statement(); err != nil {
			return nil, err
		}
	}
	return r.remarks, nil
}

// An envReader reads the lines of one file.
type envReader struct {
	path    string
	text    string
	at      int // where to read on
	end     int // of the value read last
	vars    map[string]string
	outer   func(string) (string, bool, error) // variables that come before those of the file
	size    int                                // of the values so far
	remarks []string
}

// place is "PATH:LINE:COLUMN" of an offset.
func (r *envReader) place(at int) string {
	before := r.text[:at]
	line := strings.LastIndexByte(before, '\n') + 1
	return fmt.Sprintf("%s:%d:%d", r.path, 1+strings.Count(before, "\n"), 1+utf8.RuneCountInString(before[line:]))
}

func (r *envReader) bad(at int, format string, args ...any) error {
	return task.Errorf(task.ErrUsage, "", "%s: %s", r.place(at), printable(fmt.Sprintf(format, args...)))
}

func (r *envReader) remark(at int, format string, args ...any) {
	if len(r.remarks) < maxProblems {
		r.remarks = append(r.remarks, r.place(at)+": "+fmt.Sprintf(format, args...))
	}
}

// skip skips these characters.
func (r *envReader) skip(chars string) {
	r.at = len(r.text) - len(strings.TrimLeft(r.text[r.at:], chars))
}

// lineEnd is the offset of the end of this line.
func (r *envReader) lineEnd() int {
	if n := strings.IndexByte(r.text[r.at:], '\n'); n >= 0 {
		return r.at + n
	}
	return len(r.text)
}

// statement reads a variable, from its name to the end of its last line.
func (r *envReader) statement() error {
	if rest, ok := strings.CutPrefix(r.text[r.at:], "export"); ok && strings.TrimLeft(rest, " \t\r") != rest {
		r.at += len("export")
		r.skip(" \t\r")
	}
	from := r.at
	if end := strings.IndexFunc(r.text[from:], func(c rune) bool { return !inName(c) }); end >= 0 {
		r.at += end
	} else {
		r.at = len(r.text)
	}
	name := r.text[from:r.at]
	r.skip(" \t\r")
	switch {
	case name != "" && (r.at == len(r.text) || r.text[r.at] == '\n'):
		return r.inherit(from, name)
	case r.at < len(r.text) && name == "" && r.text[r.at] == '=':
		return r.bad(r.at, "there is no name before the =")
	case r.at == len(r.text) || name == "" || r.text[r.at] != '=' && r.text[r.at] != ':':
		return r.bad(r.at, "not NAME=VALUE: a name has letters, digits, '_', '.', '-', '[' and ']'")
	}
	r.at++
	r.skip(" \t\r")
	begin := r.at
	value, offsets, err := r.value(name)
	if err != nil {
		return err
	}
	raw := r.text[begin:r.end]
	if i := strings.IndexByte(raw, 0); i >= 0 {
		return r.bad(begin+i, "the value of %s has a NUL byte", name)
	}
	if i := illegible(raw); i >= 0 {
		return r.bad(begin+i, "the value of %s is not UTF-8 text", name)
	}
	if offsets != nil {
		if value, err = r.expand(name, value, offsets); err != nil {
			return err
		}
	}
	return r.set(from, name, value)
}

// inName reports whether a name may have c in it.
func inName(c rune) bool {
	return unicode.IsLetter(c) || unicode.IsNumber(c) || c != 0 && strings.ContainsRune("_.-[]", c)
}

// inherit takes a variable over that stands by its name alone.
func (r *envReader) inherit(at int, name string) error {
	value, set, err := r.outer(name)
	switch {
	case err != nil:
		return r.bad(at, "%v", err)
	case set:
		return r.set(at, name, value)
	}
	if _, set = r.vars[name]; !set {
		// The line may well be a part of a value that has lost its quotes.
		r.remark(at, "a name without a value, which is not set in your environment: left out")
	}
	return nil
}

func (r *envReader) set(at int, name, value string) error {
	if r.size += len(name) + len(value); r.size > maxVars {
		return r.bad(at, "the values up to %s are larger than %s", name, task.Size(maxVars))
	}
	r.vars[name] = value
	return nil
}

// value reads a value and the rest of its line. Offsets is where in the file each
// of its bytes is, or nil where variables are not replaced in it.
func (r *envReader) value(name string) (value string, offsets []int, err error) {
	if r.at < len(r.text) && (r.text[r.at] == '"' || r.text[r.at] == '\'') {
		return r.quoted(name)
	}
	from := r.at
	r.at = r.lineEnd()
	value = r.text[from:r.at]
	for i := range len(value) {
		if value[i] == '#' && (i == 0 && strings.Contains(" \t", r.text[from-1:from]) || i > 0 && strings.Contains(" \t", value[i-1:i])) {
			value = value[:i]
			break
		}
	}
	value = strings.TrimRightFunc(value, unicode.IsSpace)
	r.end = from + len(value)
	for i := range len(value) {
		offsets = append(offsets, from+i)
	}
	return value, offsets, nil
}

// escapes are the characters that a backslash makes others of in double quotes.
var escapes = map[byte]string{
	'a': "\a", 'b': "\b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v", '\\': `\`, '$': "$$",
}

// quoted reads a value in quotes, which may go over several lines.
func (r *envReader) quoted(name string) (string, []int, error) {
	quote, from := r.text[r.at], r.at
	var b strings.Builder
	offsets := []int{}
	put := func(s string) {
		b.WriteString(s)
		for range len(s) {
			offsets = append(offsets, r.at)
		}
	}
	for r.at++; ; r.at++ {
		if r.at == len(r.text) {
			return "", nil, r.bad(from, "the quote that begins the value of %s does not end", name)
		}
		c := r.text[r.at]
		if c == quote {
			break
		}
		if c != '\\' || r.at+1 == len(r.text) {
			put(r.text[r.at : r.at+1])
			continue
		}
		next := r.text[r.at+1]
		escape, ok := escapes[next]
		switch {
		case next == quote:
			put(string(rune(quote)))
		case quote == '"' && ok:
			put(escape)
		default:
			put(r.text[r.at : r.at+2])
		}
		r.at++
	}
	if quote == '\'' {
		offsets = nil
	}
	r.at++
	r.end = r.at
	r.skip(" \t\v\f\r")
	if r.at < len(r.text) && r.text[r.at] != '\n' && r.text[r.at] != '#' {
		return "", nil, r.bad(r.at, "the value of %s continues after its quote: write it in one pair of quotes, with \\%c for a quote in it", name, quote)
	}
	r.at = r.lineEnd()
	return b.String(), offsets, nil
}

// expand replaces the variables in a value.
func (r *envReader) expand(name, value string, offsets []int) (string, error) {
	x := expansion{
		lookup: func(other string) (string, bool, error) {
			if v, set, err := r.outer(other); set || err != nil {
				return v, set, err
			}
			v, set := r.vars[other]
			return v, set, nil
		},
		unset: func(ref reference) error {
			// Without braces it may be a part of a password.
			which := "a variable"
			if ref.braced {
				which = ref.name
			}
			r.remark(offsets[ref.from], "the value of %s refers to %s, which is not set: taken as empty; $$ is a dollar", name, which)
			return nil
		},
	}
	value, err := x.expand(value)
	if at := new(referenceError); errors.As(err, &at) {
		err = r.bad(offsets[at.from], "the value of %s: %v", name, at.error)
	}
	return value, err
}

// illegible is the offset of the first byte of s that is not UTF-8 text, or -1.
func illegible(s string) int {
	for i, c := range s {
		if c == utf8.RuneError && !strings.HasPrefix(s[i:], "\ufffd") {
			return i
		}
	}
	return -1
}
