package logs

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// emptiedMark is the extended attribute, xattr(7), of a log that was emptied
// while its run wrote to it: when that was noticed. It stays with the file.
const emptiedMark = "user.tasks.emptied"

// markEmptied does nothing on a file system without such attributes.
func markEmptied(path string, at time.Time) {
	_ = unix.Lsetxattr(path, emptiedMark, []byte(at.UTC().Format(time.RFC3339)), 0)
}

// Emptied tells when a Keeper noticed that the log was emptied or replaced while
// its run wrote to it, as by a task's own "> /dev/stderr".
func Emptied(f *os.File) (at time.Time, ok bool) {
	b := make([]byte, 64)
	n, err := unix.Fgetxattr(int(f.Fd()), emptiedMark, b)
	if err != nil {
		return time.Time{}, false
	}
	at, err = time.Parse(time.RFC3339, string(b[:n]))
	return at, err == nil
}
