package logs

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

// What is made ahead becomes the log of the next run, and is no log before.
func TestAhead(t *testing.T) {
	t.Parallel()
	d := Dir(filepath.Join(t.TempDir(), "logs"))
	create(t, d, "web", 1)
	for range 2 { // the first was in vain
		if err := d.Ahead("web", 2); err != nil {
			t.Fatal(err)
		}
	}
	if runs, err := d.Runs("web"); !slices.Equal(runs, []int{1}) || err != nil {
		t.Errorf("runs %v, %v", runs, err)
	}
	made, err := os.Stat(d.ahead("web"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := d.Create("web", 2)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if info, err := os.Lstat(d.Path("web", 2)); err != nil || !os.SameFile(made, info) || info.Mode() != 0o600 {
		t.Errorf("the log: %v, %v", info, err)
	}
	if _, err := f.WriteString("a"); err != nil {
		t.Error(err)
	}
	if b, err := os.ReadFile(d.Path("web", 2)); string(b) != "a" {
		t.Errorf("it holds %q, %v", b, err)
	}
	if _, err := os.Lstat(d.ahead("web")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
}

// What was made for a task that does not start is deleted, and no log.
func TestRelease(t *testing.T) {
	t.Parallel()
	d := Dir(filepath.Join(t.TempDir(), "logs"))
	create(t, d, "web", 1)
	for _, name := range []string{"web", "new"} {
		if err := d.Ahead(name, 1); err != nil {
			t.Fatal(err)
		}
		d.Release(name)
	}
	d.Release("none")
	if left, err := filepath.Glob(string(d) + "/*/*"); err != nil || !slices.Equal(left, []string{d.Path("web", 1)}) {
		t.Errorf("%v, %v", left, err)
	}
	if _, err := os.Lstat(filepath.Join(string(d), "new")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its directory: %v", err)
	}
}

// What a task has made of it is not taken for a log.
func TestAheadIsTampered(t *testing.T) {
	t.Parallel()
	for name, tamper := range map[string]func(d Dir, path string) error{
		"written": func(_ Dir, path string) error { return os.WriteFile(path, []byte("x"), 0o600) },
		"opened":  func(_ Dir, path string) error { return os.Chmod(path, 0o644) },
		"linked":  func(_ Dir, path string) error { return os.Link(path, path+".too") },
		"a link": func(d Dir, path string) error {
			return errors.Join(os.Remove(path), os.Symlink(d.Path("web", 1), path))
		},
		"a FIFO":      func(_ Dir, path string) error { return errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o600)) },
		"stale after": func(d Dir, _ string) error { return os.WriteFile(d.Path("web", 2), []byte("x"), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := Dir(t.TempDir())
			create(t, d, "web", 1)
			if err := errors.Join(d.Ahead("web", 2), tamper(d, d.ahead("web"))); err != nil {
				t.Fatal(err)
			}
			f, err := d.Create("web", 2)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			info, err := f.Stat()
			is, lerr := os.Lstat(d.Path("web", 2))
			if err != nil || lerr != nil || info.Size() != 0 || info.Mode() != 0o600 || info.Sys().(*syscall.Stat_t).Nlink != 1 || !os.SameFile(info, is) {
				t.Errorf("the log: %+v, %v, %v", info, err, lerr)
			}
		})
	}
}

// A log that could not be made is known before it is needed.
func TestNoneAhead(t *testing.T) {
	t.Parallel()
	for name, hinder := range map[string]func(dir string) error{
		"a file":          func(dir string) error { return os.WriteFile(dir, nil, 0o600) },
		"a dangling link": func(dir string) error { return os.Symlink("nowhere", dir) },
	} {
		d := Dir(t.TempDir())
		create(t, d, "web", 1)
		dir := filepath.Dir(d.Path("web", 1))
		if err := errors.Join(os.Rename(dir, dir+".x"), hinder(dir)); err != nil {
			t.Fatal(err)
		}
		if err := d.Ahead("web", 2); err == nil {
			t.Errorf("%s: it is made", name)
		}
	}
}
