package taskfile

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"tasks/pkg/task"
)

// maxScalars bounds what aliases can stand for: without them a file has fewer.
const maxScalars = 100_000

// A loader reads one file.
type loader struct {
	*source
	dir     string // in which it was found: absolute
	literal bool   // variables are not expanded
	environ callerEnv

	dotenvFile content           // .env beside the file
	dotenv     map[string]string // its variables; nil until they are needed

	files    map[string]map[string]string // env files, by their paths
	remarks  []string
	given    int // bytes of the variables that the file gives
	scalars  int // read so far
	expanded int // bytes of values that variables were replaced in
}

// A got is the value of a key as it was read.
type got struct {
	pair
	val   any     // string, int, bool, or a []any of these; nil if it has problems
	items []*node // of each item where val is a list
}

// shown is a message about the value, without what it quotes where that may come
// from a variable, which may be secret.
func (g got) shown(msg string) string {
	for _, n := range append(g.items, g.pair.val) {
		if strings.Contains(n.text, "$") {
			return quotedText().ReplaceAllString(msg, `"…"`)
		}
	}
	return msg
}

// example of the mapping that a key has, where people write a list.
func example(key string) string {
	if key == "env" {
		return " such as {PORT: 8080}"
	}
	return ""
}

// fields reads the keys of n by the table; missing and bad ones are not in it.
// What is n, for people, and free what keys that are left alone begin with.
func (l *loader) fields(n *node, what string, at pos, table []field, free string) map[string]got {
	found := make(map[string]got)
	unknown := false
	for _, p := range n.pairs {
		i := slices.IndexFunc(table, func(f field) bool { return f.key == p.key.text })
		if i < 0 {
			if free == "" || !strings.HasPrefix(p.key.text, free) {
				unknown = true
				hint := like(p.key.text, keys(table))
				if own := elsewhere[p.key.text]; slices.Contains(keys(table), own) {
					hint = fmt.Sprintf(": did you mean %s?", own)
				} else if why := notHere[p.key.text]; why != "" && hint == "" {
					hint = ": " + why
				}
				l.report(p.key.pos, "unknown key %q%s", shown(p.key.text), hint)
			}
			continue
		}
		g := got{pair: p}
		if s := table[i].holds; s.scalar != nil && s.names == "" {
			if g.val, g.items = l.value(p, s); g.val == nil {
				continue
			}
		} else if p.val.kind != isMap {
			l.report(p.at(), "%s: give a mapping%s, not %s", p.key.text, example(p.key.text), p.val.kind)
			continue
		}
		found[p.key.text] = g
	}
	for _, f := range table {
		if _, ok := n.get(f.key); f.must && !ok && !unknown {
			l.report(at, "%s has no %s", what, f.key)
		}
	}
	return found
}

// value reads a scalar, or a list of them; nil where it is none.
func (l *loader) value(p pair, s *shape) (val any, items []*node) {
	if p.val.kind != isList || !s.list {
		v, ok := l.scalar(p.key.text, p.at(), p.val, s.scalar)
		switch {
		case !ok:
			return nil, nil
		case s.list && s.scalar != aCommand:
			return []any{v}, []*node{p.val}
		}
		return v, nil
	}
	if len(p.val.items) < s.least {
		l.report(p.at(), "%s: give %s, not an empty list", p.key.text, s.scalar.what)
		return nil, nil
	}
	all := []any{}
	for _, item := range p.val.items {
		if v, ok := l.scalar(p.key.text, item.pos, item, cmp.Or(s.item, s.scalar)); ok {
			all = append(all, v)
		}
	}
	if len(all) < len(p.val.items) {
		return nil, nil
	}
	return all, p.val.items
}

// scalar reads one value of the key called name: a string, int or bool.
func (l *loader) scalar(name string, at pos, n *node, s *scalar) (any, bool) {
	if l.scalars++; l.scalars > maxScalars {
		if l.scalars == maxScalars+1 {
			l.report(at, "the aliases of this file stand for too much")
		}
		return nil, false
	}
	wrong := func(got string) (any, bool) {
		hint := ""
		if n.kind == isText && s.words != nil {
			hint = like(n.text, s.words)
		}
		if attempts, ok := strings.CutPrefix(n.text, "on-failure:"); ok && name == "restart" { // as docker compose has it
			hint = ": use on-failure, and max_restarts: " + attempts
		} else if n.text == "unless-stopped" {
			hint = ": use always, which starts nothing again after a stop"
		}
		l.report(at, "%s: give %s, not %s%s", name, s.what, got, hint)
		return nil, false
	}
	switch n.kind {
	case isNull:
		l.report(at, `%s has no value: give %s; an empty text is ""`, name, s.what)
		return nil, false
	case isList, isMap:
		return wrong(n.kind.String())
	}
	word, expanded := n.text, false
	if n.kind == isText && !s.line && !l.literal {
		out, ok := l.expand(n)
		if !ok {
			return nil, false
		}
		word, expanded = out, out != n.text
	}
	if strings.IndexByte(word, 0) >= 0 || !utf8.ValidString(word) {
		return wrong("one with a NUL byte or without UTF-8")
	}
	quoted := n.text // not word: variables may be secret
	if n.kind == isText {
		quoted = strconv.Quote(quoted)
	}
	i, err := whole(word)
	number := err == nil && i >= s.min && i <= s.max
	switch s.as {
	case isInt:
		if n.kind != isInt && n.kind != isNumber && !expanded || !number {
			return wrong(quoted)
		}
		return i, true
	case isBool:
		if n.kind != isBool && !(expanded && (word == "true" || word == "false")) {
			return wrong(quoted)
		}
		return strings.EqualFold(word, "true"), true
	}
	if s.no && (n.kind == isBool && strings.EqualFold(word, "false")) {
		return "no", true
	}
	switch {
	case s.number && (n.kind == isInt || n.kind == isNumber || expanded) && number:
		return strconv.Itoa(i), true
	case n.kind != isText && !s.loose,
		s.words != nil && !slices.Contains(s.words, word),
		s.pattern != "" && !matches(s.pattern, word):
		if s == aURL && strings.Contains(word, "@") { // before which there may be a password
			quoted = "this"
		}
		return wrong(quoted)
	}
	return word, true
}

// maxExpanded bounds all values of a file that have variables in them.
const maxExpanded = 16 << 20

// beyond reports whether a bound of the whole file is passed, which is said already:
// the rest of it is not read.
func (l *loader) beyond() bool { return l.scalars > maxScalars || l.expanded > maxExpanded }

// expand replaces the variables in a value.
func (l *loader) expand(n *node) (string, bool) {
	if l.beyond() {
		return "", false
	}
	x := expansion{lookup: l.lookup, unset: func(ref reference) error {
		if ref.braced {
			return fmt.Errorf("%s is not set: set it, here or in .env, or give a default: ${%s:-…}", ref.name, ref.name)
		}
		// What stands after a $ may be a part of a password.
		return errors.New("this variable is not set: set it, here or in .env, or write $$ for a dollar")
	}}
	out, err := x.expand(n.text)
	if at := new(referenceError); errors.As(err, &at) {
		l.report(l.within(n.pos, n.text[at.from:at.to]), "%s", at.error)
		return "", false
	}
	if out != n.text {
		if l.expanded += len(out); l.expanded > maxExpanded {
			l.report(n.pos, "the variables in this file stand for more than %s", task.Size(maxExpanded))
			return "", false
		}
	}
	return out, true
}

// compiled are the patterns of the tables that were needed so far.
var compiled sync.Map

func matches(pattern, s string) bool {
	re, ok := compiled.Load(pattern)
	if !ok {
		re, _ = compiled.LoadOrStore(pattern, regexp.MustCompile(pattern))
	}
	return re.(*regexp.Regexp).MatchString(s)
}

// within is the place of part in the scalar that begins at pos, or pos where part does not
// stand in the same line as it is.
func (l *loader) within(at pos, part string) pos {
	if at.line < 1 || at.line > len(l.lines) {
		return at
	}
	chars := []rune(l.lines[at.line-1])
	from := min(max(at.col, 1)-1, len(chars))
	if before, _, ok := strings.Cut(string(chars[from:]), part); ok && part != "" {
		at.col = from + utf8.RuneCountInString(before) + 1
	}
	return at
}
