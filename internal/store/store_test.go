package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"go.etcd.io/bbolt"

	"tasks/internal/safeopen"
	"tasks/pkg/task"
)

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	a, b, c, d := full(t, "a"), small("b"), small("c"), task.Record{Spec: task.Spec{Name: "d"}}
	b.Spec.Env = env(t, nil) // empty is not the same as not given
	for _, v := range []any{a, a.Spec, a.Spec.Order, a.Spec.When, a.Spec.Ready, a.Spec.Health, a.Spec.Hooks, a.Spec.Attributes, a.Spec.Caller, a.Ref} {
		for i := range reflect.ValueOf(v).NumField() {
			if name := reflect.TypeOf(v).Field(i).Name; name != "Unknown" && reflect.ValueOf(v).Field(i).IsZero() {
				t.Errorf("%T.%s is not tried", v, name)
			}
		}
	}
	s := mustOpen(t, filepath.Join(t.TempDir(), "db"))
	id := s.ID()
	if len(id) != 16 {
		t.Errorf("ID %q", id)
	}
	want(t, s)
	save(t, s, d, c, b, a)
	want(t, s, a, b, c, d)
	s = reopen(t, s)
	want(t, s, a, b, c, d) // as loaded
	want(t, s, a, b, c, d) // from disk
	if s.ID() != id {
		t.Errorf("ID %q, was %q", s.ID(), id)
	}
	s = reopen(t, s)
	b.Spec.Command = nil
	save(t, s, b)
	for _, name := range []string{"c", "unknown", "", strings.Repeat("x", 1<<16)} {
		if err := s.Delete(name, task.Removed{}); err != nil {
			t.Error(err)
		}
	}
	want(t, s, a, b, d) // what was loaded is outdated
	s = reopen(t, s)
	want(t, s, a, b, d)
}

// The lock is never free while one program takes over from another.
func TestHandOver(t *testing.T) {
	t.Parallel()
	a, b := small("a"), small("b")
	s := mustOpen(t, filepath.Join(t.TempDir(), "db"))
	save(t, s, a)
	f := s.HandOver()
	if err := s.Save(b); !errors.Is(err, ErrClosed) {
		t.Errorf("a save after the handover: %v", err)
	}
	if _, _, err := open(s.path, 0); !errors.Is(err, syscall.EWOULDBLOCK) {
		t.Errorf("another process has it in between: %v", err)
	}
	inherit := func(f *os.File) *Store {
		s, notice, err := Inherit(f, s.path)
		if err != nil || notice != "" {
			t.Fatalf("%q, %v", notice, err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	next := inherit(f)
	save(t, next, b)
	want(t, next, a, b)
	f = next.HandOver()
	if err := os.Rename(s.path, s.path+".away"); err != nil {
		t.Fatal(err)
	}
	next = inherit(f)
	want(t, next)
	if err := next.Close(); err != nil {
		t.Error(err)
	}
	mustOpen(t, s.path+".away") // whose lock is free
}

func TestBadName(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, filepath.Join(t.TempDir(), "db"))
	if err := s.Save(task.Record{}); !errors.Is(err, task.ErrUsage) {
		t.Errorf("got %v", err)
	}
	if err := s.SaveGroup(task.Group{}); !errors.Is(err, task.ErrUsage) {
		t.Errorf("a group: %v", err)
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, filepath.Join(t.TempDir(), "db"))
	var wg sync.WaitGroup
	saved := make([]bool, 50)
	for i := range saved {
		wg.Go(func() {
			err := s.Save(small(fmt.Sprint(i)))
			saved[i] = err == nil
			if err != nil && !errors.Is(err, ErrClosed) {
				t.Error(err)
			}
		})
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Error(err)
	}
	wg.Wait()
	if err := s.Save(small("x")); !errors.Is(err, ErrClosed) {
		t.Errorf("Save: %v", err)
	}
	if err := s.Delete("x", task.Removed{}); !errors.Is(err, ErrClosed) {
		t.Errorf("Delete: %v", err)
	}
	if err := s.SaveGroup(task.Group{Name: "x"}); !errors.Is(err, ErrClosed) {
		t.Errorf("SaveGroup: %v", err)
	}
	if err := s.DeleteGroup("x"); !errors.Is(err, ErrClosed) {
		t.Errorf("DeleteGroup: %v", err)
	}
	if _, err := s.Records(); !errors.Is(err, ErrClosed) {
		t.Errorf("Records: %v", err)
	}
	there := make(map[string]bool)
	for _, name := range keys(t, mustOpen(t, s.path), recordsBucket) {
		there[name] = true
	}
	for i, ok := range saved {
		if there[fmt.Sprint(i)] != ok {
			t.Errorf("%d: saved %v, there %v", i, ok, there[fmt.Sprint(i)])
		}
	}
}

func TestConcurrent(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, filepath.Join(t.TempDir(), "db"))
	const n = 300
	records := make([]task.Record, n)
	var wg sync.WaitGroup
	for i := range n {
		records[i] = full(t, fmt.Sprintf("t%04d", i))
		wg.Go(func() {
			r := records[i]
			for _, r.Restarts = range []int{1, 2, 3} { // the last one stays
				if err := s.Save(r); err != nil {
					t.Error(err)
				}
			}
			if i%100 == 0 {
				if _, err := s.Records(); err != nil {
					t.Error(err)
				}
			}
			if i%2 == 1 {
				if err := s.Delete(r.Spec.Name, task.Removed{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	var left []task.Record
	for i := 0; i < n; i += 2 {
		left = append(left, records[i])
	}
	want(t, s, left...)
	want(t, reopen(t, s), left...)
}

func TestConcurrentSavesShareACommit(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, filepath.Join(t.TempDir(), "db"))
	tx, err := s.db.Begin(true) // holds the committer up
	if err != nil {
		t.Fatal(err)
	}
	first := tx.ID() // of the commit that comes next
	wait := func(queued int) {
		for {
			s.mu.Lock()
			ok := s.loaded == nil && len(s.queue) == queued // loaded goes with the first Save
			s.mu.Unlock()
			if ok {
				return
			}
			runtime.Gosched()
		}
	}
	const n = 100
	var wg sync.WaitGroup
	for i := range n + 1 {
		wg.Go(func() {
			if err := s.Save(small(fmt.Sprint(i))); err != nil {
				t.Error(err)
			}
		})
		if i == 0 {
			wait(0) // the committer has it in hand
		}
	}
	wait(n)
	tx.Rollback()
	wg.Wait()
	if err := s.db.View(func(tx *bbolt.Tx) error {
		if commits := tx.ID() - first + 1; commits != 2 {
			t.Errorf("%d commits for 1 save and then %d", commits, n)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func TestEnvironmentsAreStoredOnce(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, filepath.Join(t.TempDir(), "db"))
	a, b, c := full(t, "a"), full(t, "b"), small("c")
	c.Spec.Env = env(t, map[string]string{"ONLY": "c"})
	save(t, s, a, b, c, small("d"))
	if n := len(keys(t, s, envsBucket)); n != 2 {
		t.Errorf("%d environments, want 2", n)
	}
	if err := s.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte(recordsBucket)).ForEach(func(k, v []byte) error {
			if bytes.Contains(v, []byte("hunter2")) || bytes.Contains(v, []byte("SECRET")) {
				t.Errorf("record %s has its environment: %s", k, v)
			}
			return nil
		})
	}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"b", "c"} {
		if err := s.Delete(name, task.Removed{}); err != nil {
			t.Fatal(err)
		}
	}
	s = reopen(t, s)
	if got := keys(t, s, envsBucket); len(got) != 1 || got[0] != string(envKey(a.Spec.Env.Block())) {
		t.Errorf("environments left: %x", got)
	}
	save(t, s, c) // one that was dropped comes back
	want(t, reopen(t, s), a, c, small("d"))
}

// Not parallel: the umask belongs to the whole process.
func TestMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	umask := syscall.Umask(0o777)
	s := mustOpen(t, path)
	save(t, s, small("a"))
	syscall.Umask(umask)
	for range 2 {
		for _, path := range []string{path, countPath(path)} {
			if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
				t.Fatalf("%s: mode %v, %v", path, info.Mode(), err)
			}
		}
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
		s = reopen(t, s)
	}
}

func TestHeldByAnother(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, filepath.Join(t.TempDir(), "db"))
	_, _, err := open(s.path, 0)
	if !errors.Is(err, syscall.EWOULDBLOCK) || !strings.Contains(err.Error(), fmt.Sprintf("process %d (", os.Getpid())) {
		t.Errorf("got %v", err)
	}
}

// A dangling link does not count as a missing database: its disk may not be mounted.
func TestDanglingLink(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	if err := os.Symlink("/mnt/none/db", path); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(path); err == nil || errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), path+": it is a link to /mnt/none/db, which is not there") {
		t.Errorf("got %v", err)
	}
	if to, err := os.Readlink(path); to != "/mnt/none/db" {
		t.Errorf("the link leads to %q, %v", to, err)
	}
}

func TestNoDirectory(t *testing.T) {
	t.Parallel()
	if _, _, err := Open(filepath.Join(t.TempDir(), "no", "db")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, _, err := Open(t.TempDir()); !errors.Is(err, safeopen.ErrNotRegular) {
		t.Errorf("got %v", err)
	}
}

func TestFailedCommit(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, filepath.Join(t.TempDir(), "db"))
	a, big := full(t, "a"), small("big")
	big.Spec.Command = []string{strings.Repeat("x", 1<<20)}
	save(t, s, a)
	s.db.MaxSize = 1 // no page more: the committer reads it after the hand-over
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if err := s.Save(big); err == nil {
				t.Error("saved what has no room")
			}
		})
	}
	wg.Wait()
	want(t, s, a)
	s.db.MaxSize = 0
	save(t, s, big)
	want(t, reopen(t, s), a, big)
}

func TestAsErrno(t *testing.T) {
	t.Parallel()
	plain := errors.New("plain")
	for _, err := range []error{nil, plain, syscall.ENOSPC, fmt.Errorf("x: %w", syscall.ENOSPC)} {
		if got := asErrno(err); got != err {
			t.Errorf("asErrno(%v) = %v", err, got)
		}
	}
	err := asErrno(fmt.Errorf("file resize error: %s", syscall.ENOSPC))
	if !errors.Is(err, syscall.ENOSPC) || err.Error() != "file resize error: no space left on device" {
		t.Errorf("got %v", err)
	}
}
