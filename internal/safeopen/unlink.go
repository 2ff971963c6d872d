package safeopen

import (
	"errors"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// ErrLinked says that the directory of a path is a link, or no directory.
var ErrLinked = errors.New("its directory is a link, or none: what is there is left as it is")

// Unlink deletes the file at path, unless its directory is a link: what is there may be
// anybody's. The error is an [*fs.PathError] then, with [ErrLinked].
func Unlink(path string) error {
	dir, err := unix.Open(filepath.Dir(path), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err == unix.ENOTDIR || err == unix.ELOOP {
		return &fs.PathError{Op: "unlink", Path: path, Err: ErrLinked}
	}
	if err == nil {
		err = unix.Unlinkat(dir, filepath.Base(path), 0)
		unix.Close(dir)
	}
	if err != nil {
		return &fs.PathError{Op: "unlink", Path: path, Err: err}
	}
	return nil
}
