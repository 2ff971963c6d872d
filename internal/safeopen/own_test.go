package safeopen

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// What is in the place of a file of the supervisor's own is neither followed nor waited for.
func TestOpenOwn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	precious, path := filepath.Join(dir, "precious"), filepath.Join(dir, "own")
	check(t, os.WriteFile(precious, []byte("precious"), 0o640))
	const flags = os.O_WRONLY | os.O_CREATE | os.O_APPEND
	for name, plant := range map[string]func() error{
		"nothing":       func() error { return nil },
		"link":          func() error { return os.Symlink(precious, path) },
		"dangling link": func() error { return os.Symlink(filepath.Join(dir, "none"), path) },
		"FIFO":          func() error { return syscall.Mkfifo(path, 0o600) },
	} {
		check(t, plant())
		for range 2 { // made, and there
			f, err := OpenOwn(path, flags)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			_, err = f.WriteString("x")
			check(t, errors.Join(err, f.Close()))
		}
		if b, err := os.ReadFile(path); err != nil || string(b) != "xx" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
		check(t, os.Remove(path))
	}
	if b, err := os.ReadFile(precious); err != nil || string(b) != "precious" {
		t.Errorf("what a link led to has %q, %v", b, err)
	}
	if info, err := os.Stat(precious); err != nil || info.Mode() != 0o640 {
		t.Errorf("%v, %v", info, err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	check(t, os.Mkdir(path, 0o700))
	if _, err := OpenOwn(path, flags); !errors.Is(err, ErrNotRegular) {
		t.Errorf("a directory: %v", err)
	}
}
