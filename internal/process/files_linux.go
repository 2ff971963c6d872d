package process

import (
	"errors"
	"slices"

	"golang.org/x/sys/unix"
)

// gone reports whether the error is that a process, or what the kernel shows of it
// or of a cgroup, is gone.
func gone(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) || errors.Is(err, unix.ENODEV)
}

// denied reports whether the error is that a process is not for this program to see.
// It never will be: to try again is of no use.
func denied(err error) bool { return errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) }

func unlessGone(err error) error {
	if gone(err) {
		return nil
	}
	return err
}

// failure is err, unless that says that a process is gone or not for this program
// to see: that is an answer.
func failure(err error) error {
	if gone(err) || denied(err) {
		return nil
	}
	return err
}

// readFirst is what one read gives of a file: all of it, if the kernel generates it
// for each read and buf is large enough.
func readFirst(path string, buf []byte) ([]byte, error) {
	fd, err := openBriefly(path, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer spare.close(fd)
	n, err := read(fd, path, buf)
	return buf[:n], err
}

// readAll is all that is in a file.
func readAll(path string) ([]byte, error) {
	fd, err := openBriefly(path, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer spare.close(fd)
	b := make([]byte, 0, 4<<10)
	for {
		b = slices.Grow(b, 1<<10)
		n, err := read(fd, path, b[len(b):cap(b)])
		b = b[:len(b)+n]
		if n == 0 || err != nil {
			return b, err
		}
	}
}

// readNames is the names in a directory.
func readNames(path string) ([]string, error) {
	fd, err := openBriefly(path, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	defer spare.close(fd)
	var names []string
	buf := make([]byte, 8<<10)
	for {
		n, err := getdents(fd, path, buf)
		if n <= 0 || err != nil {
			return names, err
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
	}
}

// writeFile writes to a file that is there.
func writeFile(path, text string) error {
	fd, err := openBriefly(path, unix.O_WRONLY)
	if err != nil {
		return err
	}
	defer spare.close(fd)
	return write(fd, path, text)
}
