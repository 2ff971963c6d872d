package cli

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

// TestReadWords takes apart what people type and scripts have, as a POSIX shell does.
func TestReadWords(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", maxShellLine*3/4)
	for in, want := range map[string][]string{
		"list -q":                          {"list", "-q"},
		"  a\tb  \r\n":                     {"a", "b"},
		"# it's a comment":                 nil,
		"list # it's one, too":             {"list"},
		"a#b '#c' \\#d":                    {"a#b", "#c", "#d"},
		"a '' \"\"":                        {"a", "", ""},
		`a"b"'c'\d`:                        {"abcd"},
		`"a\b\"\\\$" 'a\b'`:                {`a\b"\$`, `a\b`},
		"start x -c 'echo one\nexit\ntwo'": {"start", "x", "-c", "echo one\nexit\ntwo"},
		"a \"b\n\n'c\" d":                  {"a", "b\n\n'c", "d"},
		"a \\\n  b\\\nc":                   {"a", "bc"},
		"a \"b\\\nc\" 'd\\\ne'":            {"a", "bc", "d\\\ne"},
		"a '\r\nb'":                        {"a", "\r\nb"},
		"a \\\n# it's a comment":           {"a"},
		"a 'b\n\n' c":                      {"a", "b\n\n", "c"},
		"a \\\n\n":                         {"a"},
	} {
		lines := strings.SplitAfter(in, "\n")
		got, err := readWords(from(&lines))
		if err != nil || !slices.Equal(got, want) || len(lines) > 0 && lines[0] != "" {
			t.Errorf("%q: %q, %v, left %q; want %q", in, got, err, lines, want)
		}
	}
	for in, want := range map[string]error{"a 'b\nexit\n": errUnended, "a \\\n": errUnended, "'" + big + "\n" + big + "\nexit": errLongText} {
		lines := strings.SplitAfter(in, "\n")
		if got, err := readWords(from(&lines)); !errors.Is(err, want) || got != nil {
			t.Errorf("%.20q: %q, %v; want %v", in, got, err, want)
		}
	}
}

// TestUncut holds that a line that a terminal may have cut is not run, and after it in a
// quotation nothing.
func TestUncut(t *testing.T) {
	t.Parallel()
	for _, before := range []string{"", "'a\n"} {
		for length, cut := range map[int]bool{longestTyped - 1: false, longestTyped: true} {
			line, err := uncut(func(string) (string, error) { return strings.Repeat("x", length), nil })(before)
			wrong := new(lineError)
			if errors.As(err, wrong) != cut || cut && wrong.last != (before != "") || len(line) != length {
				t.Errorf("%d bytes after %q: %d, %v", length, before, len(line), err)
			}
		}
	}
}

// from reads the remaining lines.
func from(lines *[]string) reader {
	before := ""
	return func(given string) (string, error) {
		if given != before {
			return "", fmt.Errorf("before are %q", given)
		}
		if len(*lines) == 0 || len(*lines) == 1 && (*lines)[0] == "" {
			return "", io.EOF
		}
		line := strings.TrimSuffix((*lines)[0], "\n")
		*lines, before = (*lines)[1:], before+line+"\n"
		return line, nil
	}
}
