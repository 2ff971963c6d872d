package taskfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"tasks/pkg/task"
)

// resolved is path without symlinks, or path itself where it leads to no file, as
// that of a pipe.
func resolved(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// sameFile tells whether two paths lead to one file or directory: by a symlink, a
// hard link or a mount.
func sameFile(a, b string) bool {
	if a == b {
		return true
	}
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// belonging tells which tasks belong to a file. What a task remembers is a path:
// the file that was there may have moved.
type belonging struct {
	f    *File
	is   map[string]bool // the paths that lead to f, and those that do not
	gone map[string]bool // those of files that do not exist any more
}

func (f *File) belonging() *belonging {
	return &belonging{f: f, is: map[string]bool{"": false}, gone: make(map[string]bool)}
}

// look notes what path leads to.
func (b *belonging) look(path string) {
	if _, known := b.is[path]; known {
		return
	}
	b.is[path] = sameFile(path, b.f.Path)
	_, err := os.Stat(path)
	b.gone[path] = !b.is[path] && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR))
}

// own tells that t is from f.
func (b *belonging) own(t *task.Info) bool {
	b.look(t.Spec.File)
	return b.is[t.Spec.File]
}

// orphan tells that t is from a file that does not exist any more, and that f takes
// its place: f has a task of that name, or its project.
func (b *belonging) orphan(t *task.Info) bool {
	if b.look(t.Spec.File); !b.gone[t.Spec.File] {
		return false
	}
	local, ours := strings.CutPrefix(t.Name, b.f.Project+".")
	return ours && b.f.Project != "" && !strings.Contains(local, ".") ||
		slices.ContainsFunc(b.f.Tasks, func(s task.Spec) bool { return s.Name == t.Name })
}

// TakenOver is the paths of files that do not exist any more, and in whose place f
// is for some of the tasks in now.
func TakenOver(f *File, now []task.Info) []string {
	b := f.belonging()
	var paths []string
	for i := range now {
		if t := &now[i]; b.orphan(t) && !slices.Contains(paths, t.Spec.File) {
			paths = append(paths, t.Spec.File)
		}
	}
	return paths
}
