package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.etcd.io/bbolt"

	"tasks/pkg/task"
)

func saveGroups(t testing.TB, s *Store, groups ...task.Group) {
	t.Helper()
	for _, g := range groups {
		if err := s.SaveGroup(g); err != nil {
			t.Fatal(err)
		}
	}
}

// wantGroups compares what s read as it was opened.
func wantGroups(t testing.TB, s *Store, groups ...task.Group) {
	t.Helper()
	if got := s.Groups(); len(got) != len(groups) || len(got) > 0 && !reflect.DeepEqual(got, groups) {
		t.Errorf("groups:\ngot  %+v\nwant %+v", got, groups)
	}
}

// fullGroup has every setting of a group.
func fullGroup(name string) task.Group {
	return task.Group{Name: name, Slots: new(3), Paused: true, Unfinished: true, Temporary: true, Hooks: task.Hooks{OnExit: "echo <&>", OnFailure: "mail\n"}}
}

func TestGroups(t *testing.T) {
	t.Parallel()
	a, b, c := fullGroup("a"), task.Group{Name: "b", Slots: new(0)}, task.Group{Name: "c"}
	for i := range reflect.ValueOf(a).NumField() {
		counted := slices.Contains([]string{"Running", "Queued", "Waiting", "Unknown"}, reflect.TypeOf(a).Field(i).Name)
		if reflect.ValueOf(a).Field(i).IsZero() != counted {
			t.Errorf("%s is not tried", reflect.TypeOf(a).Field(i).Name)
		}
	}
	s := mustOpen(t, filepath.Join(t.TempDir(), "db"))
	wantGroups(t, s)
	counts := a
	counts.Running, counts.Queued, counts.Waiting = 1, 2, 3
	saveGroups(t, s, c, b, counts) // which are not stored
	save(t, s, small("a"))
	s = reopen(t, s)
	wantGroups(t, s, a, b, c)
	want(t, s, small("a"))
	b.Slots = nil
	saveGroups(t, s, b)
	for _, name := range []string{"a", "unknown", "", strings.Repeat("x", 1<<16)} {
		if err := s.DeleteGroup(name); err != nil {
			t.Error(err)
		}
	}
	s = reopen(t, s)
	wantGroups(t, s, b, c)
	want(t, s, small("a")) // a task of that name is another thing
	if err := s.Delete("b", task.Removed{}); err != nil {
		t.Error(err)
	}
	wantGroups(t, reopen(t, s), b, c)
}

// What was answered is in the file, whatever becomes of who wrote it.
func TestGroupIsDurable(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, filepath.Join(t.TempDir(), "db"))
	var groups []task.Group
	at := func() *Store {
		path := filepath.Join(t.TempDir(), "copy")
		copyFile(t, s.path, path)
		return mustOpen(t, path)
	}
	for i := range 3 {
		groups = append(groups, fullGroup(fmt.Sprint("g", i)))
		saveGroups(t, s, groups[i])
		wantGroups(t, at(), groups...)
	}
	if err := s.DeleteGroup("g0"); err != nil {
		t.Fatal(err)
	}
	wantGroups(t, at(), groups[1:]...)
}

// A group that cannot be saved fails nobody who shares its commit, and one that
// can is saved among tasks.
func TestGroupsAmongTasks(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, filepath.Join(t.TempDir(), "db"))
	const n = 100
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			name := fmt.Sprintf("x%02d", i)
			if err := errors.Join(s.Save(small(name)), s.SaveGroup(task.Group{Name: name, Slots: new(i)})); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			for _, bad := range []string{"", "all", strings.Repeat("x", 1<<16)} {
				if err := s.SaveGroup(task.Group{Name: bad}); !errors.Is(err, task.ErrUsage) {
					t.Errorf("%.9q: %v", bad, err)
				}
			}
		})
	}
	wg.Wait()
	s = reopen(t, s)
	if got := keys(t, s, recordsBucket); len(got) != n {
		t.Errorf("%d records", len(got))
	}
	for i, g := range s.Groups() {
		if g.Name != fmt.Sprintf("x%02d", i) || *g.Slots != i {
			t.Errorf("group %d is %+v", i, g)
		}
	}
	if len(s.Groups()) != n {
		t.Errorf("%d groups", len(s.Groups()))
	}
}

func TestUndecodableGroup(t *testing.T) {
	t.Parallel()
	for _, bad := range [][]byte{nil, []byte("xyz"), []byte("\x00\x00\x00\x00{}"), seal(nil), seal([]byte("{")), seal([]byte("null")), seal([]byte(`{"name":"x"}`)), seal([]byte(`{"name":"bad","slots":"2"}`))} {
		s := mustOpen(t, filepath.Join(t.TempDir(), "db"))
		save(t, s, full(t, "good"))
		saveGroups(t, s, fullGroup("good"))
		putRaw(t, s, groupsBucket, "bad", bad)
		s.Close()
		s, notice, err := Open(s.path)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(notice, `group "bad"`) || !strings.Contains(notice, "1 of its tasks") {
			t.Errorf("%q: notice %q", bad, notice)
		}
		want(t, s, full(t, "good"))
		wantGroups(t, s, fullGroup("good"))
		s = reopen(t, s) // without a notice
		wantGroups(t, s, fullGroup("good"))
		s.Close()
	}
}

// A bucket that is not there is damage, but for one that an earlier format has not.
func TestNoGroups(t *testing.T) {
	t.Parallel()
	for format, whole := range map[string]bool{"1": true, "2": false, "3": false} {
		s := mustOpen(t, filepath.Join(t.TempDir(), "db"))
		save(t, s, small("a"))
		saveGroups(t, s, fullGroup("g"))
		putRaw(t, s, metaBucket, formatKey, seal([]byte(format)))
		if err := s.db.Update(func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte(groupsBucket)) }); err != nil {
			t.Fatal(err)
		}
		s.Close()
		s, notice, err := Open(s.path)
		if err != nil || (notice == "") != whole {
			t.Errorf("format %s: %q, %v", format, notice, err)
		}
		wantGroups(t, s)
		saveGroups(t, s, fullGroup("g"))
		s = reopen(t, s)
		want(t, s, small("a"))
		wantGroups(t, s, fullGroup("g"))
	}
}

// A damaged file of the earlier format is replaced by one of this.
func TestDamagedFormat1(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	b := bytes.ReplaceAll(readAll(t, filepath.Join("testdata", "format1.db")), []byte(`"name":"no-env"`), []byte(`"name":"no-3nv"`))
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	s, notice, err := Open(path)
	if err != nil || !strings.Contains(notice, `record "no-env"`) || !strings.Contains(notice, "2 of its tasks") {
		t.Fatalf("%q, %v", notice, err)
	}
	want(t, s, golden1(t)[:2]...)
	saveGroups(t, s, fullGroup("g"))
	s = reopen(t, s)
	want(t, s, golden1(t)[:2]...)
	wantGroups(t, s, fullGroup("g"))
	s.Close()
	if got := formatOf(t, path); got != "3" {
		t.Errorf("format %s", got)
	}
}
