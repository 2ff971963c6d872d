package lifecycle

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// Nobody else decides anything by a phase or a cause: their names are in no other
// package, and no other one asks a state for them, but to log it.
func TestDecidesAlone(t *testing.T) {
	t.Parallel()
	ours := names(t, "lifecycle.go")
	files := 0
	for _, root := range []string{"../../cmd", "../../internal", "../../pkg"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "../../internal/lifecycle/") {
				return err
			}
			fset := token.NewFileSet()
			f, err := parser.ParseFile(fset, path, nil, 0)
			if err != nil {
				return err
			}
			for _, imp := range f.Imports {
				if imp.Path.Value == `"tasks/internal/lifecycle"` {
					files++
					foreign(t, fset, f, ours)
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	if files < 5 {
		t.Errorf("only %d files import this package: adapt this test", files)
	}
}

// names are the constants that a file declares.
func names(t *testing.T, path string) map[string]bool {
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]bool)
	for _, d := range f.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.CONST {
			for _, spec := range g.Specs {
				for _, id := range spec.(*ast.ValueSpec).Names {
					all[id.Name] = id.Name != "KillWait"
				}
			}
		}
	}
	if !all["Idle"] || !all["ByStop"] {
		t.Fatalf("%v: adapt this test", all)
	}
	return all
}

// foreign looks at what another file takes of this package.
func foreign(t *testing.T, fset *token.FileSet, f *ast.File, ours map[string]bool) {
	ast.Inspect(f, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if fun, ok := call.Fun.(*ast.SelectorExpr); ok && fun.Sel.Name == "Error" { // a log
				return false
			}
		}
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		pkg, _ := sel.X.(*ast.Ident)
		if pkg != nil && pkg.Name == "lifecycle" && ours[sel.Sel.Name] || sel.Sel.Name == "Phase" || sel.Sel.Name == "Cause" && (pkg == nil || pkg.Name != "context") {
			t.Errorf("%s: %s: ask the state instead", fset.Position(sel.Pos()), sel.Sel.Name)
		}
		return true
	})
}
