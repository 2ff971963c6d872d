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
		{">-\n        a\n           \n\n        b\n", "a\n   \n\nb"},
		{">\n\n        a\n         b\n        c\n\n\n        d\n", "\na\n b\nc\n\nd\n"},
		{">2\n     \n  a\n  b\n", "   \na b\n"},
		{"--title \"My App\"\n       --port 80   # the port\n", "--title \"My App\" --port 80"},
		{"\tx 1\n   y\n", "x 1 y"},
		{"\t'x\n   y'\n", "x y"},
		{"it's\n\n       a#b\t# c\n", "it's\na#b"},
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
		"tasks: |\n  x  ":         "x  ",
		"tasks: |\n  x\n    ":     "x\n  ",
		"tasks: |+\n  x\n ":       "x\n",
		"tasks: |-\n  x  \n    ":  "x  \n  ",
		"tasks: >\n  x\n  y ":     "x y ",
		"tasks: >\n  cp a b\n  .": "cp a b .",
		"tasks: >-\n  x \n  -":    "x  -",
		"tasks: >+\n  x\n\n  &\n": "x\n&\n",
		"tasks: |+":               "",
	} {
		l := loader{source: newSource("f", text)}
		if root := l.document(); root == nil || root.pairs[0].val.text != want {
			t.Errorf("%q is %+v, %v; want %q", text, root, l.err(), want)
		}
	}
	for text, want := range map[string]string{
		"tasks:\n  a: \"x\\ \n    y\"\n":            "f:2:6: an escaped blank ends a line of this: write it at the beginning of the next line",
		"tasks:\n  a: \"x\\x20 \n    y\"\n":         "f:2:6: an escaped blank ends a line of this",
		"tasks: [\"a\",\t\t\"\\u0020\n    y\"]\n":   "f:1:13: an escaped blank ends a line of this",
		"tasks: \"\\\\\\\\ \n  \\ \n y\"\n":         "f:1:8: an escaped blank ends a line of this",
		"tasks: [\"a\\\"\", \"\\xag\"]\n":           "f:1:16: this is not UTF-8 text: an escape in it names no character",
		"tasks: \"a\\udc00\"\n":                     "f:1:8: this is not UTF-8 text",
		"tasks: \"a\\U00110000\"\n":                 "f:1:8: this is not UTF-8 text",
		"a: !!str &x\n  y\nb: z\n":                  "f:1:4: write the anchor before the tag",
		"a: |\n  \tb c\n":                           "a tab begins this text: write it as \\t in double quotes",
		"a: >-\n\n  \tb\n  c\n":                     "a tab begins this text",
		"a: run \"x\"\n  --b # c\n  --c\n":          "there is a comment within this text: put the text in quotes, or the comment above it",
		"a: --opt\n  # note\n  --b \"x y\"\nb: z\n": "f:3:3: a comment ends the text before this: put all of it in quotes",
		"a: --opt # note\n  --b x\nb: z\n":          "f:2:3: a comment ends the text before this",
		"a:\n b: b \"c\"\n   -b\n   x: y z\n":       "put a text with a colon before a blank in quotes",
		"a:\n  - x\n  - % x\n":                      "f:3:5: put a text that begins with % in quotes",
		"a: [x, b }]\n":                             "f:1:8: in { } and [ ], put a text with a comma, bracket or brace in quotes",
		"a: [x, -\"x y\"\n   --o ' -b, b # c\n ]\n": "put a text with a comma, bracket",
		"a: > x":                       "f:1:4: cannot make sense of this as YAML",
		"a: [x, |\n  y\n ]\n":          "f:1:8: in { } and [ ], put this text in quotes",
		"a: >2# c\n   x\n":             "put a blank before the comment",
		"a:\n  - |+\n      \n     :\n": "an empty line before this text has more blanks than its first line: remove them",
		"a:\nb\n":                      "f:2:1: put this further to the right than what it belongs to",
		"a:\n  -\n  b\n":               "f:3:3: put this further to the right",
		"a: & \"x\" b\n":               "f:1:4: there is no name after this &: put a text that begins with & in quotes",
		"a: 80\t443\n":                 "f:1:4: there is a tab in this: write it as \\t in double quotes",
		"a: !!str 1\t2\n":              "f:1:9: there is a tab in this",
		"a: &x tr\tue\n":               "f:1:7: there is a tab in this",
		"a: [x, nu\tll]\n":             "f:1:8: there is a tab in this",
		"a: {b: 1.\t5}\n":              "f:1:8: there is a tab in this",
		"1\t2: x\n":                    "f:1:1: there is a tab in this",
		"a:\n- 0x\t1F\n":               "f:2:3: there is a tab in this",
		"a: 0o1\t7\n":                  "f:1:4: there is a tab in this",
		"a: 0b\t11\n":                  "f:1:4: there is a tab in this",
		"a: .i\tnf\n":                  "f:1:4: there is a tab in this",
		"a: .n\tan\n":                  "f:1:4: there is a tab in this",
		"a: {b: {<\t<: c}}\n":          "f:1:9: there is a tab in this",
		"a: b\n!\n":                    "f:2:1: this tag is not supported here: put a text that begins with ! in quotes",
		"a:\n  >\n\n[z] k: x\n":        "put a text that begins with [ in quotes",
		"a: \"b \\\n\n  c\"\n":         "f:1:4: an escaped newline comes before an empty line of this: write \\n in place of both",
		"a: |1-\n    \n\nb: z\n":       "this text is of blanks alone: put it in double quotes",
	} {
		l := loader{source: newSource("f", text)}
		if l.document(); l.err() == nil || !strings.Contains(l.err().Error(), want) {
			t.Errorf("%q: %v; want %s", text, l.err(), want)
		}
	}
}
