package logs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"tasks/internal/safeopen"

	"golang.org/x/sys/unix"
)

// notes tell of the first write to each file that is watched, by one inotify
// instance: a watch ends with that write and costs the next one nothing. Its
// methods but wait may be called from several goroutines, until it is closed.
type notes struct {
	file  *os.File // of inotify, or a pipe that nobody writes to
	other *os.File // that pipe's end
	fd    int
	err   error // why there is no inotify
}

func newNotes() *notes {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err == nil {
		return &notes{file: os.NewFile(uintptr(fd), "inotify"), fd: fd}
	}
	n := &notes{fd: -1, err: os.NewSyscallError("inotify_init1", err)}
	n.file, n.other, err = os.Pipe() // to sleep on
	if err != nil {
		n.err = errors.Join(n.err, err)
	}
	return n
}

func (n *notes) close() error {
	if n.other != nil {
		n.other.Close()
	}
	return n.file.Close()
}

// watch watches the file at path, and returns the number of the watch.
func (n *notes) watch(path string) (int32, error) {
	if n.err != nil {
		return 0, n.err
	}
	watch, err := unix.InotifyAddWatch(n.fd, path, unix.IN_MODIFY|unix.IN_ONESHOT|unix.IN_DONT_FOLLOW)
	if err != nil {
		return 0, os.NewSyscallError("inotify_add_watch", err)
	}
	return int32(watch), nil
}

func (n *notes) unwatch(watch int32) {
	_, _ = unix.InotifyRmWatch(n.fd, uint32(watch)) // it may just have ended
}

// wake has wait return at the given time; the zero time is never.
func (n *notes) wake(at time.Time) {
	if !at.IsZero() {
		// A deadline that is over would keep wait from reading.
		if soonest := time.Now().Add(500 * time.Microsecond); at.Before(soonest) {
			at = soonest
		}
	}
	_ = n.file.SetReadDeadline(at) // closed: wait returns anyway
}

// wait sleeps until there were writes, or until it is woken, and returns the
// watches that have ended; all tells that there are others. The error is that it
// was closed. buf should have some KiB.
func (n *notes) wait(buf []byte) (ended []int32, all bool, err error) {
	size, err := n.file.Read(buf)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	for b := buf[:size]; len(b) >= unix.SizeofInotifyEvent; {
		watch, mask := int32(binary.NativeEndian.Uint32(b)), binary.NativeEndian.Uint32(b[4:])
		all = all || mask&unix.IN_Q_OVERFLOW != 0
		ended = append(ended, watch)
		b = b[unix.SizeofInotifyEvent+int(binary.NativeEndian.Uint32(b[12:])):]
	}
	return ended, all, nil
}

func statLog(path string) (logInfo, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return logInfo{}, &fs.PathError{Op: "lstat", Path: path, Err: err}
	}
	return infoOf(&st), nil
}

func infoOf(st *unix.Stat_t) logInfo {
	return logInfo{
		size: st.Size, disk: st.Blocks * 512, block: max(int64(st.Blksize), page), last: time.Unix(st.Mtim.Unix()),
		id: fileID{uint64(st.Dev), st.Ino}, alone: st.Mode&unix.S_IFMT == unix.S_IFREG && st.Nlink == 1,
	}
}

// scarce is what must be free on a file system, in bytes, for a log to be given
// room without a trial: what it keeps for root, or for itself, differs.
const scarce = 1 << 20

// reserve gives the log, which has that size, room for its next block, on a file
// system that is all but full.
func reserve(f *os.File, size int64) error {
	var st unix.Statfs_t
	fd := int(f.Fd())
	if err := unix.Fstatfs(fd, &st); err != nil || st.Bavail >= scarce/uint64(max(st.Bsize, 1)) {
		return nil
	}
	err := unix.Fallocate(fd, unix.FALLOC_FL_KEEP_SIZE, size, 1)
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return fmt.Errorf("%w: %s", err, f.Name())
	}
	return nil // there are file systems that cannot tell
}

// punch frees what the file at path holds before end, which becomes a hole. The
// error is an errNoHoles where that cannot be, or an errOther if it is not that file.
func punch(path string, id fileID, end int64) error {
	f, err := safeopen.OpenFile(path, os.O_WRONLY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if idOf(f) != id {
		return errOther
	}
	return free(f, end)
}
