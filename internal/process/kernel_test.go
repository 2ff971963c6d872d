package process

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A call that is made elsewhere is one that no test can see or make fail.
func TestSystemCallsAreMadeInOnePlace(t *testing.T) {
	t.Parallel()
	allowed := []string{
		"syscall.Signal", "syscall.WaitStatus", "unix.Mkdev", "unix.ParseDirent", // call nothing
		"unix.Gettid", "unix.Getpid", "os.Geteuid", "os.Getpagesize", "os.NewSyscallError", // cannot fail
		"syscall.Read",     // of an output that is at hand
		"unix.RawSyscall6", // about this process alone
	}
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "kernel") || strings.HasPrefix(name, "shim") { // which is another process
			continue
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if sel, ok := call.Fun.(*ast.SelectorExpr); ok {
				pkg, _ := sel.X.(*ast.Ident)
				if pkg == nil || !slices.Contains([]string{"os", "syscall", "unix"}, pkg.Name) {
					return true
				}
				if f := pkg.Name + "." + sel.Sel.Name; !slices.Contains(allowed, f) {
					t.Errorf("%s: %s is called past the functions of kernel.go", fset.Position(call.Pos()), f)
				}
			}
			return true
		})
	}
}
