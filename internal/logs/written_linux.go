package logs

import (
	"errors"

	"golang.org/x/sys/unix"

	"tasks/internal/safeopen"
)

// written reports whether a process has the log open to write to it: the kernel refuses a
// read lease, fcntl(2), then. On file systems without leases nobody does.
func written(path string) bool {
	f, err := safeopen.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	_, err = unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_RDLCK)
	if err == nil {
		_, _ = unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_UNLCK) // before another opens it
	}
	return errors.Is(err, unix.EAGAIN)
}
