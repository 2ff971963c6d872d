package store

import (
	"reflect"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"tasks/pkg/task"
)

func env(t testing.TB, vars map[string]string) task.Env {
	t.Helper()
	e, err := task.NewEnv(vars)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// full is a record with every field set.
func full(t testing.TB, name string) task.Record {
	at := task.Time{Time: time.Date(2026, 1, 2, 3, 4, 5, 678901234, time.UTC)}
	return task.Record{
		Spec: task.Spec{
			Name: name, Command: []string{"sh", "-c", "echo \"<&>\u2028 é\n\""}, Cwd: "/srv", Group: "build",
			Env:        env(t, map[string]string{"PATH": "/bin", "SECRET": "hunter2=\n"}),
			StopSignal: "INT", StopTimeout: new(task.Duration(0)), Restart: task.RestartAlways, MaxRestarts: new(0),
			Backoff: task.Backoff{Min: time.Millisecond, Max: 90 * time.Second}, Timeout: new(task.Duration(time.Hour)),
			Attributes: task.Attributes{
				Umask: new(task.Umask(0o27)), Nice: new(-5), Ulimit: task.Ulimits{"nofile": {Soft: 10, Hard: 20}, "core": {Soft: 0, Hard: task.Unlimited}},
				Caller: task.Caller{Umask: new(task.Umask(0)), Nice: new(0)},
			},
			LeaveChildren: true,
			Job:           true,
			Batch:         "b",
			FailFast:      2,
			LogMaxSize:    new(task.Size(8 << 20)),
			LogKeep:       new(3),
			File:          "/srv/tasks.yaml", EnvNames: []string{"A"}, Priority: -7, SuccessCodes: []int{0, 3, 255},
			Order: task.Order{After: []string{"db", "cache"}, AfterEnded: []string{"setup"}},
			When: task.When{
				Delay: new(task.Duration(0)), At: "15:04", Every: new(task.Duration(90 * time.Second)),
				Cron: "CRON_TZ=Europe/Berlin 0 3 * * *", Overlap: task.OverlapReplace,
			},
			Ready: task.Ready{
				ReadyHTTP: "http://localhost/?a=b&c", ReadyPort: "[::1]:80", ReadyCmd: "test -e \"x\"", ReadyLog: `up in \d+`,
				ReadyNotify: true, ReadyTimeout: new(task.Duration(time.Minute)), ReadyInterval: new(task.Duration(time.Millisecond)),
			},
			Health: task.Health{
				HealthHTTP: "http://localhost/", HealthCmd: "true", HealthInterval: new(task.Duration(time.Second)),
				HealthTimeout: new(task.Duration(1)), HealthRetries: new(1),
			},
			Hooks: task.Hooks{OnExit: "echo <&>", OnFailure: "mail"},
		},
		Engine: task.EngineProcess, Desired: task.DesiredRunning, State: task.Running, Reason: "a reason", Restarts: 3, Shutdown: true,
		NextAt: task.Time{Time: at.Add(time.Hour)}, Queued: task.Time{Time: at.Add(time.Minute)}, EndedWithoutRun: at, Waits: true, Fresh: true, Slot: 4, Ready: true, Ending: "unhealthy", Grace: 5, RerunPending: true, Disabled: true, Note: "refused", For: []string{"db"}, PausedFor: 6, Ran: 7, Next: &task.Spec{Name: name, Command: []string{"next"}, Env: env(t, nil)}, Edited: &task.Spec{Name: name, Command: []string{"edited"}, Env: env(t, nil)},
		AsOf: &task.AsOf{Run: 2, Desired: task.DesiredRunning, Pending: true, Spec: "0a"},
		Ref:  task.Ref{PID: 4711, Start: 1<<64 - 1, Boot: "9f1c", Cgroup: "/sys/fs/cgroup/tasks-1/web:1", Commit: "9f1c/7", Over: 4712, Namespace: 4026531836},
		Runs: []task.Run{
			{Run: 1, PID: 12, StartedAt: at, EndedAt: at, State: task.Failed, ExitCode: new(0), Reason: "no"},
			{Run: 2, PID: 13, StartedAt: at, EndedAt: at, State: task.Stopped, Signal: "SIGKILL"},
		},
	}
}

func small(name string) task.Record {
	return task.Record{Spec: task.Spec{Name: name, Command: []string{"sleep", "300"}}, Engine: task.EngineProcess, Desired: task.DesiredRunning, State: task.Running}
}

func mustOpen(t testing.TB, path string) *Store {
	t.Helper()
	s, notice, err := Open(path)
	if err != nil || notice != "" {
		t.Fatalf("Open: %q, %v", notice, err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func save(t testing.TB, s *Store, records ...task.Record) {
	t.Helper()
	for _, r := range records {
		if err := s.Save(r); err != nil {
			t.Fatal(err)
		}
	}
}

func want(t testing.TB, s *Store, records ...task.Record) {
	t.Helper()
	got, err := s.Records()
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(records) {
		t.Fatalf("%d records, want %d", len(got), len(records))
	}
	for i := range got {
		if !reflect.DeepEqual(got[i], records[i]) {
			t.Errorf("record %d:\ngot  %+v\nwant %+v", i, got[i], records[i])
		}
	}
}

func reopen(t testing.TB, s *Store) *Store {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return mustOpen(t, s.path)
}

// keys is what bucket name holds.
func keys(t testing.TB, s *Store, name string) (keys []string) {
	t.Helper()
	if err := s.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte(name)).ForEach(func(k, _ []byte) error {
			keys = append(keys, string(k))
			return nil
		})
	}); err != nil {
		t.Fatal(err)
	}
	return keys
}
