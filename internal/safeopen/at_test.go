package safeopen

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A pinned directory is the one that was there, and its files are opened as by Open.
func TestOpenAt(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "dir")
	check(t, os.Mkdir(dir, 0o700))
	check(t, os.WriteFile(filepath.Join(dir, "file"), []byte("text"), 0o600))
	check(t, os.Symlink("file", filepath.Join(dir, "link")))
	check(t, syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600))
	check(t, os.Chmod(dir, 0o300)) // nobody lists it
	d, err := Pin(dir)
	check(t, err)
	defer d.Close()
	check(t, os.Rename(dir, dir+"-moved"))
	check(t, os.Mkdir(dir, 0o700))
	for _, name := range []string{"file", "link"} {
		f, err := OpenAt(d, name)
		check(t, err)
		b, err := io.ReadAll(f)
		f.Close()
		if err != nil || string(b) != "text" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	if st, err := LstatAt(d, "link"); err != nil || st.Mode&unix.S_IFMT != unix.S_IFLNK {
		t.Errorf("the link is %+v, %v", st, err)
	}
	if _, err := OpenAt(d, "fifo"); !errors.Is(err, ErrNotRegular) {
		t.Errorf("the FIFO: %v", err)
	}
	_, err = OpenAt(d, "none")
	if _, also := LstatAt(d, "none"); !errors.Is(err, fs.ErrNotExist) || !errors.Is(also, fs.ErrNotExist) {
		t.Errorf("none: %v, %v", err, also)
	}
	if _, err := Pin(filepath.Join(dir+"-moved", "file")); !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("a file: %v", err)
	}
	check(t, os.Chmod(dir+"-moved", 0o700))
}
