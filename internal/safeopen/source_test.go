package safeopen

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// opening are the functions that open a path, by the import path of their package.
var opening = map[string][]string{
	"os":                    {"Open", "OpenFile", "Create", "ReadFile", "WriteFile", "ReadDir", "Truncate", "DirFS", "CopyFS", "OpenRoot", "RemoveAll"},
	"io/ioutil":             {"ReadFile", "WriteFile", "ReadDir"},
	"syscall":               {"Open", "Openat", "Creat", "Truncate"},
	"golang.org/x/sys/unix": {"Open", "Openat", "Openat2", "Creat", "Truncate"},
	"path/filepath":         {"Glob", "Walk", "WalkDir"},
}

// others may open paths themselves, as no task can put anything there.
var others = []struct{ where, why string }{
	{"internal/safeopen/", "this is the one opener"},
	{"internal/process/", "/proc, cgroup directories and /dev/null"},
	{"internal/daemon/signals_linux.go", "/proc/self"},
	{"internal/socket/lock.go", "compares the owner as well, and never waits"},
	{"internal/socket/host_linux.go", "/etc and /proc"},
	{"internal/trust/", "/etc and /proc"},
	{"internal/cli/silent.go", "/proc"},
	{"internal/taskfile/", "the user's own files, which may be pipes"},
	{"internal/enginetest/", "for tests alone"},
	{"bench/", "no part of the program"},
	{"examples/", "no part of the program"},
}

// TestOneOpener reads the source: what a task can change is opened by this
// package alone.
func TestOneOpener(t *testing.T) {
	t.Parallel()
	used, files := make(map[string]bool), 0
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(root, path)
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && rel != ".", d.IsDir() && d.Name() == "testdata":
			return filepath.SkipDir
		case !strings.HasSuffix(rel, ".go") || strings.HasSuffix(rel, "_test.go"):
			return nil
		}
		files++
		for _, call := range opens(t, path) {
			allowed := false
			for _, o := range others {
				if strings.HasPrefix(filepath.ToSlash(rel), o.where) {
					allowed, used[o.where] = true, true
				}
			}
			if !allowed {
				t.Errorf("%s: use internal/safeopen: a task may have put a FIFO there", call)
			}
		}
		return nil
	})
	check(t, err)
	if files < 100 {
		t.Errorf("only %d files were read", files)
	}
	for _, o := range others {
		if !used[o.where] {
			t.Errorf("%s opens nothing any more: take it off the list", o.where)
		}
	}
}

// opens lists where the file uses a function that opens a path.
func opens(t *testing.T, path string) (found []string) {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, nil, 0)
	check(t, err)
	packages := make(map[string]string) // import path by name
	for _, imp := range file.Imports {
		pkg, err := strconv.Unquote(imp.Path.Value)
		check(t, err)
		name := pkg[strings.LastIndex(pkg, "/")+1:]
		if imp.Name != nil {
			name = imp.Name.Name
		}
		packages[name] = pkg
	}
	ast.Inspect(file, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		x, ok := sel.X.(*ast.Ident)
		if !ok || x.Obj != nil {
			return true
		}
		for _, name := range opening[packages[x.Name]] {
			if sel.Sel.Name == name {
				found = append(found, set.Position(sel.Pos()).String()+": "+x.Name+"."+name)
			}
		}
		return true
	})
	return found
}

// TestOpensAreFound holds that the look at the source sees what it should.
func TestOpensAreFound(t *testing.T) {
	t.Parallel()
	if got := opens(t, "safeopen.go"); len(got) != 3 {
		t.Errorf("in safeopen.go there are %q", got)
	}
}
