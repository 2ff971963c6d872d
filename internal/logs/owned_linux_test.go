package logs

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"tasks/internal/room"
	"tasks/pkg/task"
)

// While the directory is not its own, a Keeper makes, frees and deletes nothing in it.
func TestKeeperOfALostDir(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var lost atomic.Bool
	why := errors.New("it is lost")
	k := NewKeeper(Dir(dir), Limits{MaxSize: 1 << 20, Keep: 1, Total: 1 << 20}, slog.New(slog.DiscardHandler), nil, func() error {
		if lost.Load() {
			return why
		}
		return nil
	})
	t.Cleanup(func() { k.Close() })
	openLog(t, k, task.Spec{Name: "web"}, 1)
	lost.Store(true)
	if _, err := k.Create("web", 2); !errors.Is(err, why) || !room.OutOfResources(err) {
		t.Errorf("Create: %v", err)
	}
	if err := k.Remove("web"); !errors.Is(err, why) {
		t.Errorf("Remove: %v", err)
	}
	if path := k.Path("web", 1); path != "" {
		t.Errorf("Path %q", path)
	}
	const size = 4 << 20 // of another's logs: each limit is exceeded
	for _, name := range []string{"web/1.log", "db/1.log"} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(strings.Repeat("a line\n", size/7)), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	k.Watch(&task.Spec{Name: "web"}, 2) // would delete the log of run 1
	k.Done("web", 1)
	k.Done("web", 2)
	k.Ready()
	until(t, k, "the logs are let go of", func() bool { return len(k.logs) == 0 })
	for _, name := range []string{"web/1.log", "db/1.log"} {
		if info, err := statLog(filepath.Join(dir, name)); err != nil || info.disk < size/2 {
			t.Errorf("%s has %d bytes on disk, %v", name, info.disk, err)
		}
	}
	lost.Store(false)
	k.Ready()
	until(t, k, "the logs are below their total again", func() bool {
		_, err := os.Stat(filepath.Join(dir, "db/1.log"))
		return errors.Is(err, os.ErrNotExist)
	})
}
