// Package wording holds the words that must not come back: a standard term, or plain
// English, says the same.
package wording

import (
	"bytes"
	"fmt"
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// phrases are regular expressions for text, without regard to case; a blank matches
// also the end of a line. The second column is what to say instead.
var phrases = []phrase{
	{`(?:is|are|was|were) (?:not )?to be`, "must be, will be, or the active voice"},
	{`(?:is|are|was|be) told with`, "is reported with"},
	{`anew`, "again, from the start"},
	{`so many at a time|so many at once`, "at most N at a time"},
	{`at one go`, "at once, in one step"},
	{`(?:come|comes|came|coming) to rest`, "ends, has ended"},
	{`circles?`, "dependency cycle"},
	{`waits? in vain`, "never gets what it waits for; a dependency failed"},
	{`is no whole number`, "is not an integer"},
	{`means? nothing`, "is not supported here, has no effect"},
	{`here a second time`, "duplicate (first on line N)"},
	{`(?:has|have) it that`, "says"},
	{`swept|sweeps?|sweeping`, "stopped: processes that a main process left behind"},
	{`cannot hear`, "cannot read"},
	{`deaf`, "ignores signals"},
	{`patience`, "timeout"},
	{`lack|lacks|lacked|lacking`, "is out of, has no"},
	{`for want of`, "out of, because there is no"},
	{`sick`, "unhealthy"},
	{`where one is`, "if there is one"},
	{`what is so`, "the current state"},
	{`which is no error`, "and succeeds"},
	{`(?:are|is) no failures?`, "counts as success"},
	{`(?:it|that|which|this|what|process|cgroup|and|or|%[dsqv]) (?:is|are) no (?:more|longer there)`, "is gone, has ended"},
	{`what it costs|how it is built`, "Performance; Architecture"},
	{`told`, "reported, is signalled; distinguishes"},
	{`those (?:that|who)`, "the noun: tasks that"},
	{`of (?:which|whom)`, "whose, or two sentences"},
	{`(?:so|as) far as`, "if, within, that can be"},
	{`that of`, "the noun: the supervisor's"},
	{`(?:go|goes|going|went|gone) on`, "continues, keeps running"},
	{`mend(?:s|ed|ing)?`, "repair"},
	{`freed`, "discarded, trimmed, released"},
	{`what is left`, "the rest, the remaining processes"},
	{`(?:has|have) (?:nothing|no) new begin`, "stops admitting tasks"},
	{`(?:\w+ )?(?:is|are|was|were) no [a-km-z]\w*`, "is not a"},
}

// names are words that no identifier is made of, and what to call it instead.
var names = map[string]string{
	"anew": "again, fresh", "circle": "cycle", "deaf": "ignoresSignals", "fault": "failpoint", "lack": "missing", "lacks": "outOfResources",
	"lacked": "outOfResources", "patience": "Timeout", "sick": "unhealthy", "storm": "crashtest", "sweep": "stopLeftBehind", "swept": "leftBehind",
}

// exceptions are lines that stay, in the files whose path begins so.
var exceptions = []exception{
	{"internal/wording/", ``, "it names them"},
	{"", `main process ended; [%0-9].* swept`, "the reason that scripts compare"},
	{"internal/lifecycle/lifecycle.go", `"unhealthy", "sweep",`, "the name in records"},
	{"internal/store/", `SetPanicOnFault`, "the standard library's name"},
	{"internal/daemon/replace.go", `"tasks can go on\\n"`, "earlier versions compare it"},
	{"internal/lifecycle/cell", `"go on"|\| go on +\|`, "the name of an event"},
	{"internal/process/", `echo told|"told"`, "what scripts of the tests print"},
	{"internal/compat/compat_test.go", "`the one that runs goes on\\|", "an earlier version prints it"},
	{"examples/shop/app/main.go", `"told"`, "a name in the example's store"},
}

type exception struct{ path, line, why string }

type phrase struct{ bad, good string }

// anyPhrase has a group for each of the phrases: one search for all is the fastest.
var anyPhrase = func() *regexp.Regexp {
	var all []string
	for _, p := range phrases {
		all = append(all, "("+strings.ReplaceAll(p.bad, " ", `\s+`)+")")
	}
	return regexp.MustCompile(`(?i)\b(?:` + strings.Join(all, "|") + `)\b`)
}()

// finding is a word that must not be at an offset of a file.
type finding struct {
	offset    int
	bad, good string
}

// scripts is the directory with the scripts of the program's tests.
const scripts = "cmd/tasks/testdata/script"

func TestWords(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	files, used := 0, make(map[int]bool)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(root, path)
		rel = filepath.ToSlash(rel)
		switch {
		case err != nil:
			return err
		case d.IsDir() && (strings.HasPrefix(d.Name(), ".") && rel != "." || d.Name() == "testdata" && rel != scripts && !strings.HasPrefix(scripts, rel+"/")):
			return filepath.SkipDir
		case rel == "CHANGELOG.md" || !strings.HasSuffix(rel, ".go") && !strings.HasSuffix(rel, ".md") && !strings.HasSuffix(rel, ".txtar"):
			return nil
		}
		files++
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, f := range findBad(rel, src) {
			if i := excepted(rel, src, f.offset); i >= 0 {
				used[i] = true
			} else {
				line, column := place(src, f.offset)
				t.Errorf("%s:%d:%d: %q: say %q", rel, line, column, f.bad, f.good)
			}
		}
		return nil
	})
	if err != nil || files < 100 {
		t.Fatalf("read %d files: %v", files, err)
	}
	for i, e := range exceptions {
		if !used[i] {
			t.Errorf("nothing needs the exception %q: remove it", e.path+" "+e.line)
		}
	}
}

func excepted(file string, src []byte, offset int) int {
	line := src[bytes.LastIndexByte(src[:offset], '\n')+1:]
	line, _, _ = bytes.Cut(line, []byte("\n"))
	return slices.IndexFunc(exceptions, func(e exception) bool {
		return strings.HasPrefix(file, e.path) && regexp.MustCompile(e.line).Match(line)
	})
}

// findBad is the words in a file that must not be there.
func findBad(file string, src []byte) (found []finding) {
	text := src
	if strings.HasSuffix(file, ".go") {
		var idents []finding
		text, idents = goText(src)
		for _, id := range idents {
			for _, word := range split(id.bad) {
				if good, ok := names[word]; ok {
					found = append(found, finding{id.offset, id.bad, good})
				}
			}
		}
	}
	if strings.HasSuffix(file, ".txtar") {
		text = scriptComments(src)
	}
	for _, at := range anyPhrase.FindAllSubmatchIndex(text, -1) {
		for i, p := range phrases {
			if at[2*i+2] >= 0 && !thereIs(text[at[0]:at[1]]) {
				found = append(found, finding{at[0], strings.Join(strings.Fields(string(text[at[0]:at[1]])), " "), p.good})
			}
		}
	}
	slices.SortFunc(found, func(a, b finding) int { return a.offset - b.offset })
	return found
}

// thereIs reports whether the match is "there is no", which is plain English.
func thereIs(match []byte) bool { return bytes.EqualFold(bytes.Fields(match)[0], []byte("there")) }

// scriptComments is a script with all blanked out but its comments: what it compares is
// the program's, whose sources have it.
func scriptComments(src []byte) (text []byte) {
	for line := range bytes.Lines(src) {
		if comment, ok := bytes.CutPrefix(line, []byte("#")); ok {
			text = append(append(text, ' '), comment...)
		} else {
			text = append(text, make([]byte, len(line))...)
		}
	}
	return text
}

// goText is a Go source with all blanked out but its comments and strings, at the
// offsets they have, and its identifiers.
func goText(src []byte) (text []byte, idents []finding) {
	text = make([]byte, len(src))
	var s scanner.Scanner
	files := token.NewFileSet()
	file := files.AddFile("", files.Base(), len(src))
	s.Init(file, src, nil, scanner.ScanComments)
	end := 0 // of the comment before
	for {
		pos, tok, lit := s.Scan()
		at := file.Offset(pos)
		switch tok {
		case token.EOF:
			return text, idents
		case token.IDENT:
			idents = append(idents, finding{offset: at, bad: lit})
		case token.STRING:
			copy(text[at:], lit)
		case token.COMMENT:
			copy(text[at:], lit)
			if strings.HasPrefix(lit, "//") {
				text[at], text[at+1] = ' ', ' '
			}
			if end > 0 && len(strings.TrimSpace(string(src[end:at]))) == 0 { // the same sentence may go on
				copy(text[end:at], src[end:at])
			}
			end = at + len(lit)
		}
	}
}

// split is the words of an identifier, in lower case.
func split(ident string) []string {
	return strings.Fields(strings.ToLower(camel.ReplaceAllString(ident, "$1 $2")))
}

var camel = regexp.MustCompile(`([a-z0-9_])([A-Z])`)

func place(src []byte, offset int) (line, column int) {
	before := string(src[:offset])
	return strings.Count(before, "\n") + 1, offset - strings.LastIndex(before, "\n")
}

func TestFind(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ file, src, want string }{
		{"a.md", "It is\nto be seen.", "1:4 is to be"},
		{"a.md", "a clean encircled thing", ""},
		{"a.go", "package a\n\n// It is\n// to be.\nvar x int", "3:7 is to be"},
		{"a.go", "package a\n\nvar x = \"is\" + y // to be", ""},
		{"a.go", "package a\n\nvar x = `\nis to be`", "4:1 is to be"},
		{"a.go", "package a\n\nvar isDeaf, Sweeping int", "3:5 isDeaf"},
		{"a.go", "package a\n\n// It goes\n// on.", "3:7 goes on"},
		{"a_test.go", "package a\n\n// It goes\n// on.", "3:7 goes on"},
		{"a.txtar", "# It is\n# to be.\nstdout 'is to be'", "1:6 is to be"},
		{"a.md", "There is no task. It is no task.", "1:19 It is no task"},
	} {
		var got []string
		for _, f := range findBad(tt.file, []byte(tt.src)) {
			line, column := place([]byte(tt.src), f.offset)
			got = append(got, fmt.Sprintf("%d:%d %s", line, column, f.bad))
		}
		if s := strings.Join(got, ", "); s != tt.want {
			t.Errorf("%q: %q, want %q", tt.src, s, tt.want)
		}
	}
}
