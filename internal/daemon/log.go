package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"tasks/internal/safeopen"
)

// maxLog is the size, in bytes, at which the supervisor's own log is started again.
const maxLog = 1 << 20

// ownLog is the supervisor's own log: appended to, and once it is full, moved
// to path.1 by content, so that the file stays the one that the process has
// as its stderr, where a crash would be reported. Lines that a full disk did not
// take are counted and reported by the next that it takes. slog calls Write
// under a lock.
type ownLog struct {
	path   string
	owned  func() error // whether path is this process's; nil: it is
	stderr *os.File     // what is written to where it is not; nil: nothing
	lost   int          // lines since the last that was written
	why    error        // of the last of them
	torn   bool         // the file ends with the beginning of a line
}

func (l *ownLog) Write(b []byte) (int, error) {
	line := b
	if l.lost > 0 {
		var note bytes.Buffer
		slog.New(slog.NewTextHandler(&note, nil)).Warn("lines are missing here", "lines", l.lost, "err", l.why)
		line = slices.Concat(note.Bytes(), b)
	}
	if l.torn {
		line = slices.Concat([]byte{'\n'}, line)
	}
	n, err := l.append(line)
	if err != nil {
		l.lost, l.why, l.torn = l.lost+1, err, l.torn && n == 0 || n > 0
		return 0, err
	}
	l.lost, l.torn = 0, false
	return len(b), nil
}

func (l *ownLog) append(b []byte) (int, error) {
	if l.owned != nil {
		if err := l.owned(); err != nil && l.stderr != nil {
			return l.stderr.Write(b) // the file that path once was
		} else if err != nil {
			return 0, err
		}
	}
	f, err := openLog(l.path)
	if l.stderr != nil && (errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)) {
		return l.stderr.Write(b) // the same file
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if l.stderr != nil && safeopen.InPlace(l.stderr, l.path, l.path) != nil { // it was removed, or moved away
		_ = unix.Dup2(int(f.Fd()), int(l.stderr.Fd())) // so that a crash is reported here
	}
	if info, err := f.Stat(); err == nil && info.Size() > maxLog {
		if err := keepOld(f, l.path+".1"); err != nil {
			return 0, err
		}
	}
	return f.Write(b)
}

// name is the path of the log, or "" where there is none.
func (l *ownLog) name() string {
	if l == nil {
		return ""
	}
	return l.path
}

func keepOld(f *os.File, path string) error {
	old, err := safeopen.OpenOwn(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	defer old.Close()
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if _, err := io.Copy(old, f); err != nil {
		return err
	}
	return f.Truncate(0)
}

// openLog opens the log for its owner alone, whatever the umask.
func openLog(path string) (*os.File, error) {
	f, err := safeopen.OpenOwn(path, os.O_RDWR|os.O_APPEND|os.O_CREATE)
	if errors.Is(err, safeopen.ErrNotRegular) {
		err = fmt.Errorf("%w: remove it", err)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot open the supervisor's log: %w", err)
	}
	return f, nil
}
