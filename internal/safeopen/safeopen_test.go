package safeopen

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestOpen opens everything that a path may lead to: none of the calls waits.
func TestOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	check(t, os.WriteFile(at("file"), []byte("text"), 0o600))
	check(t, syscall.Mkfifo(at("fifo"), 0o600))
	check(t, os.Mkdir(at("dir"), 0o700))
	l, err := net.Listen("unix", at("socket"))
	check(t, err)
	defer l.Close()
	for link, to := range map[string]string{"to-file": "file", "to-fifo": "fifo", "to-itself": "to-itself", "to-null": os.DevNull} {
		check(t, os.Symlink(to, at(link)))
	}
	for _, tt := range []struct {
		name string
		want error // nil: it opens
	}{
		{"file", nil}, {"to-file", nil},
		{"fifo", ErrNotRegular}, {"to-fifo", ErrNotRegular}, {"socket", ErrNotRegular}, {"to-null", ErrNotRegular}, {"dir", ErrNotRegular},
		{"to-itself", syscall.ELOOP}, {"none", fs.ErrNotExist}, {"file/below", syscall.ENOTDIR},
	} {
		for _, flag := range []int{os.O_RDONLY, os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_APPEND} {
			f, err := OpenFile(at(tt.name), flag, 0)
			var path *fs.PathError
			switch {
			case tt.want == nil && err != nil, tt.want != nil && !errors.Is(err, tt.want), err != nil && !errors.As(err, &path):
				// A directory that is opened to be read is refused for what it is.
				t.Errorf("open %s with %#x: %v, want %v", tt.name, flag, err, tt.want)
			case err == nil:
				f.Close()
			}
		}
	}
}

// TestFlags holds that a program that inherits the file sees it as any other.
func TestFlags(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	for _, flag := range []int{os.O_WRONLY | os.O_CREATE | os.O_EXCL | os.O_APPEND, os.O_WRONLY | os.O_APPEND, os.O_WRONLY | os.O_CREATE | os.O_APPEND} {
		f, err := OpenFile(path, flag, 0o600)
		check(t, err)
		got, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
		check(t, err)
		if got&unix.O_NONBLOCK != 0 || got&unix.O_APPEND == 0 {
			t.Errorf("flags %#x of a file that was opened with %#x", got, flag)
		}
		if _, err := f.WriteString("a"); err != nil {
			t.Error(err)
		}
		f.Close()
	}
	if _, err := OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); !errors.Is(err, fs.ErrExist) {
		t.Errorf("O_EXCL of a file that is there: %v", err)
	}
}

func TestDir(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	check(t, syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600))
	d, err := Dir(dir)
	check(t, err)
	defer d.Close()
	if names, err := d.Readdirnames(-1); err != nil || len(names) != 1 {
		t.Errorf("%q, %v", names, err)
	}
	if _, err := Dir(filepath.Join(dir, "fifo")); !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("a FIFO as a directory: %v", err)
	}
}

func TestRemoveAll(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	check(t, os.MkdirAll(filepath.Join(dir, "logs", "web", "deep"), 0o700))
	check(t, syscall.Mkfifo(filepath.Join(dir, "logs", "web", "fifo"), 0o600))
	check(t, syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600))
	check(t, os.Symlink("logs", filepath.Join(dir, "link")))
	for _, from := range []string{"link", "logs", "none"} {
		check(t, RemoveAll(filepath.Join(dir, from), "web"))
	}
	if _, err := os.Lstat(filepath.Join(dir, "logs", "web")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
	check(t, RemoveAll(dir, "link")) // and not what it leads to
	if _, err := os.Stat(filepath.Join(dir, "logs")); err != nil {
		t.Error(err)
	}
	if err := RemoveAll(filepath.Join(dir, "fifo"), "web"); !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("below a FIFO: %v", err)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
