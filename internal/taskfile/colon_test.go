package taskfile

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// In lists and mappings in brackets, a colon ends a key only where it does in YAML.
func TestColonsInBrackets(t *testing.T) {
	t.Parallel()
	for list, want := range map[string][]string{
		"[curl, http://localhost:80/x]":                   {"curl", "http://localhost:80/x"},
		"[docker, run, -p, 80:80, img]":                   {"docker", "run", "-p", "80:80", "img"},
		"[redis://h:6379/0, daemon:off, me@host:/x]":      {"redis://h:6379/0", "daemon:off", "me@host:/x"},
		"[1:2:3, a::b, 0x1:2, true:1, null:x, .inf:1]":    {"1:2:3", "a::b", "0x1:2", "true:1", "null:x", ".inf:1"},
		"[ \u00e9:b , a'b:c, a\"b:c , ~:a,1.5:2,\n  a:/]": {"\u00e9:b", "a'b:c", "a\"b:c", "~:a", "1.5:2", "a:/"},
		"[x y:z w, a :b, a\n  :b, &n b:c, *n, !!str 1:2]": {"x y:z w", "a :b", "a :b", "b:c", "b:c", "1:2"},
	} {
		for _, form := range []string{"a: %s\n", "a: {b: %s}\n", "a: {b: {c: 1, d: %s}, e: 2}\n", "a: {b: [%s]}\n"} {
			text := fmt.Sprintf(form, list)
			l := loader{source: newSource("f", text)}
			root := l.document()
			if root == nil || l.err() != nil {
				t.Errorf("%q: %v", text, l.err())
				continue
			}
			val := root.pairs[0].val
			for val.kind == isMap {
				val = val.pairs[len(val.pairs)-1].val
				if val.text == "2" {
					val = root.pairs[0].val.pairs[0].val
				}
			}
			if len(val.items) == 1 && val.items[0].kind == isList {
				val = val.items[0]
			}
			var got []string
			for _, item := range val.items {
				got = append(got, item.text)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%q is %q; want %q", text, got, want)
			}
		}
	}
	for text, want := range map[string]string{
		"a: {slots:2}\n":        "f:1:10: put a blank after this colon, or the text in quotes",
		"a: {b: {A:1, B: 2}}\n": "f:1:10: put a blank after this colon",
		"a: [{A:B: c}]\n":       "f:1:7: put a blank after this colon",
		"a: {x :y}\n":           "f:1:7: put a blank after this colon",
		"a: {b: [k:\"v\"]}\n":   "f:1:9: in { } and [ ], put a text with a colon in quotes",
		"a: {b: [c, k:&x v]}\n": "f:1:12: in { } and [ ], put a text with a colon in quotes",
		"a: {b: [c:d: e]}\n":    "put a text with a colon before a blank in quotes",
	} {
		l := loader{source: newSource("f", text)}
		if l.document(); l.err() == nil || !strings.Contains(l.err().Error(), want) {
			t.Errorf("%q: %v; want %s", text, l.err(), want)
		}
	}
	for _, text := range []string{"a: {\"q\":1, 'r':2, s: x:y, u: http://h:80/}\n", "a: {q: 1, r: 2, s: 'x:y', u: \"http://h:80/\"}\n"} {
		l := loader{source: newSource("f", text)}
		root := l.document()
		if root == nil {
			t.Errorf("%q: %v", text, l.err())
			continue
		}
		var got []string
		for _, p := range root.pairs[0].val.pairs {
			got = append(got, p.key.text, p.val.text)
		}
		if want := []string{"q", "1", "r", "2", "s", "x:y", "u", "http://h:80/"}; !slices.Equal(got, want) {
			t.Errorf("%q is %q", text, got)
		}
	}
}
