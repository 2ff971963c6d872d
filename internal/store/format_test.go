package store

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"tasks/pkg/task"
)

// later makes the database of s one of format 9, which programs of format min may
// read, with something unknown at every level of the record and the group x.
func later(t testing.TB, s *Store, min string) {
	t.Helper()
	putRaw(t, s, metaBucket, formatKey, seal([]byte("9")))
	putRaw(t, s, metaBucket, minReaderKey, seal([]byte(min)))
	putRaw(t, s, metaBucket, "later", seal([]byte("meta")))
	putRaw(t, s, "later", "key", bytes.Repeat([]byte("x"), 10_000))
	putRaw(t, s, recordsBucket, "x", seal([]byte(`{"spec":{"name":"x","later":{"a":[1.10,"<&>"]},"more":[]},"state":"failed","later":12345678901234567890,`+
		`"ref":{"pid":7,"later":{}},"runs":[{"run":1,"later":"first"},{"run":2,"state":"failed"},{"run":3,"later":"third"}]}`)))
	putRaw(t, s, groupsBucket, "x", seal([]byte(`{"name":"x","slots":2,"later":true}`)))
}

// wantLater checks that all of that is there, and a run and a priority beside it.
func wantLater(t testing.TB, s *Store) {
	t.Helper()
	want(t, s, task.Record{
		Spec:  task.Spec{Name: "x", Priority: 3, Unknown: `{"later":{"a":[1.10,"\u003c\u0026\u003e"]},"more":[]}`},
		State: task.Failed, Reason: "new", Ref: task.Ref{PID: 7, Unknown: `{"later":{}}`}, Unknown: `{"later":12345678901234567890}`,
		Runs: []task.Run{{Run: 2, State: task.Failed}, {Run: 3, Unknown: `{"later":"third"}`}, {Run: 4}},
	})
	wantGroups(t, s, task.Group{Name: "x", Slots: new(5), Unknown: `{"later":true}`})
	if err := s.db.View(func(tx *bbolt.Tx) error {
		if got := tx.Bucket([]byte("later")).Get([]byte("key")); len(got) != 10_000 {
			t.Errorf("the unknown bucket has %d bytes", len(got))
		}
		for key, value := range map[string]string{formatKey: "9", minReaderKey: "3", "later": "meta"} {
			if got, err := unseal(tx.Bucket([]byte(metaBucket)).Get([]byte(key))); err != nil || string(got) != value {
				t.Errorf("%s is %q, %v", key, got, err)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// What a later version has added stays when this one writes, and also when it
// replaces a damaged file.
func TestLaterPartsAreKept(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, filepath.Join(t.TempDir(), "db"))
	later(t, s, "3")
	s = reopen(t, s)
	records, err := s.Records()
	if err != nil || len(records) != 1 {
		t.Fatal(records, err)
	}
	r, g := records[0], s.Groups()[0]
	r.Runs, r.Reason, r.Spec.Priority, g.Slots = append(r.Runs[1:], task.Run{Run: 4}), "new", 3, new(5)
	save(t, s, r)
	saveGroups(t, s, g)
	s = reopen(t, s)
	wantLater(t, s)
	putRaw(t, s, recordsBucket, "bad", []byte("xyz"))
	s.Close()
	s, notice, err := Open(s.path)
	if err != nil || !strings.Contains(notice, `record "bad"`) {
		t.Fatalf("%q, %v", notice, err)
	}
	wantLater(t, s)
	wantLater(t, reopen(t, s))
}

// A task that is started with another spec has nothing of the one before.
func TestNewSpecHasNothingUnknown(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, filepath.Join(t.TempDir(), "db"))
	later(t, s, "3")
	s = reopen(t, s)
	save(t, s, small("x"))
	want(t, reopen(t, s), small("x"))
}

func TestMinReader(t *testing.T) {
	t.Parallel()
	for min, ok := range map[string]bool{"1": true, "3": true, "4": false, "9": false, "": false, "x": false} {
		s := mustOpen(t, filepath.Join(t.TempDir(), "db"))
		later(t, s, min)
		s.Close()
		s, notice, err := Open(s.path)
		if ok != (err == nil) || notice != "" || !ok && !strings.Contains(err.Error(), "format 9, this program knows formats up to 3") {
			t.Errorf("%q: %q, %v", min, notice, err)
		}
		if err == nil {
			s.Close()
		}
	}
}

// Where the copy cannot be kept the database stays as it was, and serves.
func TestNotMigratedWithoutACopy(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	copyFile(t, filepath.Join("testdata", "format2.db"), path)
	before := readAll(t, path)
	if err := os.Mkdir(Before(path), 0o700); err != nil {
		t.Fatal(err)
	}
	records, groups := golden2(t)
	s := mustOpen(t, path)
	want(t, s, records...)
	wantGroups(t, s, groups...)
	if err := s.Save(small("z")); err == nil || !strings.Contains(err.Error(), "cannot keep a copy of the database") || !strings.Contains(err.Error(), Before(path)) {
		t.Errorf("Save: %v", err)
	}
	want(t, s, records...)
	s.Close()
	if !bytes.Equal(readAll(t, path), before) {
		t.Error("the file was touched")
	}
	if files, _ := os.ReadDir(filepath.Dir(path)); len(files) != 2 {
		t.Errorf("files: %v", files)
	}
	if err := os.Remove(Before(path)); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, path)
	save(t, s, small("z"))
	want(t, reopen(t, s), append(records, small("z"))...)
	if !bytes.Equal(readAll(t, Before(path)), before) {
		t.Error("what is kept is not what was there")
	}
	if info, err := os.Stat(Before(path)); err != nil || info.Mode() != 0o600 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
}

func wantRemoved(t testing.TB, s *Store, removed map[string]task.Removed) {
	t.Helper()
	if !maps.Equal(s.removed, removed) {
		t.Errorf("removed names:\ngot  %v\nwant %v", s.removed, removed)
	}
}

// wantKept is for more removals than there is room for: these are kept at the least.
func wantKept(t testing.TB, s *Store, removed map[string]task.Removed) {
	t.Helper()
	for name, r := range removed {
		if s.removed[name] != r {
			t.Errorf("removed name %s: %v, want %v", name, s.removed[name], r)
		}
	}
	if len(s.removed) > maxRemoved+moreRemoved {
		t.Errorf("%d removed names are kept", len(s.removed))
	}
	wantRemoved(t, reopen(t, s), maps.Clone(s.removed))
}

func TestRemovedNames(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, filepath.Join(t.TempDir(), "db"))
	at := func(n int) task.Time { return task.Time{Time: time.Date(2026, 1, 2, 3, 4, 5, n, time.UTC)} }
	remove := func(name string, when task.Time) {
		t.Helper()
		if err := s.Delete(name, task.Removed{At: when}); err != nil {
			t.Fatal(err)
		}
	}
	save(t, s, small("a"), small("b"), small("c"), small("d"))
	remove("a", at(1))
	remove("b", at(2))
	remove("c", task.Time{}) // not to be noted
	remove("bad name", at(3))
	remove("b", at(4))
	save(t, s, small("a")) // it is there again
	saveGroups(t, s, task.Group{Name: "b"})
	for range 2 {
		wantRemoved(t, s, map[string]task.Removed{"b": {At: at(4)}})
		if s.Removed("b") != at(4) || !s.Removed("a").IsZero() {
			t.Errorf("removed %v and %v", s.Removed("b"), s.Removed("a"))
		}
		want(t, s, small("a"), small("d"))
		s = reopen(t, s)
	}
	var wg sync.WaitGroup
	all := make(map[string]task.Removed)
	const more = 2*moreRemoved + 10
	for i := range maxRemoved + more {
		name := fmt.Sprintf("n%04d", i)
		if i >= more {
			all[name] = task.Removed{At: at(10 + i)}
		}
		wg.Go(func() {
			if err := s.Delete(name, task.Removed{At: at(10 + i)}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	wantKept(t, s, all)
}

// The names of removed jobs may be very many: they do not push out those of services.
func TestRemovedJobsGiveWay(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, filepath.Join(t.TempDir(), "db"))
	at := func(n int) task.Time { return task.Time{Time: time.Date(2026, 1, 2, 3, 4, 5, n, time.UTC)} }
	kept := map[string]task.Removed{"service": {At: at(0)}, "other": {At: at(1)}}
	if err := s.Delete("service", kept["service"]); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	const jobs = maxRemoved + 2*moreRemoved
	for i := range jobs {
		name, r := fmt.Sprintf("job%04d", i), task.Removed{At: at(2 + i), Job: true}
		if i >= jobs-maxRemoved+2 {
			kept[name] = r
		}
		wg.Go(func() {
			err := s.Delete(name, r)
			if i == jobs/2 {
				err = errors.Join(err, s.Delete("other", task.Removed{At: at(1)}))
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	wantKept(t, s, kept)
}

// A name that is removed and there again in one commit, or the other way round, is as it was
// last.
func TestRemovedInOneCommit(t *testing.T) {
	t.Parallel()
	old, last := task.Removed{At: task.Now()}, task.Removed{At: task.Now(), Job: true}
	remove := change{bucket: recordsBucket, name: "a", removed: last}
	there := change{bucket: recordsBucket, name: "a", value: []byte("{}")}
	for _, tt := range []struct {
		batch []change
		want  map[string]task.Removed
	}{
		{[]change{remove, there}, map[string]task.Removed{}},
		{[]change{there, remove}, map[string]task.Removed{"a": last}},
		{[]change{there, remove, there}, map[string]task.Removed{}},
		{[]change{there, {bucket: recordsBucket, name: "a"}}, map[string]task.Removed{}},
	} {
		for _, now := range []map[string]task.Removed{{}, {"a": old}} {
			c := removedBy(now, tt.batch)
			if c.apply(now); !maps.Equal(now, tt.want) {
				t.Errorf("%v: %v, want %v", tt.batch, now, tt.want)
			}
		}
	}
}

func TestUndecodableRemovedName(t *testing.T) {
	t.Parallel()
	for _, bad := range [][]byte{nil, []byte("xyz"), seal(nil), seal([]byte("{")), seal([]byte(`{"at":"yesterday"}`))} {
		s := mustOpen(t, filepath.Join(t.TempDir(), "db"))
		save(t, s, small("good"))
		putRaw(t, s, removedBucket, "bad", bad)
		s.Close()
		s, notice, err := Open(s.path)
		if err != nil || !strings.Contains(notice, `removed name "bad"`) || !strings.Contains(notice, "1 of its tasks") {
			t.Errorf("%q: %q, %v", bad, notice, err)
		}
		wantRemoved(t, s, nil)
		want(t, reopen(t, s), small("good"))
	}
}
