package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.etcd.io/bbolt"

	"tasks/internal/safeopen"
	"tasks/pkg/task"
)

// The number of commits grows with each, whatever becomes of the file.
func TestCommitsAreCounted(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, filepath.Join(t.TempDir(), "db"))
	last := s.Commits()
	grown := func(what string) {
		t.Helper()
		if n := s.Commits(); n <= last || s.Older() {
			t.Errorf("%s: %d commits, were %d; older is %v", what, n, last, s.Older())
		}
		last = s.Commits()
	}
	kept := func(what string) {
		t.Helper()
		if n := s.Commits(); n != last || s.Older() {
			t.Errorf("%s: %d commits, were %d; older is %v", what, n, last, s.Older())
		}
	}
	a := small("a")
	a.Spec.Env = env(t, map[string]string{"A": "1"})
	save(t, s, a)
	grown("save")
	saveGroups(t, s, task.Group{Name: "g"})
	grown("group")
	if err := s.Delete("a", task.Removed{At: task.Now()}); err != nil {
		t.Fatal(err)
	}
	grown("delete")
	id := s.ID()
	s = reopen(t, s) // as a copy without the environment
	kept("copied")
	if err := os.Remove(s.path); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Rewrite(); err != nil {
		t.Fatal(err)
	}
	kept("written again")
	s = reopen(t, s)
	kept("opened")
	save(t, s, a)
	grown("save after that")
	s.Close()

	b := bytes.ReplaceAll(readAll(t, s.path), []byte(`"name":"a"`), []byte(`"name":"x"`))
	if err := os.WriteFile(s.path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	s, notice, err := Open(s.path)
	if err != nil || notice == "" || s.ID() == id {
		t.Fatalf("id %s, was %s; %q, %v", s.ID(), id, notice, err)
	}
	t.Cleanup(func() { s.Close() })
	kept("repaired")
	save(t, s, a)
	grown("save after the repair")
}

func TestConcurrentCommitsAreCounted(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, filepath.Join(t.TempDir(), "db"))
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			before := s.Commits()
			if err := s.Save(small(fmt.Sprint(i))); err != nil || s.Commits() <= before {
				t.Errorf("%d commits, were %d; %v", s.Commits(), before, err)
			}
		})
	}
	wg.Wait()
	n := s.Commits()
	if s = reopen(t, s); s.Commits() != n || s.Older() {
		t.Errorf("%d commits, were %d; older is %v", s.Commits(), n, s.Older())
	}
}

// A failed commit is none.
func TestFailedCommitIsNotCounted(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, filepath.Join(t.TempDir(), "db"))
	save(t, s, small("a"))
	n := s.Commits()
	if err := os.Rename(s.path, s.path+".away"); err != nil {
		t.Fatal(err)
	}
	if err := s.Save(small("b")); err == nil || s.Commits() != n {
		t.Errorf("%v, %d commits, were %d", err, s.Commits(), n)
	}
}

// An older file that is put back is known as such, also where the next commit would
// have been its first, until it is renewed: then the newer one is.
func TestOlder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := mustOpen(t, filepath.Join(dir, "db"))
	save(t, s, small("a"))
	older, newer := filepath.Join(dir, "older"), filepath.Join(dir, "newer")
	copyFile(t, s.path, older)
	save(t, s, small("b"))
	s.Close()
	copyFile(t, s.path, newer)
	putBack := func(file string, want bool) {
		t.Helper()
		s.Close()
		if err := os.Rename(file, s.path); err != nil {
			t.Fatal(err)
		}
		if s = mustOpen(t, s.path); s.Older() != want {
			t.Fatalf("%s: older is %v, want %v", file, s.Older(), want)
		}
	}
	copyFile(t, older, older+"2")
	putBack(older, true)
	want(t, s, small("a"))
	putBack(newer, false)
	want(t, s, small("a"), small("b"))
	n := s.Commits()
	s.Close()
	copyFile(t, s.path, newer)
	putBack(older+"2", true)
	if err := s.Renew(); err != nil || s.Older() || s.Commits() <= n {
		t.Errorf("%v; older is %v, %d commits, were %d", err, s.Older(), s.Commits(), n)
	}
	want(t, s, small("a"))
	putBack(newer, true)
}

// What is noted beside the database may be missing, damaged, or of another one.
func TestNotedCount(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, filepath.Join(t.TempDir(), "db"))
	save(t, s, small("a"))
	good := readAll(t, countPath(s.path))
	s.Close()
	for _, text := range []string{"", "x", string(good[:len(good)-5]), fmt.Sprintf(countLine, newID(), 1000), fmt.Sprintf(countLine, s.ID(), 0), string(good)} {
		if err := os.WriteFile(countPath(s.path), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if s = mustOpen(t, s.path); s.Older() {
			t.Errorf("older by %q", text)
		}
		s.Close()
	}
	if err := os.Remove(countPath(s.path)); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, s.path)
	save(t, s, small("b"))
	if string(readAll(t, countPath(s.path))) != fmt.Sprintf(countLine, s.ID(), s.Commits()) {
		t.Errorf("it has %q", readAll(t, countPath(s.path)))
	}
}

// What cannot be noted is not acknowledged, and a number that cannot be read does not
// pass for none: an older file would be taken for the newest.
func TestCountThatCannotBe(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, filepath.Join(t.TempDir(), "db"))
	save(t, s, small("a"))
	good := readAll(t, countPath(s.path))
	if err := errors.Join(os.Remove(countPath(s.path)), os.Mkdir(countPath(s.path), 0o700)); err != nil {
		t.Fatal(err)
	}
	if err := s.Save(small("b")); !errors.Is(err, safeopen.ErrNotRegular) || !strings.Contains(err.Error(), countPath(s.path)) {
		t.Errorf("saved: %v", err)
	}
	s.Close()
	if _, _, err := Open(s.path); !errors.Is(err, safeopen.ErrNotRegular) || !strings.HasSuffix(err.Error(), ": remove that file if none was") {
		t.Errorf("opened: %v", err)
	}
	if err := errors.Join(os.Remove(countPath(s.path)), os.WriteFile(countPath(s.path), good, 0o600)); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, s.path)
	save(t, s, small("b"))
	want(t, reopen(t, s), small("a"), small("b"))
}

// The file is open already where no descriptor is left, and is made again where it was
// removed.
func TestCountStaysOpen(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, filepath.Join(t.TempDir(), "db"))
	save(t, s, small("a"))
	opened := s.count
	save(t, s, small("b"))
	if s.count != opened {
		t.Error("the file was opened again")
	}
	if err := os.Remove(countPath(s.path)); err != nil {
		t.Fatal(err)
	}
	save(t, s, small("c"))
	if string(readAll(t, countPath(s.path))) != fmt.Sprintf(countLine, s.ID(), s.Commits()) {
		t.Errorf("it has %q", readAll(t, countPath(s.path)))
	}
}

// A database that nobody has counted in, as of an earlier version, begins with 0.
func TestUncounted(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	copyFile(t, filepath.Join("testdata", "format3.db"), path)
	s := mustOpen(t, path)
	if s.Commits() != 0 || s.Older() {
		t.Errorf("%d commits; older is %v", s.Commits(), s.Older())
	}
	save(t, s, small("z"))
	if s = reopen(t, s); s.Commits() != 1 {
		t.Errorf("%d commits", s.Commits())
	}
	s.Close()
	peek(t, path, func(tx *bbolt.Tx) {
		if b, err := unseal(tx.Bucket([]byte(metaBucket)).Get([]byte(commitsKey))); err != nil || string(b) != "1" {
			t.Errorf("%q, %v", b, err)
		}
	})
}
