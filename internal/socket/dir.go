package socket

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"tasks/pkg/task"
)

// MakeDir makes the directory path, and its parents where they are missing,
// for this user alone (0700 whatever the umask), or checks the one that is
// there. One that is a symbolic link, belongs to another user (root included)
// or lets others in is refused, and so is one below a directory in which others
// can rename, before anything is made; the error says what to do about it.
func MakeDir(path string) error {
	if err := newTruster().check(filepath.Dir(path), path); err != nil {
		return err
	}
	if err := makeAll(path); err != nil {
		return fmt.Errorf("cannot make directory %s: %w", path, err)
	}
	return checkOwn(path, os.Geteuid())
}

// CheckDir is MakeDir that makes nothing: a missing directory is fine.
func CheckDir(path string) error {
	if err := newTruster().check(filepath.Dir(path), path); err != nil {
		return err
	}
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return checkOwn(path, os.Geteuid())
}

// CheckNamedDir checks the directory of a socket that the user named: it and all
// that are above it must belong to this user or root, and only they may rename
// there. A missing one is made, 0700; its parents are not, since a missing
// parent is a typo more often than intended.
func CheckNamedDir(path string) error {
	if err := newTruster().check(path, path); err != nil {
		return err
	}
	switch err := makeOne(path); {
	case errors.Is(err, fs.ErrNotExist):
		return refused(path, "%s is missing: mkdir -p %s", filepath.Dir(path), filepath.Dir(path))
	case err != nil:
		return fmt.Errorf("cannot make directory %s: %w", path, err)
	}
	if _, err := os.Stat(path); err != nil { // a link that leads nowhere
		return fmt.Errorf("cannot check directory %s: %w", path, cause(err))
	}
	return nil
}

// checkOwn refuses a directory that is not uid's alone.
func checkOwn(path string, uid int) error {
	fi, err := os.Lstat(path)
	if err != nil {
		return fmt.Errorf("cannot check directory %s: %w", path, cause(err))
	}
	switch mode := fi.Mode(); {
	case mode&fs.ModeSymlink != 0:
		return refused(path, "it is a symbolic link: remove it, or name the directory it leads to")
	case !mode.IsDir():
		return refused(path, "it is not a directory: move it away, or name another")
	case owner(fi) != uid:
		return refused(path, "it belongs to uid %d: remove it, or name another with --socket or --state-dir", owner(fi))
	case mode.Perm()&0o077 != 0:
		return refused(path, "it is open to others (mode %04o): chmod 700 %s", mode.Perm(), path)
	}
	return nil
}

// CheckOwner refuses to read in a state directory of another user, who could
// have links there lead to files of this one. A missing directory is fine.
func CheckOwner(path string) error {
	fi, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("cannot check directory %s: %w", path, cause(err))
	case owner(fi) == os.Geteuid():
		return nil
	}
	remedy := "name another with TASKS_STATE_DIR or --socket"
	if os.Geteuid() == 0 {
		remedy = "use --allow-foreign to read it"
	}
	return task.Errorf(task.ErrUnavailable, "", "the state directory %s belongs to uid %d, and this is uid %d: %s", path, owner(fi), os.Geteuid(), remedy)
}

func refused(path, format string, args ...any) error {
	return fmt.Errorf("cannot use directory %s: "+format, append([]any{path}, args...)...)
}

func makeAll(path string) error {
	err := makeOne(path)
	if parent := filepath.Dir(path); errors.Is(err, fs.ErrNotExist) && parent != path {
		if err := makeAll(parent); err != nil {
			return err
		}
		err = makeOne(path)
	}
	return err
}

// makeOne makes path unless something is there.
func makeOne(path string) error {
	switch err := os.Mkdir(path, 0o700); {
	case err == nil:
		return os.Chmod(path, 0o700) // the umask may have taken more than it should
	case errors.Is(err, fs.ErrExist):
		return nil
	default:
		return cause(err)
	}
}

func owner(fi fs.FileInfo) int { return int(fi.Sys().(*syscall.Stat_t).Uid) }

func group(fi fs.FileInfo) int { return int(fi.Sys().(*syscall.Stat_t).Gid) }

// cause is what the system said, without the call and the path around it.
func cause(err error) error {
	if errno := syscall.Errno(0); errors.As(err, &errno) {
		return errno
	}
	return err
}
