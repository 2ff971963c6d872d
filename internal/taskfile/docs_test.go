package taskfile

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const page = "../../docs/tasks-file.md"

// table is the keys in markdown.
func table(fields []field) string {
	var b strings.Builder
	b.WriteString("| key | value | |\n|---|---|---|\n")
	for _, f := range fields {
		var what string
		switch s := f.holds; {
		case s.names != "":
			what = "a mapping of names"
		case s.list && s.scalar != aCommand:
			what = s.scalar.what + ", or a list"
		default:
			what = s.scalar.what
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.key, what, f.about)
	}
	return b.String()
}

func TestPageTables(t *testing.T) {
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for of, fields := range map[string][]field{"the file": fileFields, "a group": groupFields, "a task": taskFields()} {
		before, rest, ok := strings.Cut(text, "<!-- keys of "+of+" -->\n")
		_, after, also := strings.Cut(rest, "<!-- end -->")
		if !ok || !also {
			t.Fatalf("%s has no place for the keys of %s", page, of)
		}
		text = before + "<!-- keys of " + of + " -->\n" + table(fields) + "<!-- end -->" + after
	}
	if text == string(b) {
		return
	}
	if !*update {
		t.Fatalf("the tables in %s are not what table.go says: run go test ./internal/taskfile -update", page)
	}
	if err := os.WriteFile(page, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Every example of the page is what it says it is.
func TestPageExamples(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	blocks := func(language string) []string {
		var all []string
		for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(string(b), -1) {
			all = append(all, m[1])
		}
		if all == nil {
			t.Fatalf("the page has no example of %s", language)
		}
		return all
	}
	files := map[string]string{".env": blocks("env")[0], "api.env": "A=1\n", "Procfile": blocks("procfile")[0]}
	for i, text := range blocks("yaml") {
		files[fmt.Sprintf("%d.yaml", i)] = text
	}
	dir := write(t, files)
	for name := range files {
		if strings.HasSuffix(name, "env") {
			continue
		}
		f, err := Load(filepath.Join(dir, name), []string{"HOME=/root", "USER=ann"})
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if strings.HasSuffix(name, ".yaml") {
			if err := judged(t, schema(t), files[name]); err != nil {
				t.Errorf("the schema does not take %s: %v", name, err)
			}
		}
		if len(f.Tasks) < 2 {
			t.Errorf("%s: %v", name, names(f))
		}
	}
	vars := make(map[string]string)
	if remarks, err := ReadEnv(filepath.Join(dir, ".env"), vars, []string{"USER=ann"}); err != nil || remarks != nil || len(vars) != 4 || vars["API_PORT"] != "8080" || vars["PATTERN"] != `^\w+ $x` || vars["GREETING"] != "two\nlines for ann" {
		t.Errorf("%q, %v", vars, err)
	}
	problem := blocks("text")[0]
	text := strings.Repeat("\n", 6) + "tasks:\n  api:\n    comand: ./api\n"
	if got := problemsOf(t, text); "tasks: tasks.yaml:"+got+"\n" != problem {
		t.Errorf("the page shows %q; it is %q", problem, got)
	}
}
