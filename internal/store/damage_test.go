package store

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"go.etcd.io/bbolt"

	"tasks/pkg/task"
)

// sample is the bytes of a database with several levels and kinds of pages,
// its id, and its records by name. It has as many groups, each a fullGroup.
func sample(t testing.TB, n int) ([]byte, string, map[string]task.Record) {
	t.Helper()
	s := mustOpen(t, filepath.Join(t.TempDir(), "db"))
	records := make(map[string]task.Record)
	for i := range n {
		r := full(t, fmt.Sprintf("t%03d", i))
		if i%3 == 0 {
			r.Spec.Env = env(t, map[string]string{"BIG": strings.Repeat("x", 6000)}) // overflows a page
		}
		if i == n/2 {
			r.Spec.Env = task.Env{}
		}
		records[r.Spec.Name] = r
	}
	for _, r := range records {
		save(t, s, r)
		saveGroups(t, s, fullGroup(groupOf(r)))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	return b, s.ID(), records
}

// groupOf is the name of the group that sample makes beside r.
func groupOf(r task.Record) string { return "g" + r.Spec.Name + strings.Repeat("-", 90) }

// openDamaged opens b and checks what holds of every file: nothing is made up,
// nothing is lost without a notice or for good, and the store works.
func openDamaged(t testing.TB, b []byte, records map[string]task.Record) (s *Store, notice string, kept int) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	s, notice, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { t.Cleanup(func() { s.Close() }) }()
	got, err := s.Records()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range got {
		if !reflect.DeepEqual(r, records[r.Spec.Name]) {
			t.Errorf("record %q is not what was saved", r.Spec.Name)
		}
	}
	groups := s.Groups()
	for i, g := range groups {
		if _, ok := records[strings.Trim(g.Name, "g-")]; !ok || !reflect.DeepEqual(g, fullGroup(g.Name)) || i > 0 && groups[i-1].Name >= g.Name {
			t.Errorf("group %q is not what was saved", g.Name)
		}
	}
	if notice == "" && (len(got) < len(records) || len(groups) < len(records)) {
		t.Errorf("%d records and %d groups of %d were lost silently", len(records)-len(got), len(records)-len(groups), len(records))
	}
	aside, _ := filepath.Glob(path + ".damaged-*")
	switch {
	case notice == "" && len(aside) > 0:
		t.Error("set aside silently")
	case notice != "":
		if len(aside) != 1 || !strings.Contains(notice, aside[0]) || strings.Contains(notice, "\n") {
			t.Fatalf("notice %q, set aside %q", notice, aside)
		}
		if was, err := os.ReadFile(aside[0]); err != nil || !bytes.Equal(was, b) {
			t.Errorf("what was set aside is not what was there: %v", err)
		}
		if _, err := os.Stat(next(path)); err == nil {
			t.Error("left a temporary file behind")
		}
	}
	save(t, s, small("new"))
	id := s.ID()
	s = reopen(t, s) // without a notice
	if n := len(keys(t, s, recordsBucket)); n != len(got)+1 || s.ID() != id {
		t.Errorf("%d records, then %d; id %s, then %s", len(got), n, id, s.ID())
	}
	if again := s.Groups(); !reflect.DeepEqual(again, groups) {
		t.Errorf("%d groups, then %d", len(groups), len(again))
	}
	return s, notice, len(got)
}

func TestDamaged(t *testing.T) {
	t.Parallel()
	b, id, records := sample(t, 40)
	page := os.Getpagesize()
	random := make([]byte, 50_000)
	rand.NewChaCha8([32]byte{}).Read(random)
	change := func(f func(b []byte)) []byte {
		c := bytes.Clone(b)
		f(c)
		return c
	}
	for _, c := range []struct {
		name   string
		b      []byte
		reason string
		kept   int // records; -1: depends on where the pages are
	}{
		{"empty", nil, "not a database", 0},
		{"text", []byte("hello\n"), "not a database", 0},
		{"random", random, "not a database", 0},
		{"zeros", make([]byte, 50_000), "not a database", 0},
		{"one byte", b[:1], "not a database", 0},
		{"a head and a half", b[:page+20], "one of its two heads", 0},
		{"heads alone", b[:2*page], "cut off", 0},
		{"half", b[:len(b)/2], "cut off", -1},
		{"first head", change(func(b []byte) { b[20]++ }), "one of its two heads", -1},
		{"second head", change(func(b []byte) { b[page+20]++ }), "one of its two heads", -1},
		{"both heads", change(func(b []byte) { b[20]++; b[page+20]++ }), "not a database", 0},
		{"a record", bytes.ReplaceAll(b, []byte(`"name":"t007"`), []byte(`"name":"t00x"`)), `record "t007"`, 39},
		{"a group", bytes.ReplaceAll(b, []byte(`"name":"gt007`), []byte(`"name":"gt00x`)), `group "gt007`, 40},
		{"an environment", bytes.ReplaceAll(b, []byte("hunter2"), []byte("hunter3")), "an environment", 15},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, notice, kept := openDamaged(t, c.b, records)
			if notice == "" || !strings.Contains(notice, c.reason) {
				t.Errorf("notice %q", notice)
			}
			if c.kept >= 0 && kept != c.kept || s.ID() == id {
				t.Errorf("kept %d, id %s, was %s", kept, s.ID(), id)
			}
		})
	}
}

func TestUndecodableRecord(t *testing.T) {
	t.Parallel()
	for _, bad := range [][]byte{nil, []byte("xyz"), []byte("\x00\x00\x00\x00{}"), seal([]byte("{")), seal([]byte(`{"spec":{"name":"x"}}`)), seal([]byte(`{"spec":{"name":"bad"},"env_key":"00"}`))} {
		s := mustOpen(t, filepath.Join(t.TempDir(), "db"))
		save(t, s, full(t, "good"))
		putRaw(t, s, recordsBucket, "bad", bad)
		s.Close()
		s, notice, err := Open(s.path)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(notice, `record "bad"`) || !strings.Contains(notice, "1 of its tasks") {
			t.Errorf("notice %q", notice)
		}
		want(t, s, full(t, "good"))
		s.Close()
	}
}

// putRaw writes what Save would not.
func putRaw(t testing.TB, s *Store, bucket, key string, value []byte) {
	t.Helper()
	if err := s.db.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists([]byte(bucket))
		if err != nil {
			return err
		}
		return b.Put([]byte(key), value)
	}); err != nil {
		t.Fatal(err)
	}
}

func TestCutOffAnywhere(t *testing.T) {
	t.Parallel()
	b, _, records := sample(t, 12)
	for n := 0; n < len(b); n += 3001 {
		openDamaged(t, b[:n], records)
	}
}

func TestFlippedAnywhere(t *testing.T) {
	t.Parallel()
	b, _, records := sample(t, 12)
	r := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		c := bytes.Clone(b)
		page := r.IntN(len(b)/os.Getpagesize()) * os.Getpagesize()
		c[page+r.IntN(64)] ^= 1 << r.IntN(8) // where it hurts
		openDamaged(t, c, records)
		c = bytes.Clone(b)
		c[r.IntN(len(c))] ^= 1 << r.IntN(8)
		openDamaged(t, c, records)
	}
}

func TestSetAsideKeepsEarlierOnes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	const n = 5 // some within one second
	for i := range n {
		if err := os.WriteFile(path, fmt.Appendf(nil, "bad %d", i), 0o600); err != nil {
			t.Fatal(err)
		}
		s, _, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
	}
	if aside, _ := filepath.Glob(path + ".damaged-*"); len(aside) != n {
		t.Errorf("set aside %q", aside)
	}
}

func TestNewerFormatIsLeftAlone(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, filepath.Join(t.TempDir(), "db"))
	putRaw(t, s, metaBucket, formatKey, seal([]byte("7")))
	putRaw(t, s, metaBucket, minReaderKey, seal([]byte("4")))
	s.Close()
	before, _ := os.ReadFile(s.path)
	_, _, err := Open(s.path)
	if err == nil || !strings.Contains(err.Error(), "format 7") || !strings.Contains(err.Error(), "up to 3") {
		t.Errorf("got %v", err)
	}
	if after, _ := os.ReadFile(s.path); !bytes.Equal(before, after) {
		t.Error("the file was touched")
	}
	if files, _ := os.ReadDir(filepath.Dir(s.path)); len(files) != 1 {
		t.Errorf("files: %v", files)
	}
}

func TestLeftOverBuildIsReplaced(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	if err := os.WriteFile(next(path), []byte("half"), 0o000); err != nil {
		t.Fatal(err)
	}
	save(t, mustOpen(t, path), small("a"))
}

// What bbolt leaves behind is never taken for damage, whatever was done to it.
func TestSoundFilesPass(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	s := mustOpen(t, filepath.Join(t.TempDir(), "db"))
	for round := range 12 {
		var wg sync.WaitGroup
		top := 1 + r.IntN(400)
		for range 1 + r.IntN(300) {
			x := small(fmt.Sprintf("%c%d", 'a'+r.IntN(26), r.IntN(top)))
			x.Spec.Command = []string{strings.Repeat("x", r.IntN(1+r.IntN(9000)))}
			x.Spec.Env = env(t, map[string]string{"N": strings.Repeat("y", r.IntN(50))})
			remove := r.IntN(10) < round%10
			wg.Go(func() {
				if remove {
					if err := s.Delete(x.Spec.Name, task.Removed{}); err != nil {
						t.Error(err)
					}
				} else if err := s.Save(x); err != nil {
					t.Error(err)
				}
			})
			if r.IntN(20) == 0 {
				wg.Wait()
			}
		}
		wg.Wait()
		s = reopen(t, s)
		if got, err := s.Records(); err != nil || len(got) != len(keys(t, s, recordsBucket)) {
			t.Fatal(len(got), err)
		}
		if round%10 == 9 {
			for _, name := range keys(t, s, recordsBucket)[1:] {
				wg.Go(func() {
					if err := s.Delete(name, task.Removed{}); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		}
	}
}

// A file that shrinks under an open store raises SIGBUS where bbolt reads it.
func TestTruncatedInUse(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, filepath.Join(t.TempDir(), "db"))
	for i := range 100 {
		save(t, s, full(t, fmt.Sprint(i)))
	}
	if err := os.Truncate(s.path, 0); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Save(small("x")); err == nil || !strings.Contains(err.Error(), "damaged while it was in use") {
			t.Errorf("Save: %v", err)
		}
	}
	if _, err := s.Records(); err == nil {
		t.Error("Records: no error")
	}
	if err := s.Close(); err == nil {
		t.Error("Close: no error")
	}
}
