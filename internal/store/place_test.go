package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tasks/pkg/task"
)

// What is acknowledged is in the file that is found at the path: where another, or
// none, has its place, changes are refused until it is back.
func TestRefusedWhileNotInPlace(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, filepath.Join(t.TempDir(), "db"))
	save(t, s, small("a"))
	refused := func(word string) {
		t.Helper()
		for what, err := range map[string]error{
			"Save": s.Save(small("b")), "Delete": s.Delete("a", task.Removed{At: task.Now()}), "SaveGroup": s.SaveGroup(task.Group{Name: "g"}), "InPlace": s.InPlace(),
		} {
			if err == nil || !strings.Contains(err.Error(), word) || !strings.Contains(err.Error(), "tasks serve --replace") {
				t.Errorf("%s: %v", what, err)
			}
		}
		want(t, s, small("a"))
		if !s.Removed("a").IsZero() {
			t.Error("a name is noted as removed")
		}
	}
	away := s.path + ".away"
	for _, change := range []error{os.Rename(s.path, away), os.WriteFile(s.path, []byte("another"), 0o600), os.Remove(s.path), os.Mkdir(s.path, 0o700), os.Remove(s.path)} {
		if change != nil {
			t.Fatal(change)
		}
	}
	refused("was removed")
	copyFile(t, away, s.path)
	refused("was replaced")
	if err := os.Rename(away, s.path); err != nil {
		t.Fatal(err)
	}
	save(t, s, small("c"))
	why := errors.New("the lock is lost: tasks serve --replace")
	lost := why
	s = reopen(t, s)
	s.Require(func() error { return lost })
	if err := s.Save(small("d")); !errors.Is(err, why) {
		t.Errorf("Save: %v", err)
	}
	if _, err := s.Rewrite(); !errors.Is(err, why) {
		t.Errorf("Rewrite: %v", err)
	}
	lost = nil
	want(t, reopen(t, s), small("a"), small("c"))
}

// A change that was written while the file lost its place is not acknowledged.
func TestRefusedAfterTheCommit(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, filepath.Join(t.TempDir(), "db"))
	asked, why := 0, errors.New("it is lost now")
	s.Require(func() error {
		if asked++; asked == 2 {
			return why
		}
		return nil
	})
	if err := s.Save(small("a")); !errors.Is(err, why) || asked != 2 {
		t.Errorf("Save: %v, after %d looks", err, asked)
	}
}

func TestRewrite(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	copyFile(t, filepath.Join("testdata", "format3.db"), path)
	records, groups, removed := golden3(t)
	s := mustOpen(t, path)
	id := s.ID()
	if notice, err := s.Rewrite(); notice != "" || err != nil {
		t.Errorf("in its place: %q, %v", notice, err)
	}
	aside := func() []string {
		files, _ := filepath.Glob(path + ".replaced-*")
		return files
	}
	for i, other := range []string{"", "another"} {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if other != "" {
			if err := os.WriteFile(path, []byte(other), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		notice, err := s.Rewrite()
		if err != nil || (notice != "") != (other != "") || len(aside()) != i {
			t.Errorf("%q: %q, %v; set aside: %q", other, notice, err, aside())
		}
		if other != "" && string(readAll(t, aside()[0])) != other {
			t.Error("what was set aside is not what was there")
		}
		save(t, s, small("z"))
		want(t, s, append(records, small("z"))...)
		s = reopen(t, s)
		want(t, s, append(records, small("z"))...)
		wantGroups(t, s, groups...)
		wantRemoved(t, s, removed)
		if s.ID() != id {
			t.Errorf("id %s, was %s", s.ID(), id)
		}
	}
}
