package logs

import (
	"log/slog"
	"os"
	"strings"
	"testing"

	"tasks/pkg/task"
)

// A log that is emptied while its run writes to it is reported once, and marked.
func TestKeeperEmptied(t *testing.T) {
	t.Parallel()
	heard := make(chan key, 8)
	words := new(said)
	k := NewKeeper(Dir(t.TempDir()), Limits{MaxSize: 1 << 20}, slog.New(slog.NewTextHandler(words, nil)),
		func(name string, run int, _ bool) { heard <- key{name, run} }, nil)
	t.Cleanup(func() { k.Close() })
	f := openLog(t, k, task.Spec{Name: "web"}, 3)
	if _, ok := Emptied(f); ok {
		t.Error("a new log is marked")
	}
	for range 2 {
		if _, err := f.WriteString(strings.Repeat("a line\n", 1000)); err != nil {
			t.Fatal(err)
		}
		until(t, k, "looked at", func() bool { return k.logs[key{"web", 3}].data > 0 })
		quiet(t, k)
		again, err := os.OpenFile(f.Name(), os.O_WRONLY|os.O_TRUNC, 0) // as a shell does for > /dev/stderr
		if err != nil {
			t.Fatal(err)
		}
		again.Close()
		until(t, k, "looked at again", func() bool { return k.logs[key{"web", 3}].data == 0 })
	}
	if got := <-heard; got != (key{"web", 3}) {
		t.Errorf("heard of %v", got)
	}
	ends(t, k, "web", 3)
	k.Close()
	if n := len(heard); n > 0 || strings.Count(words.String(), "emptied") != 1 {
		t.Errorf("%d more reports, and said:\n%s", n, words)
	}
	if at, ok := Emptied(f); at.IsZero() != !ok {
		t.Errorf("marked: %v, %v", at, ok)
	} else if !ok {
		t.Log("this file system has no extended attributes")
	}
}
