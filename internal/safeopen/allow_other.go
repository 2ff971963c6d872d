//go:build !linux

package safeopen

import "golang.org/x/sys/unix"

// search is the flag that opens a directory whose names nobody may list.
const search = unix.O_SEARCH

// allow gives the user all permissions of the directory at name below fd.
func allow(fd int, name string) error {
	return unix.Fchmodat(fd, name, 0o700, unix.AT_SYMLINK_NOFOLLOW)
}
