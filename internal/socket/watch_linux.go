package socket

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Watch calls gone, in a goroutine of its own, whenever the socket's file is no longer
// there: it was removed or renamed, or its directory was, or what has covered it has gone.
// Other files there do not wake this program: the removal is a change of the socket's own
// link count (IN_ATTRIB, inotify(7)). Close stop to end it.
func (l *Listener) Watch(gone func()) (stop io.Closer, err error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("cannot watch the socket: inotify_init1: %w", err)
	}
	f := os.NewFile(uintptr(fd), "inotify")
	add := func(path string, mask uint32) error {
		if _, err := unix.InotifyAddWatch(fd, path, mask|unix.IN_MASK_ADD); err != nil && err != unix.ENOENT {
			return fmt.Errorf("cannot watch the socket: inotify_add_watch %s: %w", path, err)
		}
		return nil
	}
	const itself = unix.IN_DELETE_SELF | unix.IN_MOVE_SELF
	dir := filepath.Dir(l.path)
	if err := errors.Join(add(l.path, itself|unix.IN_ATTRIB|unix.IN_DONT_FOLLOW), add(dir, itself)); err != nil {
		f.Close()
		return nil, err
	}
	go func() {
		for events := make([]byte, 4096); ; {
			if l.Lost() { // at first: before it was watched
				add(dir, unix.IN_DELETE|unix.IN_MOVED_FROM) // of what may have covered it
				if _, err := os.Lstat(l.path); errors.Is(err, fs.ErrNotExist) {
					gone()
				}
			}
			if _, err := f.Read(events); err != nil {
				return // closed
			}
		}
	}()
	return f, nil
}
