package process

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A pid may be another process's by the time a signal is sent. So in the whole
// source signals are sent by a few functions, and each of them knows whose pid it is.
func TestSignalsAreSentInFewPlaces(t *testing.T) {
	t.Parallel()
	senders := map[string]string{
		"internal/process kill":             "called by signalGroup alone",
		"internal/process pidfdSignal":      "given to send alone",
		"internal/process pidfdSignalGroup": "given to send alone, and asks about this process",
		"internal/failpoint At":             "this process",
		"internal/socket Nudge":             "the holder of the lock",
		"internal/socket nudge":             "the holder of the lock",
		"internal/cli beforeSignalled":      "this process",
	}
	callers := map[string]string{
		"internal/process signalGroup":     "the main process is not reaped, so its pid is not given away",
		"internal/process trySignal":       "no descriptor at all",
		"internal/process canSignalGroups": "this process",
		"internal/process signal":          "where there is no pidfd",
	}
	sends := map[string]bool{
		"Kill": true, "PidfdSendSignal": true, "Tgkill": true, "FindProcess": true, "RtSigqueueinfo": true, "RtTgsigqueueinfo": true,
		"SYS_KILL": true, "SYS_TKILL": true, "SYS_TGKILL": true, "SYS_PIDFD_SEND_SIGNAL": true, "SYS_RT_SIGQUEUEINFO": true, "SYS_RT_TGSIGQUEUEINFO": true,
	}
	wrappers := map[string]bool{"kill": true, "pidfdSignal": true, "pidfdSignalGroup": true}
	root := filepath.Join("..", "..")
	seen := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, nil, 0)
		if err != nil {
			return err
		}
		dir, _ := filepath.Rel(root, filepath.Dir(path))
		for _, decl := range file.Decls {
			where := filepath.ToSlash(dir)
			if f, ok := decl.(*ast.FuncDecl); ok {
				where += " " + f.Name.Name
			}
			given := make(map[ast.Node]bool) // to send; or no function of kernel.go
			ast.Inspect(decl, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CallExpr:
					if sel, ok := n.Fun.(*ast.SelectorExpr); ok {
						x, nested := sel.X.(*ast.SelectorExpr)
						if nested && x.Sel.Name == "Process" && (sel.Sel.Name == "Signal" || sel.Sel.Name == "Kill") {
							t.Errorf("%s: an os.Process is signalled", fset.Position(n.Pos()))
						}
						for _, arg := range n.Args {
							given[arg] = sel.Sel.Name == "send"
						}
					}
				case *ast.SelectorExpr:
					given[n.Sel] = true // a method
					pkg, _ := n.X.(*ast.Ident)
					if pkg != nil && slices.Contains([]string{"os", "syscall", "unix"}, pkg.Name) && sends[n.Sel.Name] {
						if seen++; senders[where] == "" {
							t.Errorf("%s: %s may not send a signal", fset.Position(n.Pos()), where)
						}
					}
				case *ast.Ident:
					if file.Name.Name == "process" && wrappers[n.Name] && n.Obj == nil && !given[n] && callers[where] == "" && senders[where] == "" {
						t.Errorf("%s: %s in %s has compared nothing", fset.Position(n.Pos()), n.Name, where)
					}
				}
				return true
			})
		}
		return nil
	})
	if err != nil || seen < 4 {
		t.Errorf("%d found, %v", seen, err)
	}
}
