package server

import (
	"bufio"
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"tasks/pkg/task"
)

// encode writes what json.Marshal makes of the value that v points to, piece by
// piece: a command or an environment of 1 MB is nowhere whole a second time,
// however many slow peers it is being written to.
func encode(w *bufio.Writer, v any) error {
	to := reflect.ValueOf(v).Elem()
	return encoderOf(to.Type())(w, to)
}

// streamed is a value that writes itself.
type streamed interface {
	writeTo(w *bufio.Writer) error
}

// encoder writes values, all of one type.
type encoder func(w *bufio.Writer, v reflect.Value) error

var encoders sync.Map // reflect.Type: its encoder

func encoderOf(t reflect.Type) encoder {
	if known, ok := encoders.Load(t); ok {
		return known.(encoder)
	}
	e := newEncoder(t)
	encoders.Store(t, e)
	return e
}

func newEncoder(t reflect.Type) encoder {
	switch {
	case t == reflect.TypeFor[task.Env]():
		return writeEnv
	case t == reflect.TypeFor[task.Time]():
		return writeTime
	case t.Implements(reflect.TypeFor[streamed]()):
		return func(w *bufio.Writer, v reflect.Value) error { return v.Interface().(streamed).writeTo(w) }
	case t == reflect.TypeFor[task.Info]():
		return structEncoder(t)
	case t.Kind() == reflect.Pointer:
		return pointerEncoder(t)
	case t.Implements(reflect.TypeFor[json.Marshaler]()):
		return writeMarshaled
	case t.Implements(reflect.TypeFor[encoding.TextMarshaler]()):
		return writeAsText
	}
	switch t.Kind() {
	case reflect.String:
		return func(w *bufio.Writer, v reflect.Value) error { return writeText(w, v.String()) }
	case reflect.Bool:
		return func(w *bufio.Writer, v reflect.Value) error {
			_, err := w.Write(strconv.AppendBool(w.AvailableBuffer(), v.Bool()))
			return err
		}
	case reflect.Int, reflect.Int64:
		return func(w *bufio.Writer, v reflect.Value) error {
			_, err := w.Write(strconv.AppendInt(w.AvailableBuffer(), v.Int(), 10))
			return err
		}
	case reflect.Interface:
		return func(w *bufio.Writer, v reflect.Value) error {
			if v.IsNil() {
				_, err := w.WriteString("null")
				return err
			}
			return encoderOf(v.Elem().Type())(w, v.Elem())
		}
	case reflect.Slice:
		return sliceEncoder(t)
	case reflect.Struct:
		return structEncoder(t)
	}
	return writeMarshaled
}

// writeMarshaled writes what is never long.
func writeMarshaled(w *bufio.Writer, v reflect.Value) error {
	if v.CanAddr() {
		v = v.Addr() // does not copy
	}
	b, err := json.Marshal(v.Interface())
	w.Write(b)
	return err
}

func writeAsText(w *bufio.Writer, v reflect.Value) error {
	if v.CanAddr() {
		v = v.Addr() // does not copy
	}
	text, err := v.Interface().(encoding.TextMarshaler).MarshalText()
	if err != nil {
		return err
	}
	return writeText(w, string(text))
}

func pointerEncoder(t reflect.Type) encoder {
	to := encoderOf(t.Elem())
	return func(w *bufio.Writer, v reflect.Value) error {
		if v.IsNil() {
			_, err := w.WriteString("null")
			return err
		}
		return to(w, v.Elem())
	}
}

func sliceEncoder(t reflect.Type) encoder {
	if t.Elem().Kind() == reflect.Uint8 {
		return writeMarshaled
	}
	element := encoderOf(t.Elem())
	return func(w *bufio.Writer, v reflect.Value) error {
		if v.IsNil() {
			_, err := w.WriteString("null")
			return err
		}
		w.WriteByte('[')
		for i := range v.Len() {
			if i > 0 {
				w.WriteByte(',')
			}
			if err := element(w, v.Index(i)); err != nil {
				return err
			}
		}
		return w.WriteByte(']')
	}
}

// member is one of an object.
type member struct {
	key       string // with its quotes and a colon
	index     []int
	omitEmpty bool
	omitZero  bool
	isTime    bool
	write     encoder
}

// of is the member of v, unless an embedded pointer to it is nil.
func (m *member) of(v reflect.Value) (f reflect.Value, ok bool) {
	if len(m.index) == 1 {
		return v.Field(m.index[0]), true
	}
	f, err := v.FieldByIndexErr(m.index)
	return f, err == nil
}

// isZero is what encoding/json means by omitzero.
func (m *member) isZero(f reflect.Value) bool {
	if m.isTime {
		t, _ := reflect.TypeAssert[task.Time](f)
		return t.IsZero()
	}
	return f.IsZero()
}

func structEncoder(t reflect.Type) encoder {
	var members []member
	fields := reflect.VisibleFields(t) // in the order of encoding/json
	if stats, ok := t.FieldByName("Stats"); ok && t == reflect.TypeFor[task.Info]() {
		for _, f := range reflect.VisibleFields(stats.Type.Elem()) { // as task.Flat has it
			f.Index = append(slices.Clone(stats.Index), f.Index...)
			fields = append(fields, f)
		}
	}
	for _, f := range fields {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || f.Tag.Get("json") == "-" || f.Anonymous && name == "" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		members = append(members, member{
			strconv.Quote(name) + ":", f.Index,
			strings.Contains(options, "omitempty"), strings.Contains(options, "omitzero"),
			f.Type == reflect.TypeFor[task.Time](), encoderOf(f.Type),
		})
	}
	return func(w *bufio.Writer, v reflect.Value) error {
		sep := byte('{')
		for i := range members {
			m := &members[i]
			f, ok := m.of(v)
			if !ok || m.omitEmpty && isEmpty(f) || m.omitZero && m.isZero(f) {
				continue
			}
			w.WriteByte(sep)
			sep = ','
			w.WriteString(m.key)
			if err := m.write(w, f); err != nil {
				return err
			}
		}
		if sep == '{' {
			w.WriteByte(sep)
		}
		return w.WriteByte('}')
	}
}

// isEmpty is what encoding/json means by omitempty.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}

// writeTime writes a time, which needs no check and no escape.
func writeTime(w *bufio.Writer, v reflect.Value) error {
	t, _ := reflect.TypeAssert[task.Time](v)
	b, err := t.MarshalJSON()
	w.Write(b)
	return err
}

// writeEnv writes an object of names and values, one after the other.
func writeEnv(w *bufio.Writer, v reflect.Value) error {
	env, _ := reflect.TypeAssert[task.Env](v)
	if !env.Given() {
		_, err := w.WriteString("null")
		return err
	}
	sep := byte('{')
	for variable := range env.Vars() {
		name, value, _ := strings.Cut(variable, "=")
		w.WriteByte(sep)
		sep = ','
		writeText(w, name)
		w.WriteByte(':')
		if err := writeText(w, value); err != nil {
			return err
		}
	}
	if sep == '{' {
		w.WriteByte(sep)
	}
	return w.WriteByte('}')
}

// textPiece is how much of a text, in bytes, is escaped at once.
const textPiece = 1 << 10

// writeText writes s as JSON, with its quotes.
func writeText(w *bufio.Writer, s string) error {
	w.WriteByte('"')
	if err := writeEscaped(w, s); err != nil {
		return err
	}
	return w.WriteByte('"')
}

// writeEscaped writes s as it is between the quotes.
func writeEscaped(w *bufio.Writer, s string) error {
	for s != "" {
		n := sameInJSON(s)
		if _, err := w.WriteString(s[:n]); err != nil {
			return err
		}
		if s = s[n:]; s == "" {
			break
		}
		n = pieceOf(s)
		b, err := json.Marshal(s[:n])
		if err != nil {
			return err
		}
		if _, err := w.Write(b[1 : len(b)-1]); err != nil {
			return err
		}
		s = s[n:]
	}
	return nil
}

// sameInJSON is how many of the first bytes of s are the same in JSON.
func sameInJSON(s string) int {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return i
		}
	}
	return len(s)
}

// pieceOf is the length of a first piece of s in which no character is cut.
func pieceOf(s string) int {
	if len(s) <= textPiece {
		return len(s)
	}
	for n := textPiece; n > textPiece-utf8.UTFMax; n-- {
		if utf8.RuneStart(s[n]) {
			return n
		}
	}
	return textPiece // in the midst of what is not UTF-8 text
}
