package logs

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// nextData is the first offset from offset on that is not in a hole; noData
// where there is none. It moves the position of f.
func nextData(f *os.File, offset int64) (int64, error) {
	data, err := f.Seek(offset, unix.SEEK_DATA)
	switch {
	case err == nil:
		return data, nil
	case errors.Is(err, unix.ENXIO):
		return noData, nil
	case errors.Is(err, unix.EINVAL):
		return offset, nil // a file system that has no holes
	default:
		return 0, err
	}
}
