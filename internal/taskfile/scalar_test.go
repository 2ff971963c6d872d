package taskfile

import (
	"strings"
	"testing"
)

// What the library reads otherwise than YAML has it is read rightly, as PyYAML does, or
// refused with its place.
func TestScalars(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ value, want string }{
		{"|-\n        x \n", "x "},
		{"|- # c\n        x\n        y  \n\n\n", "x\ny  "},
		{">-\n        x\n        y \n", "x y "},
		{"|-\n        x \n        \n      \n", "x "},
		{"|-\n        x \n          \n\n           \n\n", "x \n  \n\n   "},
		{"|2-\n     x\n  y  \n    \n", "   x\ny  \n  "},
		{"|\n        x \n          \n", "x \n  \n"},
		{"|+\n        x \n\n", "x \n\n"},
		{"a\n       b\n\n       c\n       \n           \n         d\n", "a b\nc\n\nd"},
		{"a\n\n\n\n       b\n", "a\n\n\nb"},
		{"a\n       - b\n       \n       \n       c\n", "a - b\n\nc"},
		{"'a\n  \n      \n       b '' '\n", "a\n\nb ' "},
		{"' a\t\n       '' '\n", " a ' "},
		{"\"a\\t\\x41\\u00e9\\U0001F600\\ud83d\\ude00\\ufffd \\\"\"\n", "a\tA\u00e9\U0001F600\U0001F600\ufffd \""},
		{"\"a \\\n        \\ b\"\n", "a  b"},
		{"\"a\n        \\  b\"\n", "a   b"},
	} {
		text := "a: " + c.value + "b: z\n"
		l := loader{source: newSource("f", text)}
		root := l.document()
		if root == nil {
			t.Errorf("%q: %v", c.value, l.err())
			continue
		}
		if len(root.pairs) != 2 || root.pairs[0].val.text != c.want || root.pairs[1].val.text != "z" {
			t.Errorf("%q is %q, %d pairs; want %q", c.value, root.pairs[0].val.text, len(root.pairs), c.want)
		}
	}
	for text, want := range map[string]string{
		"tasks: |\n  x  ":        "x  ",
		"tasks: |\n  x\n    ":    "x\n  ",
		"tasks: |+\n  x\n ":      "x\n",
		"tasks: |-\n  x  \n    ": "x  \n  ",
		"tasks: >\n  x\n  y ":    "x y ",
	} {
		l := loader{source: newSource("f", text)}
		if root := l.document(); root == nil || root.pairs[0].val.text != want {
			t.Errorf("%q is %+v, %v; want %q", text, root, l.err(), want)
		}
	}
	for text, want := range map[string]string{
		"tasks:\n  a: \"x\\ \n    y\"\n":          "f:2:6: an escaped blank ends a line of this: write it at the beginning of the next line",
		"tasks:\n  a: \"x\\x20 \n    y\"\n":       "f:2:6: an escaped blank ends a line of this",
		"tasks: [\"a\",\t\t\"\\u0020\n    y\"]\n": "f:1:13: an escaped blank ends a line of this",
		"tasks: \"\\\\\\\\ \n  \\ \n y\"\n":       "f:1:8: an escaped blank ends a line of this",
		"tasks: [\"a\\\"\", \"\\xag\"]\n":         "f:1:16: this is not UTF-8 text: an escape in it names no character",
		"tasks: \"a\\udc00\"\n":                   "f:1:8: this is not UTF-8 text",
		"tasks: \"a\\U00110000\"\n":               "f:1:8: this is not UTF-8 text",
		"a: !!str &x\n  y\nb: z\n":                "f:1:4: write the anchor before the tag",
		"a: |\n  \tb c\n":                         "a tab begins this text: write it as \\t in double quotes",
		"a: >-\n\n  \tb\n  c\n":                   "a tab begins this text",
		"a: |1-\n    \n\nb: z\n":                  "this text is of blanks alone: put it in double quotes",
	} {
		l := loader{source: newSource("f", text)}
		if l.document(); l.err() == nil || !strings.Contains(l.err().Error(), want) {
			t.Errorf("%q: %v; want %s", text, l.err(), want)
		}
	}
}
