package store

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tasks/pkg/task"
)

var update = flag.Bool("update", false, "write testdata/format1.db anew")

// golden is what testdata/format1.db holds, for ever.
func golden(t testing.TB) []task.Record {
	at := task.Time{Time: time.Date(2026, 1, 2, 3, 4, 5, 678901234, time.UTC)}
	a := task.Record{ // not full, which grows with the fields of a record
		Spec: task.Spec{
			Name: "all-fields", Command: []string{"sh", "-c", "echo \"<&>\""}, Cwd: "/srv", Group: "build",
			Env:        env(t, map[string]string{"PATH": "/bin", "LANG": "C"}),
			StopSignal: "INT", StopTimeout: new(task.Duration(0)), Restart: task.RestartAlways, MaxRestarts: new(0),
			Backoff: task.Backoff{Min: time.Millisecond, Max: 90 * time.Second}, Timeout: new(task.Duration(time.Hour)),
			LeaveChildren: true,
		},
		Engine: task.EngineProcess, Wish: task.Up, State: task.Running, Restarts: 3, Shutdown: true,
		Ref:  task.Ref{PID: 4711, Start: 1<<64 - 1, Boot: "9f1c"},
		Runs: []task.Run{{Run: 2, PID: 13, StartedAt: at, EndedAt: at, State: task.Failed, ExitCode: new(0), Signal: "SIGKILL", Reason: "no"}},
	}
	b, c := small("empty-env"), small("no-env")
	b.Spec.Env = env(t, nil)
	return []task.Record{a, b, c}
}

func TestFormat1LoadsForEver(t *testing.T) {
	t.Parallel()
	file := filepath.Join("testdata", "format1.db")
	path := filepath.Join(t.TempDir(), "db")
	if *update {
		s := mustOpen(t, path)
		save(t, s, golden(t)...)
		s = reopen(t, s)
		s.Close()
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	copyFile(t, file, path)
	s := mustOpen(t, path)
	want(t, s, golden(t)...)
	save(t, s, small("z"))
	want(t, reopen(t, s), append(golden(t), small("z"))...)
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
