package logs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tasks/internal/safeopen"
	"tasks/pkg/task"
)

// Through a link in the place of a task's directory nothing is deleted.
func TestNothingIsDeletedThroughALink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	theirs := filepath.Join(dir, "theirs")
	k, words := newTestKeeper(t, filepath.Join(dir, "logs"), Limits{MaxSize: 1 << 20, Keep: 1, Total: 16 << 10})
	if err := errors.Join(os.Mkdir(theirs, 0o700), os.Mkdir(string(k.dir), 0o700), os.Symlink(theirs, string(k.dir)+"/web")); err != nil {
		t.Fatal(err)
	}
	files := []string{"1.log", "2.log", "3.log", "20.log", "next"}
	for _, name := range files {
		if err := os.WriteFile(filepath.Join(theirs, name), []byte(strings.Repeat("a line\n", 2<<10)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := k.Create("web", 2); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Create: %v", err)
	}
	if f, err := k.Create("web", 4); err != nil {
		t.Errorf("Create: %v", err)
	} else {
		f.Close()
	}
	if err := k.Reserve("web", 4); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Room: %v", err)
	}
	if err := k.dir.Prune("web", 4, 1); !errors.Is(err, safeopen.ErrLinked) {
		t.Errorf("Prune: %v", err)
	}
	k.Watch(&task.Spec{Name: "web"}, 4)
	until(t, k, "it is said", func() bool { return strings.Contains(words.String(), "is a link") })
	ends(t, k, "web", 4)
	k.Ready()
	k.mu.Lock()
	k.bound()
	k.mu.Unlock()
	until(t, k, "summed up", func() bool { return !k.summing && !k.sumDue })
	for _, name := range files {
		if info, err := os.Stat(filepath.Join(theirs, name)); err != nil || info.Size() != 14<<10 {
			t.Errorf("%s is not as it was: %v", name, err)
		}
	}
	if err := k.Remove("web"); err != nil { // the link itself goes
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(theirs, "20.log")); err != nil {
		t.Error(err)
	}
}
