// Package taskfile reads the files that name the tasks of a project: tasks.yaml,
// Procfile and .env. It says what runs, and starts nothing.
package taskfile

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"tasks/internal/safeopen"
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

	cwds map[string]Problem // where in the file the directory of a task is, by its name; its message names the directory
}

// Names are the names of files that [Find] looks for, the first ones first.
func Names() []string { return []string{"tasks.yaml", "tasks.yml", "Procfile"} }

// Load reads the tasks file at path: a Procfile where its name begins so, else
// YAML. The environment of the tasks begins with environ, NAME=VALUE each; what
// is not UTF-8 text of it is left out. What is wrong with the file is an
// [task.ErrUsage], and [Faults] where there is a place for it.
func Load(path string, environ []string) (*File, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, task.Errorf(task.ErrUsage, "", "cannot find %s: %v", path, err)
	}
	if !utf8.ValidString(abs) {
		return nil, task.Errorf(task.ErrUsage, "", "the path %q is not UTF-8 text", abs)
	}
	text, err := read(safeopen.Open, path)
	if errors.Is(err, safeopen.ErrNotRegular) {
		// Its path says whose tasks are whose, and its directory where they run.
		return nil, task.Errorf(task.ErrUsage, "", "%s is not a regular file: give the path of one", path)
	}
	if err != nil {
		return nil, task.Errorf(task.ErrUsage, "", "cannot read %s: %v", path, reason(err))
	}
	// Its tasks run where it was found, which is one directory by whatever path; if the
	// file itself is a link, the link's.
	return parse(path, filepath.Join(resolved(filepath.Dir(abs)), filepath.Base(abs)), text, environ)
}

// parse is Load of a file with this text: path is what its problems begin with.
func parse(path, abs, text string, environ []string) (*File, error) {
	l := loader{source: newSource(path, text), file: abs, dir: filepath.Dir(abs), environ: variables(environ)}
	f := &File{Path: resolved(abs), cwds: make(map[string]Problem)}
	if strings.HasPrefix(filepath.Base(path), "Procfile") {
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

// Find is the tasks file of dir: the first of [Names] in it, or else in the
// nearest directory above that has one. Above dir a file counts only if nobody but
// this user, root and the owner of dir can have put it there: in /tmp/mine, another user's
// file in /tmp does not, nor does their link to a file of this user. The error is an
// [task.ErrNotFound] where there is none, and a [IgnoredError] too where one does not
// count; an [task.ErrUsage] beside the path of what cannot be looked at, as a link that
// leads nowhere, or is not a regular file.
func Find(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", task.Errorf(task.ErrNotFound, "", "cannot find %s: %v", dir, err)
	}
	r := newReader()
	if fi, err := os.Stat(abs); err == nil {
		r.users = append(r.users, owner(fi))
	}
	return r.find(abs)
}

func (r *reader) find(dir string) (string, error) {
	var passed *IgnoredError
	for at := dir; ; at = filepath.Dir(at) {
		for _, name := range Names() {
			path := filepath.Join(at, name)
			fi, err := os.Stat(path)
			if err = safeopen.Dangling(path, err); errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if at != dir {
				if why := cmp.Or(r.objection(path), r.objectionBeside(path)); why != "" {
					passed = cmp.Or(passed, &IgnoredError{Path: path, Why: why})
					continue
				}
			}
			if err != nil {
				return path, task.Errorf(task.ErrUsage, "", "cannot look at %s: %v: repair or remove it, or name a file with -f", path, reason(err))
			}
			if !fi.Mode().IsRegular() {
				return path, task.Errorf(task.ErrUsage, "", "%s is not a regular file: rename it, or name a file with -f", path)
			}
			return path, nil
		}
		if at == filepath.Dir(at) {
			none := task.Errorf(task.ErrNotFound, "", "no tasks.yaml and no Procfile in %s or above", dir)
			if passed == nil {
				return "", none
			}
			passed.none = none
			return "", passed
		}
	}
}

// A IgnoredError says that the only tasks file does not count.
type IgnoredError struct {
	Path, Why string // Why continues the path
	none      error
}

func (e *IgnoredError) Error() string {
	return fmt.Sprintf("%v: %s is ignored, since it %s: name it with -f to use it", e.none, e.Path, e.Why)
}

func (e *IgnoredError) Unwrap() error { return e.none }

// read is the text of a file, which may have MaxFile bytes.
func read(open func(string) (*os.File, error), path string) (string, error) {
	f, err := open(path)
	if err != nil {
		return "", safeopen.Dangling(path, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err == nil && len(b) > MaxFile {
		err = errors.New("it is larger than 1 MiB")
	}
	return string(b), err
}

// reason is err without the path, which the message has already.
func reason(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
