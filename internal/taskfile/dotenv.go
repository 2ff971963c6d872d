package taskfile

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"tasks/pkg/task"
)

// ReadEnv adds the variables of the file at path, of at most [MaxFile] bytes, to
// vars. It has lines NAME=VALUE, 'export ' before them if one likes; blank lines
// and those that begin with # do not count. A value ends before " #", and has
// no blanks around it. In single quotes it is as it stands; in double quotes
// \n, \r, \t, \", \\ and \$ are what they are elsewhere; either may go over
// several lines. No variable is expanded.
//
// A file that cannot be read is "cannot read PATH: " and what it wraps; what is
// wrong in it is an [task.ErrUsage], "PATH:LINE: " and so on.
func ReadEnv(path string, vars map[string]string) error {
	text, err := read(path)
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", path, reason(err))
	}
	return parseEnv(path, text, vars)
}

func parseEnv(path, text string, vars map[string]string) error {
	rest := plainLines(text)
	for line := 1; rest != ""; {
		bad := func(format string, args ...any) error {
			return task.Errorf(task.ErrUsage, "", "%s:%d: "+format, append([]any{path, line}, args...)...)
		}
		first, after, _ := strings.Cut(rest, "\n")
		stmt := strings.TrimSpace(first)
		if stmt == "" || stmt[0] == '#' {
			rest = after
			line++
			continue
		}
		name, value, ok := strings.Cut(exported(stmt), "=")
		name, value = strings.TrimSpace(name), strings.TrimLeft(value, " \t")
		if !ok || name == "" || strings.ContainsAny(name, " \t\x00") {
			return bad("not NAME=VALUE: %q", clip(stmt))
		}
		lines := 1
		if value != "" && (value[0] == '"' || value[0] == '\'') {
			// The value goes on behind the line, so it is taken from the rest.
			from := strings.IndexByte(rest, '=') + 1
			from += strings.IndexByte(rest[from:], value[0])
			inside, length := quoted(rest[from:])
			if length < 0 {
				return bad("the quote that begins the value of %s does not end", name)
			}
			value = inside
			lines += strings.Count(rest[from:from+length], "\n")
			tail, next, _ := strings.Cut(rest[from+length:], "\n")
			after = next
			if tail = strings.TrimSpace(tail); tail != "" && tail[0] != '#' {
				return bad("the value of %s goes on after its quote: %q", name, clip(tail))
			}
		} else {
			value = uncommented(first[strings.IndexByte(first, '=')+1:])
		}
		switch {
		case strings.IndexByte(value, 0) >= 0:
			return bad("the value of %s has a NUL byte", name)
		case !utf8.ValidString(name) || !utf8.ValidString(value):
			return bad("%q is not UTF-8 text", name)
		}
		vars[name] = value
		rest = after
		line += lines
	}
	return nil
}

// exported is a line without the word export before it.
func exported(stmt string) string {
	if rest, ok := strings.CutPrefix(stmt, "export"); ok && strings.TrimLeft(rest, " \t") != rest {
		return strings.TrimLeft(rest, " \t")
	}
	return stmt
}

// uncommented is what stands after the = without blanks around it and without a
// comment, which begins with a # after a blank.
func uncommented(s string) string {
	for i := 1; i < len(s); i++ {
		if s[i] == '#' && (s[i-1] == ' ' || s[i-1] == '\t') {
			s = s[:i]
			break
		}
	}
	return strings.TrimSpace(s)
}

// quoted is the text in the quotes that s begins with, and its length with them;
// -1 where they do not end.
func quoted(s string) (inside string, length int) {
	if s[0] == '\'' {
		end := strings.IndexByte(s[1:], '\'')
		if end < 0 {
			return "", -1
		}
		return s[1 : end+1], end + 2
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return b.String(), i + 1
		case c == '\\' && i+1 < len(s):
			i++
			switch s[i] {
			case 'n':
				b.WriteByte('\n')
			case 'r':
				b.WriteByte('\r')
			case 't':
				b.WriteByte('\t')
			case '"', '\\', '$':
				b.WriteByte(s[i])
			default:
				b.WriteByte('\\')
				b.WriteByte(s[i])
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", -1
}

// clip keeps messages short; what it shows may be secret.
func clip(s string) string {
	if len(s) <= 40 {
		return s
	}
	return strings.ToValidUTF8(s[:40], "") + "…"
}
