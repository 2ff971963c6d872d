package safeopen

import (
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Pin opens the directory at path, which need not be readable, for [LstatAt] and [OpenAt]:
// they go to this directory, wherever the path leads by then.
func Pin(path string) (*os.File, error) {
	return os.OpenFile(path, search|unix.O_DIRECTORY, 0)
}

// LstatAt is the status of the entry called name in a pinned directory, which may be a link.
func LstatAt(dir *os.File, name string) (st unix.Stat_t, err error) {
	err = unix.EINTR
	for err == unix.EINTR {
		err = unix.Fstatat(int(dir.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW)
	}
	if err != nil {
		err = &fs.PathError{Op: "lstat", Path: filepath.Join(dir.Name(), name), Err: err}
	}
	return st, err
}

// OpenAt is [Open] of the file called name in a pinned directory.
func OpenAt(dir *os.File, name string) (*os.File, error) {
	path, fd, err := filepath.Join(dir.Name(), name), -1, error(unix.EINTR)
	for err == unix.EINTR {
		fd, err = unix.Openat(int(dir.Fd()), name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		return regular(path, nil, &fs.PathError{Op: "open", Path: path, Err: err})
	}
	return regular(path, os.NewFile(uintptr(fd), path), nil)
}
