package logs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tasks/pkg/task"
)

// userFile is a large file that is nobody's log.
func userFile(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "of-a-user")
	if err := os.WriteFile(path, []byte(strings.Repeat("a line\n", 4<<20/7)), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func isWhole(t *testing.T, path string) {
	t.Helper()
	if n := onDisk(t, path); n < 4<<20-4096 {
		t.Errorf("%s has %d bytes on disk", path, n)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if at, ok := Emptied(f); ok {
		t.Errorf("%s is marked: %v", path, at)
	}
}

// A file that a task has put in the place of its log is not the run's: it is left as it is.
func TestKeeperSparesWhatReplacedALog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	k, words := newTestKeeper(t, filepath.Join(dir, "logs"), Limits{MaxSize: 64 << 10, Total: 1 << 20})
	k.Ready()
	theirs := userFile(t, dir)
	f := openLog(t, k, task.Spec{Name: "web"}, 1)
	if err := errors.Join(os.Remove(f.Name()), os.Link(theirs, f.Name())); err != nil {
		t.Fatal(err)
	}
	write(t, f, "a line\n")
	until(t, k, "it is said", func() bool { return strings.Contains(words.String(), "left as it is") })
	k.mu.Lock()
	k.schedule(k.logs[key{"web", 1}], time.Now())
	k.mu.Unlock()
	ends(t, k, "web", 1)
	// The total goes by all there are.
	k.mu.Lock()
	k.sumNext = time.Time{}
	k.bound()
	k.mu.Unlock()
	until(t, k, "summed up", func() bool { return !k.summing && !k.sumDue })
	isWhole(t, theirs)
	isWhole(t, f.Name())
	if n := strings.Count(words.String(), "level="); n != 1 {
		t.Errorf("said %d times: %s", n, words)
	}
}

// Of a run that was taken back it is not known which file it was given.
func TestKeeperSparesWhatHasASecondName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	k, words := newTestKeeper(t, filepath.Join(dir, "logs"), Limits{MaxSize: 64 << 10})
	theirs := userFile(t, dir)
	path := k.dir.Path("web", 1)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.Link(theirs, path)); err != nil {
		t.Fatal(err)
	}
	k.Watch(&task.Spec{Name: "web"}, 1)
	until(t, k, "it is said", func() bool { return strings.Contains(words.String(), "has a second name") })
	isWhole(t, theirs)
	if err := os.Remove(theirs); err != nil {
		t.Fatal(err)
	}
	until(t, k, "bounded", func() bool { return onDisk(t, path) <= 64<<10 })
	if n := strings.Count(words.String(), "level="); n != 1 {
		t.Errorf("said %d times: %s", n, words)
	}
}
