package logs

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// nextData is the first offset from offset on that is not in a hole; size where
// none is. It moves the position of f.
func nextData(f *os.File, offset, size int64) (int64, error) {
	data, err := f.Seek(offset, unix.SEEK_DATA)
	switch {
	case err == nil:
		return min(data, size), nil
	case errors.Is(err, unix.ENXIO):
		return size, nil
	case errors.Is(err, unix.EINVAL):
		return offset, nil // a file system that has no holes
	default:
		return 0, err
	}
}
