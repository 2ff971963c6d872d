package logs

import (
	"testing"

	"tasks/pkg/task"
)

// A run that ends while its log is looked at may have written since that look began.
func TestKeeperEndAmidALook(t *testing.T) {
	t.Parallel()
	k, _ := newTestKeeper(t, t.TempDir(), Limits{MaxSize: 1 << 20})
	text := string(numbered(200_000))
	w := openLog(t, k, task.Spec{Name: "web"}, 1)
	k.mu.Lock()
	free, amid := k.punch, false
	k.punch = func(path string, id fileID, end int64) error {
		if !amid {
			amid = true
			write(t, w, text)
			k.Done("web", 1)
		}
		return free(path, id, end)
	}
	k.mu.Unlock()
	write(t, w, text)
	until(t, k, "done", func() bool { return k.logs[key{"web", 1}] == nil })
	if n := onDisk(t, w.Name()); n > 1<<20 {
		t.Errorf("%d bytes on disk", n)
	}
}
