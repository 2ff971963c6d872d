// Package safeopen opens files in directories that a task can change, such as
// its log. A task may have put a FIFO there, whose open(2) waits for the other
// end, or a terminal or another device: none of them may hold up or confuse the
// program that opens the path. What is not a regular file is refused at once.
package safeopen

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// ErrNotRegular says that a path leads to a FIFO, a device, a socket or a
// directory where a regular file should be.
var ErrNotRegular = errors.New("it is not a regular file")

// errLeased is the EAGAIN of a file that another process has a lease on: that is asked
// to give it back, and open(2) would wait for it.
type errLeased struct{}

func (errLeased) Error() string {
	return "another process holds a lease on it, see LEASE in /proc/locks: try again once that has ended"
}

func (errLeased) Unwrap() error { return syscall.EAGAIN }

// Open opens the regular file at path to read it.
func Open(path string) (*os.File, error) { return OpenFile(path, os.O_RDONLY, 0) }

// OpenFile is [os.OpenFile] for regular files. It never waits for another
// process, and never makes a terminal the controlling one. The error is an
// [*fs.PathError]; for what is not a regular file, one with [ErrNotRegular].
func OpenFile(path string, flag int, perm fs.FileMode) (*os.File, error) {
	if flag&os.O_EXCL != 0 && flag&os.O_CREATE != 0 { // made by this very call
		return os.OpenFile(path, flag, perm)
	}
	f, err := os.OpenFile(path, flag|syscall.O_NONBLOCK|syscall.O_NOCTTY, perm)
	return regular(path, f, err)
}

// regular is what an open(2) of path gave that did not wait: f if it is a regular file, from
// now on without O_NONBLOCK.
func regular(path string, f *os.File, err error) (*os.File, error) {
	if errors.Is(err, syscall.ENXIO) || errors.Is(err, syscall.EISDIR) { // a FIFO without a reader, a socket; a directory
		return nil, &fs.PathError{Op: "open", Path: path, Err: ErrNotRegular}
	}
	if errors.Is(err, syscall.EAGAIN) {
		return nil, &fs.PathError{Op: "open", Path: path, Err: errLeased{}}
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: ErrNotRegular}
	}
	if err == nil {
		// It has no effect on a regular file, but a program that inherits the
		// file might ask.
		err = os.NewSyscallError("fcntl", syscall.SetNonblock(int(f.Fd()), false))
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// OpenPrivate is OpenFile of a file of this program's own, which may have to be made: it
// is for its owner alone, and for that to read and write, whatever the umask takes away,
// or took away from a process that died as it made the file.
func OpenPrivate(path string, flag int) (*os.File, error) {
	f, err := OpenFile(path, flag, 0o600)
	if errors.Is(err, fs.ErrPermission) && RestoreMode(path) == nil {
		f, err = OpenFile(path, flag, 0o600)
	}
	if err != nil || flag&os.O_CREATE == 0 {
		return f, err
	}
	info, err := f.Stat()
	if err == nil && info.Mode() != 0o600 {
		err = f.Chmod(0o600)
	}
	if err != nil {
		f.Close()
		if flag&os.O_EXCL != 0 {
			os.Remove(path)
		}
		return nil, err
	}
	return f, nil
}

// OpenOwn is OpenPrivate of a file that the supervisor alone writes: a link, a FIFO or the
// like in its place is removed, and a new file made. A directory is left.
func OpenOwn(path string, flag int) (*os.File, error) {
	f, err := OpenPrivate(path, flag|syscall.O_NOFOLLOW)
	if !errors.Is(err, syscall.ELOOP) && !errors.Is(err, ErrNotRegular) {
		return f, err
	}
	if info, statErr := os.Lstat(path); statErr != nil || info.Mode().IsRegular() || info.IsDir() || os.Remove(path) != nil {
		return nil, err
	}
	return OpenPrivate(path, flag|syscall.O_NOFOLLOW)
}

// RestoreMode lets the owner of the regular file at path, and nobody else, read and
// write it.
func RestoreMode(path string) error {
	info, err := os.Lstat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "chmod", Path: path, Err: ErrNotRegular}
	}
	if err != nil {
		return err
	}
	return os.Chmod(path, 0o600)
}

// Dangling is err, of path, but of a link that leads nowhere no [fs.ErrNotExist]:
// something is there, whose target may be on a file system that is not mounted.
func Dangling(path string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	to, linkErr := os.Readlink(path)
	if linkErr != nil {
		return err
	}
	return &fs.PathError{Op: "open", Path: path, Err: fmt.Errorf("it is a link to %s, which is not there", to)}
}

// Dir opens the directory at path to list it. Anything else there is an ENOTDIR,
// at once.
func Dir(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_DIRECTORY, 0)
}

// InPlace reports that path no longer leads to the open file f of a supervisor,
// and what to do about it; what is the name of that for people.
func InPlace(f *os.File, path, what string) error {
	var opened, there unix.Stat_t // of os.FileInfo many would be made: each change asks a few times
	if err := ignoringEINTR(func() error { return unix.Fstat(int(f.Fd()), &opened) }); err != nil {
		return &fs.PathError{Op: "fstat", Path: path, Err: err}
	}
	became := ""
	switch err := ignoringEINTR(func() error { return unix.Stat(path, &there) }); {
	case err == unix.ENOENT, err == unix.ENOTDIR:
		became = "removed"
	case err != nil:
		return &fs.PathError{Op: "stat", Path: path, Err: err}
	case opened.Dev == there.Dev && opened.Ino == there.Ino:
		return nil
	default:
		became = "replaced"
	}
	return fmt.Errorf("%s was %s while the supervisor uses it: put it back, or have it written again by 'tasks serve --replace'", what, became)
}

func ignoringEINTR(call func() error) (err error) {
	for {
		if err = call(); err != unix.EINTR {
			return err
		}
	}
}
