package store

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"tasks/pkg/task"
)

var update = flag.Bool("update", false, "write testdata/format3.db again")

// golden1 is what testdata/format1.db holds, for ever.
func golden1(t testing.TB) []task.Record {
	at := task.Time{Time: time.Date(2026, 1, 2, 3, 4, 5, 678901234, time.UTC)}
	a := task.Record{ // not full, which grows with the fields of a record
		Spec: task.Spec{
			Name: "all-fields", Command: []string{"sh", "-c", "echo \"<&>\""}, Cwd: "/srv", Group: "build",
			Env:        env(t, map[string]string{"PATH": "/bin", "LANG": "C"}),
			StopSignal: "INT", StopTimeout: new(task.Duration(0)), Restart: task.RestartAlways, MaxRestarts: new(0),
			Backoff: task.Backoff{Min: time.Millisecond, Max: 90 * time.Second}, Timeout: new(task.Duration(time.Hour)),
			LeaveChildren: true,
		},
		Engine: task.EngineProcess, Desired: task.DesiredRunning, State: task.Running, Restarts: 3, Shutdown: true,
		Ref:  task.Ref{PID: 4711, Start: 1<<64 - 1, Boot: "9f1c"},
		Runs: []task.Run{{Run: 2, PID: 13, StartedAt: at, EndedAt: at, State: task.Failed, ExitCode: new(0), Signal: "SIGKILL", Reason: "no"}},
	}
	b, c := small("empty-env"), small("no-env")
	b.Spec.Env = env(t, nil)
	return []task.Record{a, b, c}
}

// golden2 is what testdata/format2.db holds, for ever.
func golden2(t testing.TB) ([]task.Record, []task.Group) {
	at := task.Time{Time: time.Date(2026, 1, 2, 3, 4, 5, 678901234, time.UTC)}
	records := append(golden1(t), task.Record{
		Spec: task.Spec{
			Name: "queued", Command: []string{"./backup.sh"}, Group: "build", File: "/srv/tasks.yaml", Priority: -7, SuccessCodes: []int{0, 3},
			Order:      task.Order{After: []string{"db"}, AfterEnded: []string{"setup"}},
			When:       task.When{Cron: "0 3 * * *", Overlap: task.OverlapQueue},
			Ready:      task.Ready{ReadyHTTP: "http://localhost/", ReadyPort: "80", ReadyCmd: "true", ReadyLog: "up", ReadyNotify: true, ReadyTimeout: new(task.Duration(1)), ReadyInterval: new(task.Duration(2))},
			Health:     task.Health{HealthHTTP: "http://localhost/", HealthCmd: "true", HealthInterval: new(task.Duration(3)), HealthTimeout: new(task.Duration(4)), HealthRetries: new(5)},
			Hooks:      task.Hooks{OnExit: "echo", OnFailure: "mail"},
			LogMaxSize: new(task.Size(8 << 20)), LogKeep: new(3),
		},
		Engine: task.EngineProcess, Desired: task.DesiredRunning, State: task.Queued, Reason: "waits for a slot of build",
		NextAt: at, Queued: at, EndedWithoutRun: at, Slot: 2, Ready: true, Ref: task.Ref{PID: 1, Cgroup: "/sys/fs/cgroup/x"},
	}, task.Record{
		Spec:   task.Spec{Name: "waiting", When: task.When{Delay: new(task.Duration(1)), At: "15:04", Every: new(task.Duration(time.Second))}},
		Engine: task.EngineFunc, Desired: task.DesiredRunning, State: task.Waiting,
	})
	return records, []task.Group{
		{Name: "build", Slots: new(2), Paused: true, Hooks: task.Hooks{OnExit: "echo", OnFailure: "mail"}},
		{Name: "free"},
		{Name: "none", Slots: new(0)},
	}
}

// golden3 is what testdata/format3.db holds, for ever, beside golden2: what a later
// version may add, and a name that was removed.
func golden3(t testing.TB) ([]task.Record, []task.Group, map[string]task.Removed) {
	at := task.Time{Time: time.Date(2026, 1, 2, 3, 4, 5, 678901234, time.UTC)}
	records, groups := golden2(t)
	r := &records[0] // in the order of names
	r.Unknown, r.Spec.Unknown, r.Ref.Unknown, r.Runs[0].Unknown = `{"later":1}`, `{"later":{"a":[1]}}`, `{"later":"ref"}`, `{"later":null}`
	groups[0].Unknown = `{"later":"group"}`
	return records, groups, map[string]task.Removed{"gone": {At: at}}
}

// A file of each format that there was loads for ever. One of an earlier format
// is migrated as it is opened, and is whole after that; it is kept beside.
func TestFormatsLoadForEver(t *testing.T) {
	t.Parallel()
	records2, groups2 := golden2(t)
	records3, groups3, removed := golden3(t)
	if *update {
		s := mustOpen(t, filepath.Join(t.TempDir(), "db"))
		save(t, s, records3...)
		saveGroups(t, s, groups3...)
		for name, at := range removed {
			if err := s.Delete(name, at); err != nil {
				t.Fatal(err)
			}
		}
		s = reopen(t, s)
		s.Close()
		if err := os.WriteFile(filepath.Join("testdata", "format3.db"), readAll(t, s.path), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		file    string
		was     string
		records []task.Record
		groups  []task.Group
		removed map[string]task.Removed
	}{
		{"format1.db", "1", golden1(t), nil, nil},
		{"format2.db", "2", records2, groups2, nil},
		{"format3.db", "3", records3, groups3, removed},
	} {
		t.Run(tt.file, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "db")
			copyFile(t, filepath.Join("testdata", tt.file), path)
			if got := formatOf(t, path); got != tt.was {
				t.Fatalf("the file has format %s", got)
			}
			before := readAll(t, path)
			s := mustOpen(t, path)
			id := s.ID()
			want(t, s, tt.records...)
			wantGroups(t, s, tt.groups...)
			wantRemoved(t, s, tt.removed)
			if s = reopen(t, s); s.ID() != id || s.old || s.MinReader() != 3 {
				t.Errorf("id %s, was %s; old is %v; read by %d", s.ID(), id, s.old, s.MinReader())
			}
			want(t, s, tt.records...)
			wantGroups(t, s, tt.groups...)
			z := task.Group{Name: "z", Slots: new(1)}
			save(t, s, small("z"))
			saveGroups(t, s, z)
			s = reopen(t, s)
			want(t, s, append(tt.records, small("z"))...)
			wantGroups(t, s, append(tt.groups, z)...)
			wantRemoved(t, s, tt.removed)
			s.Close()
			if got := formatOf(t, path); got != "3" {
				t.Errorf("the file has format %s then", got)
			}
			kept, err := os.ReadFile(Before(path))
			if migrated := tt.was != "3"; migrated != (err == nil) || migrated && !bytes.Equal(kept, before) {
				t.Errorf("what is kept beside has %d bytes, %v; the file had %d", len(kept), err, len(before))
			}
		})
	}
}

// formatOf is the format of the database at path, which nobody has open.
func formatOf(t testing.TB, path string) string {
	t.Helper()
	var format string
	peek(t, path, func(tx *bbolt.Tx) {
		b, err := unseal(tx.Bucket([]byte(metaBucket)).Get([]byte(formatKey)))
		if err != nil {
			t.Fatal(err)
		}
		format = string(b)
	})
	return format
}

// peek reads the database at path without a store.
func peek(t testing.TB, path string, see func(*bbolt.Tx)) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, PreLoadFreelist: true, Timeout: lockTimeout})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.View(func(tx *bbolt.Tx) error { see(tx); return nil }); err != nil {
		t.Fatal(err)
	}
}

func readAll(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	if err := os.WriteFile(to, readAll(t, from), 0o600); err != nil {
		t.Fatal(err)
	}
}
