// Package logs keeps what runs write: one file per run, which the run itself
// appends to, so that nothing stands between a task and its disk and a dead
// supervisor takes no output with it. Readers open the files directly.
//
// A file may be trimmed: its oldest output discarded to save space. It is a hole then and
// reads as zeros; readers pass over it, to the first whole line after it.
package logs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"tasks/internal/room"
	"tasks/internal/safeopen"
	"tasks/pkg/task"
)

const suffix = ".log"

// A Dir is the directory of all logs: in it a directory for each task, named
// like the task, and in that a file for each run, such as web/12.log. Its
// methods may be called from several goroutines and processes.
//
// A name that is not a task's, by [task.CheckName], is an error to every
// method, so that none leads out of the Dir.
type Dir string

// Path is where the log of the run is; "" for a name that is not a task's and
// for a run below 1.
func (d Dir) Path(name string, run int) string {
	if task.CheckName(name) != nil || run < 1 {
		return ""
	}
	return d.path(name, run)
}

func (d Dir) path(name string, run int) string {
	return string(d) + "/" + name + "/" + strconv.Itoa(run) + suffix
}

// Create makes the log of a run to append to, for its owner alone whatever the
// umask is, and the directories that are missing. Logs of that run and of later
// ones are those of a task that was removed or forgotten, or of a run that was
// never recorded: they are deleted, and who still writes to one writes on alone.
// What Ahead has made becomes the log. Where there is no room for anything to be written, or
// the Dir cannot be written for now, the error is a [room.OutOfResources].
func (d Dir) Create(name string, run int) (*os.File, error) {
	f, err := d.create(name, run)
	if err != nil {
		return nil, fmt.Errorf("cannot create the log of run %d: %w", run, room.In(string(d), err))
	}
	return f, nil
}

func (d Dir) create(name string, run int) (*os.File, error) {
	if err := task.CheckName(name); err != nil {
		return nil, err
	}
	if run < 1 {
		return nil, errors.New("runs are numbered from 1")
	}
	path := d.path(name, run)
	f, err := d.takeAhead(name, path), error(nil)
	if f == nil {
		f, err = d.open(name, path)
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		if err := d.deleteFrom(name, run); err != nil {
			return nil, err
		}
		f, err = d.open(name, path)
	case err == nil && run == 1: // in a directory that was there before
		err = d.deleteFrom(name, 2)
	}
	if err == nil {
		err = reserve(f, 0)
	}
	if err != nil {
		f.Close() // of none it is an error, and nothing else
		return nil, err
	}
	return f, nil
}

// deleteFrom deletes the logs of a task from the given run on; where its directory is a
// link, none.
func (d Dir) deleteFrom(name string, run int) error {
	runs, err := d.Runs(name)
	for _, r := range runs {
		if r < run {
			continue
		}
		if e := safeopen.Unlink(d.path(name, r)); e != nil && !errors.Is(e, fs.ErrNotExist) && !errors.Is(e, safeopen.ErrLinked) && err == nil {
			err = e
		}
	}
	return err
}

// makeDir makes the directory at path and those above it that are missing.
func makeDir(path string) error {
	err := os.Mkdir(path, 0o700)
	if errors.Is(err, fs.ErrNotExist) && path != filepath.Dir(path) {
		if err := makeDir(filepath.Dir(path)); err != nil {
			return err
		}
		err = os.Mkdir(path, 0o700)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	// The umask may have taken bits away, also from whoever just made it.
	return os.Chmod(path, 0o700)
}

// Prune deletes the logs of all but the newest keep runs of a task, newest
// being the number of the last one. A keep below 1 keeps all. It costs one
// failed unlink where there is nothing to delete. Logs that a process still writes to stay.
func (d Dir) Prune(name string, newest, keep int) error {
	return d.prune(name, newest, keep, d.Written)
}

// Written reports whether a process, left behind by the run, may still write to its log.
func (d Dir) Written(name string, run int) bool {
	path := d.Path(name, run)
	return path != "" && written(path)
}

// prune is Prune but for the logs that stay.
func (d Dir) prune(name string, newest, keep int, stays func(name string, run int) bool) error {
	if err := task.CheckName(name); err != nil {
		return fmt.Errorf("cannot delete old logs: %w", err)
	}
	last := newest - keep // and all before it
	if keep < 1 || last < 1 {
		return nil
	}
	// That one stands for all before it: where it is gone, nothing is listed.
	if !stays(name, last) {
		err := safeopen.Unlink(d.path(name, last))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("cannot delete old logs: %w", err)
		}
	}
	runs, err := d.Runs(name)
	for _, run := range runs {
		if run >= last {
			break
		}
		if stays(name, run) {
			continue
		}
		if e := safeopen.Unlink(d.path(name, run)); e != nil && !errors.Is(e, fs.ErrNotExist) && err == nil {
			err = fmt.Errorf("cannot delete old logs: %w", e)
		}
	}
	return err
}

// Runs lists the runs of a task whose logs are kept, in ascending order; none
// for a task that has no logs.
func (d Dir) Runs(name string) ([]int, error) {
	if err := task.CheckName(name); err != nil {
		return nil, fmt.Errorf("cannot list logs: %w", err)
	}
	files, err := list(filepath.Join(string(d), name))
	if err != nil {
		return nil, err
	}
	var runs []int
	for _, file := range files {
		number, ok := strings.CutSuffix(file, suffix)
		run, err := strconv.Atoi(number)
		if ok && err == nil && run >= 1 && strconv.Itoa(run) == number {
			runs = append(runs, run)
		}
	}
	slices.Sort(runs)
	return runs, nil
}

// Names lists the tasks that have logs, sorted.
func (d Dir) Names() ([]string, error) {
	names, err := list(string(d))
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return task.CheckName(name) != nil })
	slices.SortFunc(names, task.CompareNames)
	return names, nil
}

// list is what the directory at path holds, in any order; nothing where it is
// missing.
func list(path string) ([]string, error) {
	dir, err := safeopen.Dir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot list logs: %w", err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("cannot list logs: %w", err)
	}
	return names, nil
}

// Remove deletes all logs of a task. It succeeds if there are none.
func (d Dir) Remove(name string) error {
	err := task.CheckName(name)
	if err == nil {
		err = safeopen.RemoveAll(string(d), name)
	}
	if err != nil {
		return fmt.Errorf("cannot delete logs: %w", err)
	}
	return nil
}
