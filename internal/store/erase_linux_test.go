package store

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"tasks/pkg/task"
)

// What was the environment of a removed task is in no byte of the file that the
// next supervisor works with, and what others have is there as before.
func TestRemovedEnvironmentIsErased(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	s := mustOpen(t, path)
	has := func() bool { return bytes.Contains(readAll(t, path), []byte("hunter2")) }
	var kept []task.Record
	for i := range 100 {
		r := small(fmt.Sprintf("t%03d", i))
		r.Spec.Env = env(t, map[string]string{"N": strings.Repeat(fmt.Sprint(i), 100)})
		if i%2 == 0 {
			r.Spec.Env = env(t, map[string]string{"N": strings.Repeat(fmt.Sprint(i), 100), "SECRET": "hunter2"})
		} else {
			kept = append(kept, r)
		}
		save(t, s, r)
	}
	for i := 0; i < 100; i += 2 {
		if err := s.Delete(fmt.Sprintf("t%03d", i), task.Removed{At: task.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	if !has() {
		t.Fatal("it was erased before there was anything to try")
	}
	id, removed := s.ID(), maps.Clone(s.removed)
	s = reopen(t, s)
	for range 2 {
		if has() {
			t.Error("the environment is in the file")
		}
		want(t, s, kept...)
		wantRemoved(t, s, removed)
		if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 || s.ID() != id {
			t.Errorf("mode %v, id %s, was %s, %v", info.Mode(), s.ID(), id, err)
		}
		if err := s.InPlace(); err != nil {
			t.Error(err)
		}
		s = reopen(t, s)
	}
	if files, _ := filepath.Glob(filepath.Dir(path) + "/*"); !slices.Equal(files, []string{path, countPath(path)}) {
		t.Errorf("files: %v", files)
	}
}

// Where there is no room for a copy the file serves as it is, and is copied by a
// later supervisor.
func TestErasedOnceThereIsRoom(t *testing.T) {
	t.Parallel()
	dir := disk(t)
	s := mustOpen(t, filepath.Join(dir, "db"))
	r := small("a")
	r.Spec.Env = env(t, map[string]string{"SECRET": "hunter2"})
	save(t, s, r, small("b"))
	if err := s.Delete("a", task.Removed{At: task.Now()}); err != nil {
		t.Fatal(err)
	}
	junk := filepath.Join(dir, "junk")
	if err := os.WriteFile(junk, make([]byte, 1<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	s = reopen(t, s)
	want(t, s, small("b"))
	if !bytes.Contains(readAll(t, s.path), []byte("hunter2")) {
		t.Error("there was room for a copy")
	}
	if err := os.Remove(junk); err != nil {
		t.Fatal(err)
	}
	save(t, s, small("c"))
	s = reopen(t, s)
	want(t, s, small("b"), small("c"))
	if bytes.Contains(readAll(t, s.path), []byte("hunter2")) {
		t.Error("it was not copied")
	}
}

// Wherever a supervisor dies while the file is copied, one of the two is there whole.
func TestLeftOverCopyIsRemoved(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	s := mustOpen(t, path)
	save(t, s, small("a"))
	s.Close()
	if err := os.WriteFile(next(path), []byte("hunter2"), 0o600); err != nil {
		t.Fatal(err)
	}
	want(t, mustOpen(t, path), small("a"))
	if _, err := os.Stat(next(path)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what was left of a copy is there: %v", err)
	}
}
