package taskfile

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"

	"tasks/pkg/task"
)

// signs are what stands in the tables of the page for characters that no table can have.
var signs = strings.NewReplacer("⏎", "\n", "␍", "\r", "⇥", "\t", "‹BOM›", "\ufeff")

// spans is what the code spans of a cell hold.
func spans(cell string) []string {
	var all []string
	for _, m := range regexp.MustCompile("`` ?(.*?) ?``|`(.*?)`").FindAllStringSubmatch(cell, -1) {
		all = append(all, signs.Replace(m[1]+m[2]))
	}
	return all
}

// cases calls check with the rows of a table of the page: a text, what it is said
// to be, or else how it is refused.
func cases(t *testing.T, of string, check func(text string, want []string, refused string)) {
	t.Helper()
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(b), "<!-- cases of "+of+" -->\n")
	table, _, also := strings.Cut(rest, "<!-- end -->")
	rows := strings.Split(strings.TrimSpace(table), "\n")
	if !ok || !also || len(rows) < 8 {
		t.Fatalf("%s has no cases of %s", page, of)
	}
	for _, row := range rows[2:] {
		cells := strings.Split(row, " | ")
		if len(cells) < 3 {
			t.Fatalf("%s: not three cells", row)
		}
		text, want := spans(cells[0]), spans(cells[1])
		if len(text) != 1 || (len(want) == 0) != (cells[1] == "nothing") {
			t.Fatalf("%s: %q is %q", row, text, want)
		}
		if strings.HasPrefix(cells[1], "refused: ") {
			check(text[0], nil, want[0])
		} else {
			check(text[0], want, "")
		}
	}
}

// judge compares an error with what the page says of it.
func judge(t *testing.T, text string, err error, prefix, refused string) bool {
	t.Helper()
	switch {
	case err == nil && refused == "":
		return true
	case err == nil || err.Error() != prefix+refused || !errors.Is(err, task.ErrUsage):
		t.Errorf("%q: %v; the page says %q", text, err, refused)
	}
	return false
}

var pageEnv = []string{"HOME=/home/me", "EMPTY="}

func TestPageCasesOfDotEnv(t *testing.T) {
	t.Parallel()
	cases(t, ".env", func(text string, want []string, refused string) {
		got, all := make(map[string]string), make(map[string]string)
		for _, kv := range want {
			k, v, _ := strings.Cut(kv, "=")
			all[k] = v
		}
		remarks, err := parseEnv("f", text, got, variables(pageEnv).lookup)
		if judge(t, text, err, "f:", refused) && !maps.Equal(got, all) {
			t.Errorf("%q is %q; the page says %q", text, got, all)
		}
		if remark := text == "K" || text == "K=pa$word"; remark != (len(remarks) == 1) {
			t.Errorf("%q: remarks %q", text, remarks)
		}
	})
}

func TestPageCasesOfValues(t *testing.T) {
	t.Parallel()
	cases(t, "values", func(text string, want []string, refused string) {
		for _, form := range []string{"env:\n      K: %s", "command:\n    - %s"} {
			yaml := "tasks:\n  a:\n    command: x\n    " + fmt.Sprintf(form, text)
			if strings.HasPrefix(form, "command") {
				yaml = strings.Replace(yaml, "    command: x\n", "", 1)
			}
			f, err := parse("f", "/nowhere/f", yaml, pageEnv)
			if refused != "" {
				problems, _ := err.(Problems)
				if len(problems) != 1 || problems[0].Msg != refused || problems[0].Line != len(strings.Split(yaml, "\n")) {
					t.Errorf("%q: %v; the page says %q", yaml, err, refused)
				}
				continue
			}
			if err != nil {
				t.Error(err)
				continue
			}
			got := f.Tasks[0].Command[0]
			if strings.HasPrefix(form, "env") {
				got = f.Tasks[0].Env.Map()["K"]
			}
			if got != want[0] {
				t.Errorf("%q is %q; the page says %q", text, got, want[0])
			}
		}
	})
}

func TestPageCasesOfProcfile(t *testing.T) {
	t.Parallel()
	cases(t, "Procfile", func(text string, want []string, refused string) {
		f, err := parse("Procfile", "/nowhere/Procfile", text, nil)
		if !judge(t, text, err, "Procfile:", refused) {
			return
		}
		var got []string
		for _, s := range f.Tasks {
			got = append(got, s.Name, s.Command[2])
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%q is %q; the page says %q", text, got, want)
		}
	})
}
