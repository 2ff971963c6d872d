package store

import (
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"tasks/pkg/task"
)

// changed is a change with all that one has.
func changed(t testing.TB, file string) task.Change {
	a, b := full(t, "a").Spec, small("b").Spec
	b.Env = env(t, map[string]string{"ONLY": "here"})
	return task.Change{
		ID: "1", File: file, Project: "shop", Prune: true, Down: true, Missing: true, Groups: []task.Group{fullGroup("g")},
		Tasks: []task.Spec{a, b, small("c").Spec}, Kept: []string{"d"}, Ran: map[string]int{"a": 2}, CompletedAt: task.Time{Time: time.Unix(9, 0).UTC()}, Why: "no room",
	}
}

func wantChanges(t testing.TB, s *Store, changes ...task.Change) {
	t.Helper()
	got := s.Changes()
	if len(got) != len(changes) || len(got) > 0 && !reflect.DeepEqual(got, changes) {
		t.Errorf("changes:\ngot  %+v\nwant %+v", got, changes)
	}
	if s.Changes() != nil {
		t.Error("a second call returns them again")
	}
}

func TestChanges(t *testing.T) {
	t.Parallel()
	a, b := changed(t, "/a/tasks.yaml"), task.Change{ID: "2", File: "/b/tasks.yaml"}
	for i := range reflect.ValueOf(a).NumField() {
		if name := reflect.TypeOf(a).Field(i).Name; reflect.ValueOf(a).Field(i).IsZero() != (name == "Unknown") {
			t.Errorf("%s is not tried", name)
		}
	}
	s := mustOpen(t, filepath.Join(t.TempDir(), "db"))
	put := func(c task.Change) {
		t.Helper()
		if err := s.SaveChange(c); err != nil {
			t.Fatal(err)
		}
	}
	put(b)
	put(a)
	save(t, s, full(t, "a"))
	if got := keys(t, s, envsBucket); len(got) != 2 {
		t.Errorf("%d environments", len(got))
	}
	s = reopen(t, s)
	wantChanges(t, s, a, b)
	want(t, s, full(t, "a"))

	// Its environments are in use as long as it is there; what is not is erased.
	put(task.Change{ID: "1", File: a.File})
	if err := s.DeleteChange(b.File); err != nil {
		t.Fatal(err)
	}
	s = reopen(t, s)
	wantChanges(t, s, task.Change{ID: "1", File: a.File})
	want(t, s, full(t, "a"))
	if got := keys(t, s, envsBucket); len(got) != 1 {
		t.Errorf("%d environments", len(got))
	}

	// A program that knows no changes has dropped an environment that no task has.
	put(a)
	put(b)
	if err := s.db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte(envsBucket)).Delete(envKey(a.Tasks[1].Env.Block()))
	}); err != nil {
		t.Fatal(err)
	}
	s = reopen(t, s)
	wantChanges(t, s, b)
	want(t, s, full(t, "a"))
}

// What a later version has written of a change stays.
func TestChangeOfALaterVersion(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, filepath.Join(t.TempDir(), "db"))
	c := changed(t, "/a/tasks.yaml")
	c.Unknown = `{"later":[1]}`
	if err := s.SaveChange(c); err != nil {
		t.Fatal(err)
	}
	s = reopen(t, s)
	wantChanges(t, s, c)
}
