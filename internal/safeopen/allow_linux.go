package safeopen

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// search is the flag that opens a directory whose names nobody may list.
const search = unix.O_PATH

// allow gives the user all permissions of the directory at name below fd. Not
// every kernel can change those of what is no link.
func allow(fd int, name string) error {
	dir, err := unix.Openat(fd, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	return unix.Chmod("/proc/self/fd/"+strconv.Itoa(dir), 0o700)
}
