package taskfile

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"tasks/pkg/task"
)

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
		"double":       {`A="a 'b' \n\r\t\"\\\$C \d $E"`, map[string]string{"A": "a 'b' \n\r\t\"\\$C \\d $E"}},
		"lines":        {"A=\"one\ntwo\n\"\nB='three\n# four'\nC=5", map[string]string{"A": "one\ntwo\n", "B": "three\n# four", "C": "5"}},
		"key":          {"K=\"-----BEGIN KEY-----\nMIIE=\n-----END KEY-----\"\n", map[string]string{"K": "-----BEGIN KEY-----\nMIIE=\n-----END KEY-----"}},
		"crlf":         {"A=1\r\nB=\"x\r\ny\"\r\n\r\nC='z'\r\n", map[string]string{"A": "1", "B": "x\ny", "C": "z"}},
		"bom":          {"\ufeffA=1\n", map[string]string{"A": "1"}},
		"inner quotes": {"A=it's\nB={\"a\":\"b=c\"}\nC=x\"y\"", map[string]string{"A": "it's", "B": `{"a":"b=c"}`, "C": `x"y"`}},
		"equals":       {"A=b=c\nB==\nC=\"=\"", map[string]string{"A": "b=c", "B": "=", "C": "="}},
		"backslashes":  {`A=C:\new\table`, map[string]string{"A": `C:\new\table`}},
		"no expansion": {"A=$B ${C}", map[string]string{"A": "$B ${C}"}},
		"odd names":    {"a.b-c=1\nÜ=2", map[string]string{"a.b-c": "1", "Ü": "2"}},
	} {
		got := map[string]string{}
		if err := parseEnv("f", tt.text, got); err != nil || !maps.Equal(got, tt.want) {
			t.Errorf("%s: %q, %v; want %q", name, got, err, tt.want)
		}
	}
}

func TestReadEnvBad(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"A=1\nno assignment":    `f:2: not NAME=VALUE: "no assignment"`,
		"=1":                    `f:1: not NAME=VALUE: "=1"`,
		"\n\nA B=1":             `f:3: not NAME=VALUE: "A B=1"`,
		"A=\"x\n\n\"\nB":        `f:4: not NAME=VALUE: "B"`,
		"A='x\ny":               `f:1: the quote that begins the value of A does not end`,
		"A=\"x\\\"":             `f:1: the quote that begins the value of A does not end`,
		"A=\"x\"y":              `f:1: the value of A goes on after its quote: "y"`,
		"A='x' 'y'":             `f:1: the value of A goes on after its quote: "'y'"`,
		"A=\x00":                `f:1: the value of A has a NUL byte`,
		"B=1\nA=\xff":           `f:2: "A" is not UTF-8 text`,
		strings.Repeat("x", 99): `f:1: not NAME=VALUE: "` + strings.Repeat("x", 40) + `…"`,
	} {
		if err := parseEnv("f", text, map[string]string{}); err == nil || err.Error() != want || !errors.Is(err, task.ErrUsage) {
			t.Errorf("%q: %v; want %s", text, err, want)
		}
	}
}

func TestReadEnvUnreadable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := ReadEnv(filepath.Join(dir, "no"), nil); !errors.Is(err, fs.ErrNotExist) || err.Error() != "cannot read "+dir+"/no: no such file or directory" {
		t.Error(err)
	}
	if err := ReadEnv(dir, nil); err == nil || !strings.HasSuffix(err.Error(), ": is a directory") {
		t.Error(err)
	}
	big := filepath.Join(dir, "big")
	if err := os.WriteFile(big, make([]byte, MaxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ReadEnv(big, nil); err == nil || !strings.HasSuffix(err.Error(), "it is larger than 1 MiB") {
		t.Error(err)
	}
}

// Whatever is read can be an environment, and is the same when it is written in
// double quotes and read again.
func FuzzReadEnv(f *testing.F) {
	f.Add("# c\nexport A=1 # x\nB='a\nb'\r\nC=\"\\n\\\"\\$\"\n")
	f.Add("\ufeffA=\"")
	f.Add("A='x' y")
	f.Fuzz(func(t *testing.T, text string) {
		vars := make(map[string]string)
		if err := parseEnv("f", text, vars); err != nil {
			if !errors.Is(err, task.ErrUsage) {
				t.Errorf("%v is not wrong usage", err)
			}
			return
		}
		if _, err := task.NewEnv(vars); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		var b strings.Builder
		for k, v := range vars {
			if !utf8.ValidString(k) || strings.HasPrefix(k, "#") || strings.Contains(k, "\ufeff") {
				return // such a name cannot be the first of a line
			}
			b.WriteString(k + "=\"" + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\r", `\r`).Replace(v) + "\" # comment\r\n")
		}
		again := make(map[string]string)
		if err := parseEnv("f", b.String(), again); err != nil || !maps.Equal(vars, again) {
			t.Errorf("%q is read as %q, and that again as %q, %v", text, vars, again, err)
		}
	})
}
