package safeopen

import (
	"errors"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestLease opens a file that another opener has a lease on: it does not wait, and the
// error says that there is a lease.
func TestLease(t *testing.T) {
	signal.Ignore(syscall.SIGIO) // asks for the lease
	defer signal.Reset(syscall.SIGIO)
	path := filepath.Join(t.TempDir(), "log")
	check(t, os.WriteFile(path, []byte("text"), 0o600))
	holder, err := os.OpenFile(path, os.O_WRONLY, 0)
	check(t, err)
	defer holder.Close()
	if _, err := unix.FcntlInt(holder.Fd(), unix.F_SETLEASE, unix.F_WRLCK); err != nil {
		t.Skip("no leases here: ", err)
	}
	_, err = Open(path)
	var at *fs.PathError
	if !errors.As(err, &at) || at.Path != path || !errors.Is(err, syscall.EAGAIN) || !strings.Contains(err.Error(), "another process holds a lease on it") {
		t.Errorf("open: %v", err)
	}
	_, err = unix.FcntlInt(holder.Fd(), unix.F_SETLEASE, unix.F_UNLCK)
	check(t, err)
	f, err := Open(path)
	check(t, err)
	f.Close()
}
