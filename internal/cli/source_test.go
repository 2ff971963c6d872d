package cli

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// All that this package prints goes through the writers that escape: nothing else
// names the program's own output, but for what is listed here.
func TestNothingElseWritesToTheTerminal(t *testing.T) {
	t.Parallel()
	allowed := map[string][]string{
		"os.Stdout": {"standardStreams", "unread", "standardFiles"}, // the latter for its name
		"os.Stderr": {"standardStreams", "serveHere", "standardFiles"},
		".raw":      {"logLines", "newEditor", "read", "endWithReader"},
	}
	used := make(map[string]bool)
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			within := "a declaration"
			if f, ok := decl.(*ast.FuncDecl); ok {
				within = f.Name.Name
			}
			ast.Inspect(decl, func(n ast.Node) bool {
				what := ""
				switch n := n.(type) {
				case *ast.SelectorExpr:
					pkg, _ := n.X.(*ast.Ident)
					switch {
					case n.Sel.Name == "raw":
						what = ".raw"
					case pkg == nil:
					case pkg.Name == "os" && (n.Sel.Name == "Stdout" || n.Sel.Name == "Stderr" || n.Sel.Name == "NewFile"),
						pkg.Name == "fmt" && strings.HasPrefix(n.Sel.Name, "Print"), pkg.Name == "log",
						pkg.Name == "syscall" && n.Sel.Name == "Write", pkg.Name == "unix" && n.Sel.Name == "Write":
						what = pkg.Name + "." + n.Sel.Name
					}
				case *ast.CallExpr:
					if f, ok := n.Fun.(*ast.Ident); ok && f.Name == "println" {
						what = f.Name
					}
				}
				if what != "" && !slices.Contains(allowed[what], within) {
					t.Errorf("%s: %s uses %s: write to the out or err of streams, which escape", name, within, what)
				}
				used[what+" in "+within] = true
				return true
			})
		}
	}
	for what, funcs := range allowed {
		for _, f := range funcs {
			if !used[what+" in "+f] {
				t.Errorf("%s does not use %s: take it off the list", f, what)
			}
		}
	}
}
