package taskfile

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"tasks/internal/safeopen"
	"tasks/pkg/task"
)

// A Found is a tasks file that was opened once, with the .env beside it: who may have put
// them there was asked of what was opened, and [Found.Load] opens neither again.
type Found struct {
	Path string // absolute

	shown   string // what its problems begin with
	foreign string
	text    content
	dotenv  content
}

// A content is the text of a file, or why there is none.
type content struct {
	text string
	err  error
}

// Names are the names of files that [Find] looks for, the first ones first.
func Names() []string { return []string{"tasks.yaml", "tasks.yml", "Procfile"} }

// Find is the tasks file of dir: the first of [Names] in it, or else in the
// nearest directory above that has one. Above dir a file counts only if nobody but
// this user, root and the owner of dir can have put it there: in /tmp/mine, another user's
// file in /tmp does not, nor does their link to a file of this user. The error is an
// [task.ErrNotFound] where there is none, and an [IgnoredError] too where one does not
// count. One that cannot be read, such as a link that leads nowhere, is found, and Load
// has the error.
func Find(dir string) (*Found, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, task.Errorf(task.ErrNotFound, "", "cannot find %s: %v", dir, err)
	}
	return newReader().findFile(dir)
}

func (r *reader) findFile(dir string) (*Found, error) {
	var above *reader
	var passed *IgnoredError
	for at := dir; ; at = filepath.Dir(at) {
		d := pin(at)
		defer d.close()
		for _, name := range Names() {
			f, why := r.read(d, name, above)
			switch err := f.text.err; {
			case why != "":
				passed = cmp.Or(passed, &IgnoredError{Path: f.Path, Why: why})
				continue
			case errors.Is(err, fs.ErrNotExist):
				continue
			case errors.Is(err, safeopen.ErrNotRegular):
				f.text.err = task.Errorf(task.ErrUsage, "", "%s is not a regular file: rename it, or name a file with -f", f.Path)
			case err != nil:
				f.text.err = task.Errorf(task.ErrUsage, "", "cannot read %s: %v: repair or remove it, or name a file with -f", f.Path, reason(err))
			}
			return f, nil
		}
		if above == nil {
			above = r.and(&d.stat)
		}
		if at == filepath.Dir(at) {
			none := task.Errorf(task.ErrNotFound, "", "no tasks.yaml and no Procfile in %s or above", dir)
			if passed == nil {
				return nil, none
			}
			passed.none = none
			return nil, passed
		}
	}
}

// An IgnoredError says that the only tasks file does not count.
type IgnoredError struct {
	Path, Why string // Why continues the path
	none      error
}

func (e *IgnoredError) Error() string {
	return fmt.Sprintf("%v: %s is ignored, since it %s: name it with -f to use it", e.none, e.Path, e.Why)
}

func (e *IgnoredError) Unwrap() error { return e.none }

// Open is the tasks file at path, which the user has named.
func Open(path string) (*Found, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, task.Errorf(task.ErrUsage, "", "cannot find %s: %v", path, err)
	}
	d := pin(filepath.Dir(abs))
	defer d.close()
	f, _ := newReader().read(d, filepath.Base(abs), nil)
	switch err := f.text.err; {
	case errors.Is(err, safeopen.ErrNotRegular):
		// Its path says whose tasks are whose, and its directory where they run.
		return nil, task.Errorf(task.ErrUsage, "", "%s is not a regular file: give the path of one", path)
	case err != nil:
		return nil, task.Errorf(task.ErrUsage, "", "cannot read %s: %v", path, reason(err))
	}
	f.shown = path
	return f, nil
}

// RealPath is Path without symlinks, as the tasks of the file remember it.
func (f *Found) RealPath() string { return resolved(f.Path) }

// read opens and reads the tasks file called name in d, and the .env beside it. Only one above
// the current directory need count, by what above says; why is the reason that it does not.
func (r *reader) read(d *directory, name string, above *reader) (f *Found, why string) {
	file, env := d.open(name), d.open(".env")
	defer file.close()
	defer env.close()
	f = &Found{Path: file.path, shown: file.path}
	switch {
	case errors.Is(file.err, fs.ErrNotExist):
	case above != nil:
		if why = cmp.Or(above.objection(file), above.objectionBeside(env)); why != "" {
			return f, why
		}
	case file.target != nil:
		if err := r.and(file.target).refusal(env); err != nil {
			env.err = err
		}
	}
	f.foreign = r.objection(file)
	f.text, f.dotenv = file.read(), env.read()
	return f, ""
}

// A directory is opened once: what is decided and read of its files is of this one, wherever
// its path leads by then.
type directory struct {
	path string
	file *os.File
	stat unix.Stat_t
	err  error // why it is not open
}

func pin(path string) *directory {
	d := &directory{path: path}
	if d.file, d.err = safeopen.Pin(path); d.err == nil {
		d.err = unix.Fstat(int(d.file.Fd()), &d.stat)
	}
	return d
}

func (d *directory) close() { d.file.Close() }

// An opened is a file, and what says who may have put it where it was found: the directory,
// its entry, and what was opened. Entry and target are nil where err says why.
type opened struct {
	path               string
	dir, entry, target *unix.Stat_t
	file               *os.File
	err                error
}

// open opens the file called name.
func (d *directory) open(name string) *opened {
	o := &opened{path: filepath.Join(d.path, name), dir: &d.stat, err: d.err}
	if o.err != nil {
		return o
	}
	var entry, target unix.Stat_t
	if entry, o.err = safeopen.LstatAt(d.file, name); o.err != nil {
		return o
	}
	o.entry = &entry
	if o.file, o.err = safeopen.OpenAt(d.file, name); o.err != nil {
		o.err = safeopen.Dangling(o.path, o.err)
		return o
	}
	if o.err = unix.Fstat(int(o.file.Fd()), &target); o.err != nil {
		return o
	}
	o.target = &target
	if entry.Mode&unix.S_IFMT != unix.S_IFLNK && (entry.Dev != target.Dev || entry.Ino != target.Ino) {
		o.err = errors.New("it was replaced as it was opened: try again")
	}
	return o
}

func (o *opened) close() { o.file.Close() }

func (o *opened) read() content {
	if o.err != nil {
		return content{err: o.err}
	}
	text, err := readAll(o.file)
	return content{text, err}
}

// read is the text of the file at path.
func read(open func(string) (*os.File, error), path string) (string, error) {
	f, err := open(path)
	if err != nil {
		return "", safeopen.Dangling(path, err)
	}
	defer f.Close()
	return readAll(f)
}

// readAll is the text of f, which may have MaxFile bytes.
func readAll(f *os.File) (string, error) {
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
