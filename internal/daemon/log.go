package daemon

import (
	"fmt"
	"io"
	"os"

	"tasks/internal/safeopen"
)

// maxLog is the size, in bytes, at which the supervisor's own log begins anew.
const maxLog = 1 << 20

// ownLog is the supervisor's own log: appended to, and once it is full, moved
// to path.1 by content, so that the file stays the one that the process has
// as its stderr, where a crash would be reported. slog calls Write under a lock.
type ownLog struct{ path string }

func (l *ownLog) Write(b []byte) (int, error) {
	f, err := openLog(l.path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > maxLog {
		if err := keepOld(f, l.path+".1"); err != nil {
			return 0, err
		}
	}
	return f.Write(b)
}

func keepOld(f *os.File, path string) error {
	old, err := safeopen.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer old.Close()
	if err := old.Chmod(0o600); err != nil {
		return err
	}
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
	f, err := safeopen.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot open the supervisor's log: %w", err)
	}
	if err := f.Chmod(0o600); err != nil {
		f.Close()
		return nil, fmt.Errorf("cannot open the supervisor's log: %w", err)
	}
	return f, nil
}
