package logs

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"tasks/internal/safeopen"
)

// opened is a log that is open; it must be closed.
type opened struct {
	*os.File
	info logInfo
}

// openOf opens the log that the process has as its output; nil where it has none. It
// is the file with the given id; where that is not known, the one without a name that
// was removed at path.
func openOf(pid int, id fileID, path string) *opened {
	for fd := 1; fd <= 2; fd++ {
		link := fmt.Sprintf("/proc/%d/fd/%d", pid, fd)
		is := func(st *unix.Stat_t) bool {
			if id != (fileID{}) {
				return id == fileID{uint64(st.Dev), st.Ino}
			}
			was, err := os.Readlink(link)
			return err == nil && st.Nlink == 0 && was == path+" (deleted)"
		}
		var st unix.Stat_t
		if err := unix.Stat(link, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG || !is(&st) {
			continue // another is not opened
		}
		f, err := safeopen.OpenFile(link, os.O_WRONLY, 0)
		if err != nil {
			continue
		}
		var now unix.Stat_t
		if err := unix.Fstat(int(f.Fd()), &now); err == nil && now.Dev == st.Dev && now.Ino == st.Ino {
			return &opened{f, infoOf(&now)}
		}
		f.Close()
	}
	return nil
}

// free frees what the file holds before end, which becomes a hole. The error is an
// errNoHoles where that cannot be.
func free(f *os.File, end int64) error {
	for {
		err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, end)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOSYS):
			return errNoHoles
		default:
			return &os.PathError{Op: "fallocate", Path: f.Name(), Err: err}
		}
	}
}
