package plan

import (
	"slices"
	"strings"

	"tasks/pkg/task"
)

// belonging tells which tasks belong to the file of a change. What a task remembers is
// a path: the file that was there may have moved.
type belonging struct {
	c     *task.Change
	files Files
	names map[string]bool // of the change
	is    map[string]bool // by path: whether it leads to the file
	gone  map[string]bool // those of files that do not exist any more
}

func newBelonging(c *task.Change, files Files) *belonging {
	b := &belonging{c: c, files: files, names: make(map[string]bool), is: map[string]bool{"": false}, gone: make(map[string]bool)}
	for _, name := range c.Names() {
		b.names[name] = true
	}
	return b
}

// note records what path leads to.
func (b *belonging) note(path string) {
	if _, known := b.is[path]; known {
		return
	}
	b.is[path] = b.files.Same(path, b.c.File)
	b.gone[path] = !b.is[path] && b.files.Gone(path)
}

// own tells that t is from the file.
func (b *belonging) own(t *task.Info) bool {
	b.note(t.Spec.File)
	return b.is[t.Spec.File]
}

// orphan tells that t is from a file that does not exist any more, and that this one
// takes its place: it has a task of that name, or its project.
func (b *belonging) orphan(t *task.Info) bool {
	if b.note(t.Spec.File); !b.gone[t.Spec.File] {
		return false
	}
	local, ours := strings.CutPrefix(t.Name, b.c.Project+".")
	return ours && b.c.Project != "" && !strings.Contains(local, ".") || b.names[t.Name]
}

// belongs tells that t is of the file, or of one in whose place it is.
func (b *belonging) belongs(t *task.Info) bool { return b.own(t) || b.orphan(t) }

// Others is the names of those of now that belong neither to the file of c nor to one in whose
// place that is.
func Others(c *task.Change, now []*task.Info, files Files) (names []string) {
	b := newBelonging(c, files)
	for _, t := range now {
		if !b.belongs(t) {
			names = append(names, t.Name)
		}
	}
	return names
}

// takenOver is the paths of files that do not exist any more, and in whose place
// the file is for some of the tasks in now.
func (b *belonging) takenOver(now []*task.Info) []string {
	var paths []string
	for _, t := range now {
		if b.orphan(t) && !slices.Contains(paths, t.Spec.File) {
			paths = append(paths, t.Spec.File)
		}
	}
	return paths
}
