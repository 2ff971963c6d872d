package safeopen

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A file of ours is ours to read and write whatever the umask, also one that a process
// with such a umask made and left without repairing its mode. Not parallel: the umask is
// the process's.
func TestOpenPrivate(t *testing.T) {
	dir := nobodysDir(t)
	defer syscall.Umask(syscall.Umask(0))
	for _, mask := range []int{0o777, 0o277, 0o477, 0} {
		syscall.Umask(mask)
		for what, flag := range map[string]int{"create": os.O_RDWR | os.O_CREATE, "exclusive": os.O_RDWR | os.O_CREATE | os.O_EXCL, "write": os.O_WRONLY | os.O_CREATE | os.O_APPEND} {
			path := filepath.Join(dir, what)
			open := func(flag int) {
				t.Helper()
				check(t, asNobody(func() error {
					f, err := OpenPrivate(path, flag)
					if err == nil {
						err = f.Close()
					}
					return err
				}))
				if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
					t.Errorf("%s with umask %o: %v, %v", what, mask, info.Mode(), err)
				}
			}
			open(flag)
			if flag&os.O_EXCL == 0 {
				for _, left := range []fs.FileMode{0, 0o400, 0o200, 0o644} {
					check(t, os.Chmod(path, left))
					open(flag)
				}
				check(t, os.Chmod(path, 0))
				open(os.O_RDONLY)
			}
			check(t, os.Remove(path))
		}
	}
}
