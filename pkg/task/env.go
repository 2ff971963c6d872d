package task

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
	"unique"
)

// Env is an environment. Equal environments share their memory, so that
// thousands of tasks started from one shell keep one copy. The zero value
// means "not given", which is not the same as empty.
type Env struct{ h unique.Handle[string] }

// NewEnv makes an environment of the given variables; an empty or nil map
// makes an empty environment. It reports an [ErrUsage] for a name that is
// empty or has '=' or NUL in it, and for a value that has NUL in it or is not
// UTF-8 text.
func NewEnv(vars map[string]string) (Env, error) {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(vars)) {
		v := vars[k]
		switch {
		case k == "" || strings.ContainsAny(k, "=\x00"):
			if name, _, ok := strings.Cut(k, "="); ok {
				k = name + "=..." // it may be a value
			}
			return Env{}, Errorf(ErrUsage, "", "bad environment variable name %q", k)
		case strings.IndexByte(v, 0) >= 0:
			return Env{}, Errorf(ErrUsage, "", "the environment variable %s has a NUL byte", k)
		case !utf8.ValidString(k) || !utf8.ValidString(v):
			return Env{}, Errorf(ErrUsage, "", "the environment variable %q is not UTF-8 text", k)
		}
		b.WriteString(k)
		b.WriteByte('=')
		b.WriteString(v)
		b.WriteByte(0)
	}
	return Env{unique.Make(b.String())}, nil
}

// Given tells an environment, also an empty one, from the zero value.
func (e Env) Given() bool { return e != Env{} }

// Block is the whole environment as one text, sorted by name: each variable as
// "NAME=value" followed by a NUL byte. Equal environments have equal blocks.
func (e Env) Block() string {
	if !e.Given() {
		return ""
	}
	return e.h.Value()
}

// EnvBlock is the environment that Block described.
func EnvBlock(block string) Env { return Env{unique.Make(block)} }

// Vars yields each "NAME=value", sorted by name.
func (e Env) Vars() iter.Seq[string] {
	return func(yield func(string) bool) {
		for rest := e.Block(); rest != ""; {
			var kv string
			kv, rest, _ = strings.Cut(rest, "\x00")
			if !yield(kv) {
				return
			}
		}
	}
}

// Map is the environment by name.
func (e Env) Map() map[string]string {
	m := make(map[string]string)
	for kv := range e.Vars() {
		k, v, _ := strings.Cut(kv, "=")
		m[k] = v
	}
	return m
}

// MarshalJSON writes an object of names and values.
func (e Env) MarshalJSON() ([]byte, error) {
	if !e.Given() {
		return []byte("null"), nil
	}
	return json.Marshal(e.Map())
}

// UnmarshalJSON reads an object of names and values; null is "not given".
func (e *Env) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*e = Env{}
		return nil
	}
	var m map[string]string
	if err := json.Unmarshal(b, &m); err != nil {
		return fmt.Errorf("env is not an object of texts: %w", err)
	}
	env, err := NewEnv(m)
	*e = env
	return err
}
