//go:build !linux

package logs

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// notes can only sleep: this system tells of no writes.
type notes struct{ file, other *os.File }

func newNotes() *notes {
	n := new(notes)
	n.file, n.other, _ = os.Pipe()
	return n
}

func (n *notes) close() error {
	n.other.Close()
	return n.file.Close()
}

func (n *notes) watch(string) (int32, error) { return 0, errors.ErrUnsupported }
func (n *notes) unwatch(int32)               {}
func (n *notes) wake(at time.Time)           { _ = n.file.SetReadDeadline(at) }

func (n *notes) wait(buf []byte) (ended []int32, all bool, err error) {
	if _, err := n.file.Read(buf); !errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, false, err
	}
	return nil, false, nil
}

func statLog(path string) (logInfo, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return logInfo{}, err
	}
	l := logInfo{size: info.Size(), disk: info.Size(), block: page, last: info.ModTime()}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		l.disk, l.id, l.alone = st.Blocks*512, fileID{uint64(st.Dev), uint64(st.Ino)}, info.Mode().IsRegular() && st.Nlink == 1
	}
	return l, nil
}

// punch frees nothing: logs get holes on Linux alone.
func reserve(*os.File, int64) error { return nil }

func punch(string, fileID, int64) error { return errNoHoles }
