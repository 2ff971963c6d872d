// Package taskfile reads the files that name the tasks of a project: tasks.yaml,
// Procfile and .env. It says what runs, and starts nothing.
package taskfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"tasks/pkg/task"
)

// The bounds of what is read.
const (
	MaxFile      = 1 << 20       // bytes of a file
	MaxTasks     = task.MaxTasks // of a file, instances counted
	MaxInstances = 1000          // of a task
	MaxAfter     = task.MaxAfter // dependencies in a file
)

// A File is what a tasks file says.
type File struct {
	Path    string       // absolute, without symlinks
	Project string       // what its names begin with; "" for none
	Groups  []task.Group // name, slots and hooks, in the order of the file
	Tasks   []task.Spec  // dependencies first, else in the order of the file
	Remarks []string     // what the user may not have meant
	Foreign string       // why somebody else than this user and root may have written it, continuing its path; "" where nobody may

	cwds map[string]Problem // where in the file the directory of a task is, by its name; its message names the directory
}

// Load reads the tasks file at path, which the user has named.
func Load(path string, environ []string) (*File, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	return f.Load(environ)
}

// Load reads the file: as a Procfile where its name begins so, else as YAML. The environment
// of the tasks begins with environ, NAME=VALUE each; what is not UTF-8 text of it is
// left out. What is wrong with the file is an [task.ErrUsage], and [Problems] where there is
// a place for it.
func (found *Found) Load(environ []string) (*File, error) {
	if found.text.err != nil {
		return nil, found.text.err
	}
	if !utf8.ValidString(found.Path) {
		return nil, task.Errorf(task.ErrUsage, "", "the path %q is not UTF-8 text", found.Path)
	}
	// Its tasks run where it was found, which is one directory by whatever path; if the
	// file itself is a link, the link's.
	dir := resolved(filepath.Dir(found.Path))
	l := loader{source: newSource(found.shown, found.text.text), dir: dir, dotenvFile: found.dotenv, environ: variables(environ)}
	f := &File{Path: resolved(found.Path), Foreign: found.foreign, cwds: make(map[string]Problem)}
	if strings.HasPrefix(filepath.Base(found.Path), "Procfile") {
		if err := l.procfile(f); err != nil {
			return nil, err
		}
	} else {
		l.yaml(f)
	}
	if err := l.err(); err != nil {
		return nil, err
	}
	f.Remarks = l.remarks
	return f, nil
}

// CheckDirs reports, as [Faults], the directories in the file that the tasks could
// not run in now.
func (f *File) CheckDirs() error {
	var problems Problems
	seen := make(map[Problem]bool)
	for _, t := range f.Tasks {
		at, ok := f.cwds[t.Name]
		if !ok || seen[at] {
			continue
		}
		seen[at] = true
		dir := at.Msg
		switch info, err := os.Stat(t.Cwd); {
		case errors.Is(err, fs.ErrNotExist):
			at.Msg = "cwd: there is no directory " + dir
		case err != nil:
			at.Msg = fmt.Sprintf("cwd: %s: %v", dir, reason(err))
		case !info.IsDir():
			at.Msg = "cwd: " + dir + " is not a directory"
		default:
			continue
		}
		problems = append(problems, at)
	}
	if problems == nil {
		return nil
	}
	return problems
}
