package logs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"tasks/internal/safeopen"
	"tasks/pkg/task"
)

// ahead is the file in a task's directory that becomes the log of its next run. No
// reader takes it for a log.
const ahead = "next"

func (d Dir) ahead(name string) string { return string(d) + "/" + name + "/" + ahead }

// Ahead makes what Create turns into the log of a run to come, so that one whose log
// cannot be made is known before another is ended for it.
func (d Dir) Ahead(name string, run int) error {
	err := task.CheckName(name)
	if err == nil {
		err = d.makeAhead(name)
	}
	if err != nil {
		return fmt.Errorf("cannot create the log of run %d: %w", run, err)
	}
	return nil
}

func (d Dir) makeAhead(name string) error {
	path := d.ahead(name)
	if err := safeopen.Unlink(path); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, safeopen.ErrLinked) { // of a run that did not come
		return err
	}
	f, err := d.open(name, path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := reserve(f, 0); err != nil {
		_ = os.Remove(path) // as it was
		return err
	}
	return nil
}

// Release deletes what Ahead has made for a task that has no logs, and will have none.
func (d Dir) Release(name string) {
	if task.CheckName(name) == nil {
		_ = safeopen.Unlink(d.ahead(name))
		_ = syscall.Rmdir(string(d) + "/" + name) // unless it has logs by now
	}
}

// open makes the file at path, in the directory of the task, and that where it is
// missing.
func (d Dir) open(name, path string) (*os.File, error) {
	const flags = os.O_WRONLY | os.O_CREATE | os.O_EXCL | os.O_APPEND // and O_CLOEXEC, as always
	f, err := safeopen.OpenPrivate(path, flags)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	// Not looked for before: but for a task's first run it is there.
	if err := makeDir(string(d) + "/" + name); err != nil {
		return nil, err
	}
	return safeopen.OpenPrivate(path, flags)
}

// takeAhead makes what was made ahead the log at path; nil where nothing was, where
// it is no longer as it was made, or where something is at path.
func (d Dir) takeAhead(name, path string) *os.File {
	made := d.ahead(name)
	if _, err := os.Lstat(made); err != nil { // of most runs
		return nil
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	f, err := safeopen.OpenFile(made, os.O_WRONLY|os.O_APPEND|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil
	}
	info, err := f.Stat()
	if err == nil {
		err = errors.New("it was written to, is open to others, or has other names")
		if st, ok := info.Sys().(*syscall.Stat_t); ok && info.Size() == 0 && info.Mode() == 0o600 && st.Nlink == 1 {
			err = os.Rename(made, path)
		}
	}
	var is fs.FileInfo
	if err == nil {
		is, err = os.Lstat(path)
	}
	if err != nil || !os.SameFile(info, is) {
		f.Close()
		return nil
	}
	return f
}
