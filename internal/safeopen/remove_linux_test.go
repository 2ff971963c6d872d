package safeopen

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestRemoveDeep deletes, with few descriptors, what has more levels than that, side
// by side and with names that it would choose itself.
func TestRemoveDeep(t *testing.T) {
	const env = "SAFEOPEN_DIR"
	if dir := os.Getenv(env); dir != "" { // the process below
		check(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 48, Max: 48}))
		check(t, RemoveAll(dir, "web"))
		return
	}
	t.Parallel()
	dir := t.TempDir()
	check(t, os.MkdirAll(filepath.Join(dir, "web"), 0o700))
	for _, name := range []string{"a", "b", "moved-up-1", "moved-up-9"} {
		deepen(t, filepath.Join(dir, "web"), name, 2000)
	}
	check(t, os.WriteFile(filepath.Join(dir, "web", "moved-up-2"), nil, 0o600))
	cmd := exec.Command(os.Args[0], "-test.run=^TestRemoveDeep$")
	cmd.Env = append(os.Environ(), env+"="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	expectNone(t, filepath.Join(dir, "web"))
}

// deepen makes that many directories below dir, each in the one before, and files.
func deepen(t *testing.T, dir, name string, levels int) {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	check(t, err)
	for range levels {
		check(t, unix.Mkdirat(fd, name, 0o700))
		next, err := unix.Openat(fd, name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		check(t, err)
		unix.Close(fd)
		fd = next
		check(t, unix.Mknodat(fd, "file", unix.S_IFREG|0o600, 0))
	}
	unix.Close(fd)
}

// TestRemoveForbidden deletes what its owner has forbidden itself, and what links
// lead to stays.
func TestRemoveForbidden(t *testing.T) {
	t.Parallel()
	dir := nobodysDir(t)
	for _, mode := range []fs.FileMode{0o500, 0o300, 0o000} {
		for _, deep := range []string{"s", strings.Repeat("d/", levels+3) + "s"} {
			below := filepath.Join(dir, "web", deep, "below")
			check(t, os.MkdirAll(below, 0o700))
			check(t, os.WriteFile(filepath.Join(below, "file"), nil, 0o600))
			check(t, os.Symlink(dir, filepath.Join(below, "link")))
			check(t, os.Chmod(below, mode))
			check(t, os.Chmod(filepath.Dir(below), mode))
			giveToNobody(t, filepath.Join(dir, "web"))
			check(t, removeAsNobody(dir, "web"))
			expectNone(t, filepath.Join(dir, "web"))
		}
	}
}

// TestRemoveIsHindered deletes all but what is another user's, and names that.
func TestRemoveIsHindered(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("one user has no directory of another's")
	}
	dir := nobodysDir(t)
	for _, name := range []string{"ours", "theirs", "zours"} {
		check(t, os.MkdirAll(filepath.Join(dir, "web", name), 0o755))
		check(t, os.WriteFile(filepath.Join(dir, "web", name, "file"), nil, 0o600))
	}
	giveToNobody(t, filepath.Join(dir, "web"))
	check(t, os.Chown(filepath.Join(dir, "web", "theirs"), 0, 0))
	err := removeAsNobody(dir, "web")
	var path *fs.PathError
	if !errors.As(err, &path) || path.Path != filepath.Join(dir, "web", "theirs", "file") || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("error %v", err)
	}
	expectNone(t, filepath.Join(dir, "web", "ours"))
	expectNone(t, filepath.Join(dir, "web", "zours"))
	check(t, os.Chown(filepath.Join(dir, "web", "theirs"), nobody, nobody))
	check(t, removeAsNobody(dir, "web"))
	expectNone(t, filepath.Join(dir, "web"))
}

const nobody = 65534

// nobodysDir is a directory that a user without privileges may use.
func nobodysDir(t *testing.T) string {
	dir := t.TempDir()
	check(t, os.Chmod(filepath.Dir(dir), 0o711))
	giveToNobody(t, dir)
	return dir
}

// giveToNobody makes the tree that user's, where this one may.
func giveToNobody(t *testing.T, path string) {
	if os.Getuid() != 0 {
		return
	}
	check(t, filepath.WalkDir(path, func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, nobody, nobody))
	}))
}

// asNobody calls f as that user, or as this one if it has no privileges.
func asNobody(f func() error) error {
	done := make(chan error)
	go func() {
		if os.Getuid() != 0 {
			done <- f()
			return
		}
		runtime.LockOSThread() // for good: the thread ends with this
		if _, err := unix.SetfsuidRetUid(nobody); err != nil {
			done <- err
			return
		}
		done <- f()
	}()
	return <-done
}

func removeAsNobody(dir, name string) error {
	return asNobody(func() error { return RemoveAll(dir, name) })
}

func expectNone(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s: %v", path, err)
	}
}
