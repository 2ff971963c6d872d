package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.etcd.io/bbolt"

	"tasks/pkg/task"
)

// disk is an empty file system of 256 KiB.
func disk(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("cannot mount a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil { // a child on its way to its exec may have a file of it open
			t.Error(err)
		}
	})
	return dir
}

func TestDiskFull(t *testing.T) {
	t.Parallel()
	dir := disk(t)
	s := mustOpen(t, filepath.Join(dir, "db"))
	var saved []task.Record
	for i := 0; ; i++ {
		r := small(fmt.Sprintf("t%04d", i))
		r.Spec.Command = []string{strings.Repeat("x", 5000)}
		if err := s.Save(r); err != nil {
			if !errors.Is(err, syscall.ENOSPC) || strings.Contains(err.Error(), next("db")) {
				t.Errorf("got %v", err)
			}
			break
		}
		saved = append(saved, r)
	}
	want(t, s, saved...)
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=4m"); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(saved[0].Spec.Name, task.Removed{}); err != nil {
		t.Error(err)
	}
	save(t, s, small("a"))
	saved[0] = small("a")
	want(t, s, saved...)
	want(t, reopen(t, s), saved...)
}

// bbolt has only text for the error of a file that may not grow. An upgrade that
// words it in another way fails here.
func TestFileTooLarge(t *testing.T) {
	t.Parallel()
	const child = "STORE_TEST_TOO_LARGE"
	if path := os.Getenv(child); path != "" {
		signal.Ignore(syscall.SIGXFSZ)
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 64 << 10, Max: 64 << 10}); err != nil {
			t.Fatal(err)
		}
		s := mustOpen(t, path)
		r := small("a")
		r.Spec.Command = []string{strings.Repeat("x", 200_000)}
		if err := s.Save(r); !errors.Is(err, syscall.EFBIG) || !strings.Contains(err.Error(), "file resize error: ") {
			t.Errorf("got %v", err)
		}
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestFileTooLarge$")
	cmd.Env = append(os.Environ(), child+"="+filepath.Join(t.TempDir(), "db"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// A file of an earlier format that cannot be migrated because the disk is full is used
// as it is, and is migrated with the first change that there is space for.
func TestDiskFullAtMigration(t *testing.T) {
	t.Parallel()
	dir := disk(t)
	path := filepath.Join(dir, "db")
	copyFile(t, filepath.Join("testdata", "format1.db"), path)
	punch(t, path)
	before := readAll(t, path)
	junk := filepath.Join(dir, "junk")
	if err := os.WriteFile(junk, make([]byte, 1<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	for range 2 {
		s := mustOpen(t, path)
		want(t, s, golden1(t)...)
		wantGroups(t, s)
		if err := s.SaveGroup(fullGroup("g")); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("SaveGroup: %v", err)
		}
		if err := s.Save(small("z")); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("Save: %v", err)
		}
		want(t, s, golden1(t)...)
		s.Close()
		if !bytes.HasPrefix(readAll(t, path), before) { // it may have grown, by a hole
			t.Error("the file was touched")
		}
		if files, _ := os.ReadDir(dir); len(files) != 2 {
			t.Errorf("files: %v", files)
		}
	}
	s := mustOpen(t, path)
	if err := os.Remove(junk); err != nil {
		t.Fatal(err)
	}
	saveGroups(t, s, fullGroup("g"))
	save(t, s, small("z"))
	s = reopen(t, s)
	want(t, s, append(golden1(t), small("z"))...)
	wantGroups(t, s, fullGroup("g"))
	s.Close()
	if got := formatOf(t, path); got != "3" {
		t.Errorf("format %s", got)
	}
}

// punch takes the disk space of the free pages of a database away, and of what
// is behind its last page.
func punch(t *testing.T, path string) {
	t.Helper()
	var free []int64
	size := int64(len(readAll(t, path)))
	var page int64
	peek(t, path, func(tx *bbolt.Tx) {
		page = int64(tx.DB().Info().PageSize)
		for id := range int(size / page) {
			if p, err := tx.Page(id); err != nil {
				t.Fatal(err)
			} else if p == nil || p.Type == "free" {
				free = append(free, int64(id)*page)
			}
		}
	})
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const keepSize, punchHole = 1, 2 // fallocate(2)
	for _, at := range free {
		if err := syscall.Fallocate(int(f.Fd()), keepSize|punchHole, at, page); err != nil {
			t.Fatal(err)
		}
	}
}
