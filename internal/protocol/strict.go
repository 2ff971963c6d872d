package protocol

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// encoding/json reads what is not UTF-8 as U+FFFD, "NAME" as "name", and takes the
// last of several values of one key. A request is never carried out as something
// else than what was sent, so check and members refuse all three beforehand.

// check reports the first thing in text, which is valid JSON, that is not UTF-8, the
// first key that an object has twice or that a struct of type t does not have, and a text
// whose values take up more memory than maxValues.
func check(text []byte, t reflect.Type) error {
	s := scanner{rest: text, room: maxValues}
	return s.value(t)
}

// maxValues is what the values in the lists and maps of one request may take up: `{}` is
// two bytes on the wire, and hundreds in memory.
const maxValues = 16 << 20

// members is the object in text, which is valid JSON, by key. Its values are not
// checked.
func members(text []byte) (map[string]json.RawMessage, error) {
	all := make(map[string]json.RawMessage)
	s := scanner{rest: text}
	err := s.object(func(key string) error {
		s.peek()
		before := s.rest
		s.skip()
		all[key] = before[:len(before)-len(s.rest)]
		return nil
	})
	return all, err
}

// refusal is what is wrong inside a value: of what its path leads to, or of that
// itself. Both of them are completed on the way out.
type refusal struct{ what, path string }

func (r *refusal) Error() string {
	switch {
	case r.what == "":
		return r.path + " is not UTF-8 text"
	case r.what == isNull:
		return r.path + isNull
	case r.path == "":
		return r.what
	}
	return r.what + " in " + r.path
}

// isNull is the refusal of a null in a list or map: encoding/json reads it as an empty
// text. The null of a field is as if it were left out.
const isNull = " cannot be null"

// within puts step, such as "env" or "[2]", before the path of err.
func within(step string, err error) error {
	r, ok := err.(*refusal)
	switch {
	case !ok:
	case r.path == "" || r.path[0] == '[':
		r.path = step + r.path
	default:
		r.path = step + "." + r.path
	}
	return err
}

// scanner goes through valid JSON, token by token.
type scanner struct {
	rest []byte
	room int // for the values of lists and maps, in bytes of memory
}

// peek skips white space and returns the first byte after it.
func (s *scanner) peek() byte {
	for i, c := range s.rest {
		if c > ' ' {
			s.rest = s.rest[i:]
			return c
		}
	}
	s.rest = nil
	return 0
}

// skipByte skips c, if it is next.
func (s *scanner) skipByte(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

// text takes a text, with its quotes.
func (s *scanner) text() []byte {
	end := 1
	for {
		switch s.rest[end] {
		case '"':
			text := s.rest[:end+1]
			s.rest = s.rest[end+1:]
			return text
		case '\\':
			end++
		}
		end++
	}
}

// scalar takes a number, true, false or null.
func (s *scanner) scalar() {
	for i, c := range s.rest {
		if c <= ' ' || c == ',' || c == ']' || c == '}' {
			s.rest = s.rest[i:]
			return
		}
	}
	s.rest = nil
}

// skip takes one value, unchecked.
func (s *scanner) skip() {
	for depth := 0; ; {
		switch s.peek() {
		case '{', '[':
			depth++
			s.rest = s.rest[1:]
		case '}', ']':
			depth--
			s.rest = s.rest[1:]
		case ',', ':':
			s.rest = s.rest[1:]
			continue
		case '"':
			s.text()
		default:
			s.scalar()
		}
		if depth == 0 {
			return
		}
	}
}

// held takes a value of a list or map; typed tells that something is known of that.
func (s *scanner) held(t reflect.Type, typed bool) error {
	if typed && s.peek() == 'n' {
		return &refusal{what: isNull}
	}
	if s.room -= memory(t); s.room < 0 {
		return &refusal{what: fmt.Sprintf("more than %d MiB of values", maxValues>>20)}
	}
	return s.value(t)
}

// memory is what a value of type t takes up, but for its texts and for what it holds.
func memory(t reflect.Type) int {
	if t == nil { // of a text
		return 16
	}
	if t.Kind() == reflect.Pointer {
		return 8 + memory(t.Elem())
	}
	return int(t.Size())
}

func (s *scanner) value(t reflect.Type) error {
	typed := t != nil && t != reflect.TypeFor[json.RawMessage]() // which is read later
	switch s.peek() {
	case '"':
		if !isText(s.text()) {
			return &refusal{}
		}
	case '[':
		s.skipByte('[')
		t = element(t)
		for i := 0; !s.skipByte(']'); i++ {
			if err := s.held(t, typed); err != nil {
				return within(fmt.Sprintf("[%d]", i), err)
			}
			s.skipByte(',')
		}
	case '{':
		known, of := keys(t), element(t)
		return s.object(func(key string) error {
			t, ok := known[key]
			switch {
			case known == nil:
				t = of
			case !ok:
				return &refusal{what: unknownField + strconv.Quote(clip(key))}
			}
			if err := s.held(t, typed && known == nil); err != nil {
				return within(clip(key), err)
			}
			return nil
		})
	default:
		s.scalar()
	}
	return nil
}

// object takes an object; of takes the value of each key.
func (s *scanner) object(of func(key string) error) error {
	seen := make(map[string]bool)
	s.peek()
	s.skipByte('{')
	for !s.skipByte('}') {
		s.peek()
		quoted := s.text()
		if !isText(quoted) {
			return &refusal{what: "a key is not UTF-8 text"}
		}
		key := string(quoted[1 : len(quoted)-1])
		if strings.IndexByte(key, '\\') >= 0 {
			if err := json.Unmarshal(quoted, &key); err != nil {
				return err
			}
		}
		if seen[key] {
			return &refusal{what: fmt.Sprintf("duplicate key %q", clip(key))}
		}
		seen[key] = true
		s.skipByte(':')
		if err := of(key); err != nil {
			return err
		}
		s.skipByte(',')
	}
	return nil
}

// isText reports whether a quoted text is UTF-8, and no half of a surrogate pair is
// left alone in its escapes.
func isText(quoted []byte) bool {
	if !utf8.Valid(quoted) {
		return false
	}
	for {
		at := bytes.IndexByte(quoted, '\\')
		if at < 0 {
			return true
		}
		quoted = quoted[at:]
		switch unit := escape(quoted); {
		case unit < 0:
			quoted = quoted[2:]
		case unit < 0xD800 || unit > 0xDFFF:
			quoted = quoted[6:]
		default:
			low := escape(quoted[6:])
			if unit > 0xDBFF || low < 0xDC00 || low > 0xDFFF {
				return false
			}
			quoted = quoted[12:]
		}
	}
}

// escape is the number that text begins with as \uXXXX, or -1.
func escape(text []byte) int {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return -1
	}
	unit := 0
	for _, c := range text[2:6] {
		digit := int(c|0x20) - '0'
		if digit > 9 {
			digit -= 'a' - '0' - 10
		}
		unit = unit<<4 | digit
	}
	return unit
}

// clip is what an error quotes of a key.
func clip(key string) string {
	if len(key) > 64 {
		return strings.ToValidUTF8(key[:64], "") + "…"
	}
	return key
}

// readsItself reports whether t has a way of its own to be read from JSON.
func readsItself(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(reflect.TypeFor[json.Unmarshaler]())
}

// element is the type of what a t holds, or nil.
func element(t reflect.Type) reflect.Type {
	t = plainType(t)
	if t != nil && (t.Kind() == reflect.Slice || t.Kind() == reflect.Map) {
		return t.Elem()
	}
	return nil
}

// plainType is t, or what it points to; nil where that reads itself.
func plainType(t reflect.Type) reflect.Type {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || readsItself(t) {
		return nil
	}
	return t
}

var keysOf sync.Map // reflect.Type of a struct: its keys

// keys is the type of each key that an object may have as a t; nil: it may have any.
func keys(t reflect.Type) map[string]reflect.Type {
	t = plainType(t)
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	if known, ok := keysOf.Load(t); ok {
		return known.(map[string]reflect.Type)
	}
	known := make(map[string]reflect.Type)
	for _, f := range reflect.VisibleFields(t) {
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.IsExported() && tag != "-" && (tag != "" || !f.Anonymous) {
			if tag == "" {
				tag = f.Name
			}
			known[tag] = f.Type
		}
	}
	keysOf.Store(t, known)
	return known
}
