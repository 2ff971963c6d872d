//go:build !linux

package safeopen

import "golang.org/x/sys/unix"

// allow gives the user all permissions of the directory at name below fd.
func allow(fd int, name string) error {
	return unix.Fchmodat(fd, name, 0o700, unix.AT_SYMLINK_NOFOLLOW)
}
