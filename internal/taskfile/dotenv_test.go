package taskfile

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tasks/pkg/task"
)

// nobody has no variables.
func nobody(string) (string, bool, error) { return "", false, nil }

func TestReadEnv(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text string
		want map[string]string
	}{
		"empty":        {"", map[string]string{}},
		"blank":        {"\n \n\t\n# A=1\n  # B=2\n", map[string]string{}},
		"plain":        {"A=1\nB=two words\nC=\nD = spaced \n", map[string]string{"A": "1", "B": "two words", "C": "", "D": "spaced"}},
		"no newline":   {"A=1", map[string]string{"A": "1"}},
		"the last one": {"A=1\nA=2", map[string]string{"A": "2"}},
		"export":       {"export A=1\nexport\tB=2\nexport C='3'\nexported=4\nexport=5", map[string]string{"A": "1", "B": "2", "C": "3", "exported": "4", "export": "5"}},
		"comments":     {"A=1 # one\nB=a#b\nC=#c\nD= # d\nE=\"1 # 2\" # e\nF='1 # 2'# f\nG=x\t#g", map[string]string{"A": "1", "B": "a#b", "C": "#c", "D": "", "E": "1 # 2", "F": "1 # 2", "G": "x"}},
		"single":       {`A='a "b" \n $C ${D}'`, map[string]string{"A": `a "b" \n $C ${D}`}},
		"double":       {`A="a 'b' \n\r\t\"\\\$C \d \x"`, map[string]string{"A": "a 'b' \n\r\t\"\\$C \\d \\x"}},
		"lines":        {"A=\"one\ntwo\n\"\nB='three\n# four'\nC=5", map[string]string{"A": "one\ntwo\n", "B": "three\n# four", "C": "5"}},
		"key":          {"K=\"-----BEGIN KEY-----\nMIIE=\n-----END KEY-----\"\n", map[string]string{"K": "-----BEGIN KEY-----\nMIIE=\n-----END KEY-----"}},
		"crlf":         {"A=1\r\nB=\"x\r\ny\"\r\n\r\nC='z'\r\n", map[string]string{"A": "1", "B": "x\ny", "C": "z"}},
		"bom":          {"\ufeffA=1\n", map[string]string{"A": "1"}},
		"inner quotes": {"A=it's\nB={\"a\":\"b=c\"}\nC=x\"y\"", map[string]string{"A": "it's", "B": `{"a":"b=c"}`, "C": `x"y"`}},
		"equals":       {"A=b=c\nB==\nC=\"=\"", map[string]string{"A": "b=c", "B": "=", "C": "="}},
		"backslashes":  {`A=C:\new\table`, map[string]string{"A": `C:\new\table`}},
		"not set":      {"A=$B ${C}.", map[string]string{"A": " ."}},
		"not twice":    {"A='$B ${C} \\$D'\nE=$A", map[string]string{"A": "$B ${C} \\$D", "E": "$B ${C} \\$D"}},
		"braces":       {`A=${B:-{"x":{}}} # c`, map[string]string{"A": `{"x":{}}`}},
		"odd names":    {"a.b-c=1\nÜ=2", map[string]string{"a.b-c": "1", "Ü": "2"}},
	} {
		got := map[string]string{}
		if _, err := parseEnv("f", tt.text, got, nobody); err != nil || !maps.Equal(got, tt.want) {
			t.Errorf("%s: %q, %v; want %q", name, got, err, tt.want)
		}
	}
}

func TestReadEnvBad(t *testing.T) {
	t.Parallel()
	const notOne = "not NAME=VALUE: a name has letters, digits, '_', '.', '-', '[' and ']'"
	for text, want := range map[string]string{
		"A=1\nno assignment":        "f:2:4: " + notOne,
		"\n\nexport A B=1":          "f:3:10: " + notOne,
		"A=1\n-----END KEY-----":    "f:2:10: " + notOne,
		"/x=1":                      "f:1:1: " + notOne,
		"A=\"x\n\n\"\n?":            "f:4:1: " + notOne,
		"A='x\ny":                   "f:1:3: the quote that begins the value of A does not end",
		"Ü=é\nA=  \"x\\\"":          "f:2:5: the quote that begins the value of A does not end",
		"A=\"x\ny\"  y":             "f:2:5: the value of A continues after its quote: write it in one pair of quotes, with \\\" for a quote in it",
		"A=x\x00":                   "f:1:4: the value of A has a NUL byte",
		"\r\nB=1\r\nÜ='é\nx\xff'":   "f:4:2: the value of Ü is not UTF-8 text",
		"A\xff=1":                   "f:1:2: " + notOne,
		"A=é\nB=\"x\n\\t ${A:?é}\"": "f:3:4: the value of B: A is empty: é",
		"B=\"\\t${A:-${C:?x}}\"":    "f:1:11: the value of B: C is not set: x",
		"B=${BAD}":                  "f:1:3: the value of B: BAD is not UTF-8 text in your environment",
		"BAD":                       "f:1:1: BAD is not UTF-8 text in your environment",
		"B=" + strings.Repeat("${A:-", 21) + "x" + strings.Repeat("}", 21): "f:1:103: the value of B: this is nested too deeply",
		laughs(30): "f:18:9: the value of A17: the value is too long: its variables make it larger than 1 MiB",
	} {
		outer := func(name string) (string, bool, error) {
			if name == "A" && strings.Contains(text, "é}") {
				return "", true, nil
			}
			return variables([]string{"BAD=\xff"}).lookup(name)
		}
		if _, err := parseEnv("f", text, map[string]string{}, outer); err == nil || err.Error() != want || !errors.Is(err, task.ErrUsage) {
			t.Errorf("%.60q: %v; want %s", text, err, want)
		}
	}
}

// laughs is n lines, each with twice the value of the one before.
func laughs(n int) string {
	var b strings.Builder
	b.WriteString("A0=lollollol\n")
	for i := range n {
		fmt.Fprintf(&b, "A%d=$A%d$A%d\n", i+1, i, i)
	}
	return b.String()
}

func TestReadEnvUnreadable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := ReadEnv(filepath.Join(dir, "no"), nil, nil); !errors.Is(err, fs.ErrNotExist) || err.Error() != "cannot read "+dir+"/no: no such file or directory" {
		t.Error(err)
	}
	if _, err := ReadEnv(dir, nil, nil); err == nil || !strings.HasSuffix(err.Error(), ": is a directory") {
		t.Error(err)
	}
	big := filepath.Join(dir, "big")
	if err := os.WriteFile(big, make([]byte, MaxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadEnv(big, nil, nil); err == nil || !strings.HasSuffix(err.Error(), "it is larger than 1 MiB") {
		t.Error(err)
	}
}

// Whatever is read can be an environment, and is the same when it is written in
// double quotes and read again. What is refused is reported without its values.
func FuzzReadEnv(f *testing.F) {
	f.Add("# c\nexport A=1 # x\nB='a\nb'\r\nC=\"\\n\\\"\\$\"\n")
	f.Add("\ufeffA=\"")
	f.Add("A='x' y")
	f.Add("A=${B:-${C-x}}$D$$ ${HOME:?y}\nHOME\nE: 'it\\'s'\n")
	f.Add("A=$A$A\nA=${A:+$A$A$A}")
	f.Fuzz(func(t *testing.T, text string) {
		home := variables([]string{"HOME=/h"}).lookup
		vars := make(map[string]string)
		remarks, err := parseEnv("f", text, vars, home)
		if err != nil {
			if !errors.Is(err, task.ErrUsage) || !matches(`^f:[0-9]+:[0-9]+: `, err.Error()) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		for _, r := range remarks {
			if !matches(`^f:[0-9]+:[0-9]+: `, r) {
				t.Errorf("%q: %s", text, r)
			}
		}
		if _, err := task.NewEnv(vars); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		var b strings.Builder
		for k, v := range vars {
			b.WriteString("export " + k + "=\"" + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "\r", `\r`).Replace(v) + "\" # comment\r\n")
		}
		again := make(map[string]string)
		if remarks, err := parseEnv("f", b.String(), again, home); err != nil || remarks != nil || !maps.Equal(vars, again) {
			t.Errorf("%q is read as %q, and that again as %q, %v", text, vars, again, err)
		}
	})
}
