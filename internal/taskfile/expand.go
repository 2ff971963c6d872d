package taskfile

import (
	"errors"
	"fmt"
	"strings"
)

// maxNested is how deep defaults may hold references with defaults.
const maxNested = 20

var errTooLong = errors.New("the value is too long: its variables make it larger than 1 MiB")

// An expansion replaces the references to variables in one text, as docker compose
// does: $NAME, ${NAME}, ${NAME:-DEFAULT} and so on; $$ is a dollar, and a $ before
// anything else stays.
type expansion struct {
	// lookup is the value of a variable, and whether it is set.
	lookup func(name string) (value string, set bool, err error)
	// unset decides on a reference without a default whose variable is not set:
	// nil makes it empty.
	unset func(ref reference) error
	out   strings.Builder
}

// A reference is a part of a text that stands for a variable.
type reference struct {
	from, to int // in the text
	name     string
	braced   bool // ${NAME}, not $NAME
}

// A referenceError says what is wrong with one reference.
type referenceError struct {
	reference
	error
}

// expand is s with its references replaced; the error is a [*referenceError].
func (x *expansion) expand(s string) (string, error) {
	if !strings.Contains(s, "$") {
		return s, nil
	}
	if err := x.write(s, 0, 0); err != nil {
		return "", err
	}
	return x.out.String(), nil
}

// write appends s, which is at an offset in the whole text, expanded.
func (x *expansion) write(s string, offset, depth int) error {
	for len(s) > 0 {
		dollar := strings.IndexByte(s, '$')
		if dollar < 0 {
			dollar = len(s)
		}
		x.out.WriteString(s[:dollar])
		s, offset = s[dollar:], offset+dollar
		length := 1
		ref := reference{from: offset}
		var err error
		switch {
		case s == "":
		case strings.HasPrefix(s, "$$"):
			x.out.WriteByte('$')
			length = 2
		case strings.HasPrefix(s, "${"):
			if length = braces(s); length < 0 {
				ref.to = offset + len(s)
				return &referenceError{ref, errors.New("${ has no } after it: $$ is a dollar")}
			}
			ref.to, ref.braced = offset+length, true
			err = x.braced(s[2:length-1], ref, depth)
		default:
			if ref.name = leadingName(s[1:]); ref.name == "" {
				x.out.WriteByte('$')
				break
			}
			length += len(ref.name)
			ref.to = offset + length
			err = x.variable(ref)
		}
		if err == nil && x.out.Len() > MaxFile {
			err = errTooLong
		}
		if err != nil {
			if at := new(referenceError); !errors.As(err, &at) {
				err = &referenceError{ref, err}
			}
			return err
		}
		s, offset = s[min(length, len(s)):], offset+length
	}
	return nil
}

// variable appends the value of a variable.
func (x *expansion) variable(ref reference) error {
	value, set, err := x.lookup(ref.name)
	if err == nil && !set {
		err = x.unset(ref)
	}
	x.out.WriteString(value)
	return err
}

// braced appends what stands for the text between ${ and }.
func (x *expansion) braced(inside string, ref reference, depth int) error {
	ref.name = leadingName(inside)
	op := strings.TrimPrefix(inside, ref.name)
	if ref.name != "" && op == "" {
		return x.variable(ref)
	}
	op, orEmpty := strings.CutPrefix(op, ":")
	if ref.name == "" || op == "" || !strings.Contains("-?+", op[:1]) {
		return errors.New("bad reference: use ${NAME}, ${NAME:-DEFAULT} or ${NAME:?MESSAGE}; $$ is a dollar")
	}
	if depth == maxNested {
		return errors.New("this is nested too deeply")
	}
	value, set, err := x.lookup(ref.name)
	if err != nil {
		return err
	}
	given := set && !(orEmpty && value == "")
	word := op[1:]
	at := ref.to - 1 - len(word)
	switch {
	case op[0] == '+' && given, op[0] == '-' && !given:
		return x.write(word, at, depth+1)
	case op[0] == '?' && !given:
		what := "is not set"
		if set {
			what = "is empty"
		}
		if word != "" {
			what += ": " + word
		}
		return fmt.Errorf("%s %s", ref.name, what)
	case op[0] != '+':
		x.out.WriteString(value)
	}
	return nil
}

// braces is the length of the ${…} that s begins with; -1 where it does not end.
func braces(s string) int {
	open := 0
	for i := range len(s) {
		switch s[i] {
		case '{':
			open++
		case '}':
			if open--; open == 0 {
				return i + 1
			}
		}
	}
	return -1
}

// leadingName is the name of a variable that s begins with, or "".
func leadingName(s string) string {
	for i := range len(s) {
		c := s[i]
		letter := c == '_' || 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return s[:i]
		}
	}
	return s
}
