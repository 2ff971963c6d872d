package task_test

import (
	"regexp/syntax"
	"runtime"
	"strings"
	"testing"

	"tasks/pkg/task"
)

func TestCompileExpression(t *testing.T) {
	t.Parallel()
	for _, expr := range []string{"", "x", `(?i)listening on .*:\d+`, "^[a-z]{1,63}$", "x{1000}", strings.Repeat("x?", task.MaxExpression/2), strings.Repeat("(|)", task.MaxExpression/3), "(x{1000})", "x{0,900}", strings.Repeat("()", 400)} {
		if re, err := task.CompileExpression(expr); err != nil || re.String() != expr {
			t.Errorf("%.40q: %v", expr, err)
		}
	}
	for expr, want := range map[string]string{
		"[a":                        "missing closing ]",
		"x{1001}":                   "invalid repeat count",
		strings.Repeat("x", 1025):   "it has 1025 bytes: give 1024 or fewer",
		"(x{1000}){5}":              "invalid repeat count",
		strings.Repeat("x{999}", 9): "it is expanded to more than 2000 instructions: use smaller counts",
		"(((abc){9}def){9}ghi){9}":  "more than 2000 instructions",
		"(?:x{0,1000}y*){1,1}" + strings.Repeat("(x{1000,})?", 4): "more than 2000 instructions",
	} {
		if _, err := task.CompileExpression(expr); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %s", expr, err, want)
		}
	}
}

// TestLargeExpression holds that what is refused was never expanded: a MiB, and what
// a KiB would be expanded to.
func TestLargeExpression(t *testing.T) {
	for _, expr := range []string{strings.Repeat(`(?i)[^a]\pL.*`, 1<<20/13), strings.Repeat("(x{1000})", 3000), strings.Repeat("x{999}", 170)} {
		s := task.Spec{Name: "a", Command: []string{"x"}, Ready: task.Ready{ReadyLog: expr}}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := s.Check()
		runtime.ReadMemStats(&after)
		if size := after.TotalAlloc - before.TotalAlloc; err == nil || size > 256<<10 {
			t.Errorf("%.20q, %d bytes long, takes %d bytes to refuse: %v", expr, len(expr), size, err)
		}
	}
}

// FuzzCompileExpression holds that no more is compiled than was counted.
func FuzzCompileExpression(f *testing.F) {
	for _, expr := range []string{"x{1000}", "(a|b|cd){3,}[^x]*?", "x{0}", "(?:a{2,5}b?){7}|()", "(?s).{90}", "|||", `\bx+$`, "(?i)straße|[[:alpha:]]{40}"} {
		f.Add(expr)
	}
	f.Fuzz(func(t *testing.T, expr string) {
		if _, err := task.CompileExpression(expr); err != nil {
			return
		}
		tree, err := syntax.Parse(expr, syntax.Perl)
		if err != nil {
			t.Fatal(err)
		}
		prog, err := syntax.Compile(tree.Simplify())
		if err != nil || len(prog.Inst) > task.MaxInstructions+10 {
			t.Errorf("%q is %d instructions, %v", expr, len(prog.Inst), err)
		}
	})
}
