package ready

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tasks/pkg/task"
)

// What the hole at its head has taken is not seen, and nothing that the hole cut.
func TestLogWithoutItsHead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	write(t, path, "ready\n"+strings.Repeat("x", 8192)+"cut ready\nnext\n")
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	err = unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, 8192)
	if errors.Is(err, unix.EOPNOTSUPP) {
		t.Skip("there are no holes here")
	}
	if err != nil {
		t.Fatal(err)
	}
	c := New(Options{})
	for expr, want := range map[string]bool{"ready$": false, "\x00": false, "^next$": true} {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		if want {
			ctx = t.Context()
		}
		r := startChecks(t, c, task.Spec{Ready: task.Ready{ReadyLog: expr}}, path)
		if err := r.Ready(ctx); (err == nil) != want || err != nil && !strings.HasSuffix(err.Error(), ", but 8208 bytes were discarded before they could be read: raise --log-max-size") {
			t.Errorf("%q: %v", expr, err)
		}
		cancel()
	}
	// It is trimmed further while it is followed.
	ended := make(chan error, 1)
	go func() {
		ended <- startChecks(t, c, task.Spec{Ready: task.Ready{ReadyLog: "^at last$"}}, path).Ready(t.Context())
	}()
	write(t, path, strings.Repeat("some line\n", 100000)+"at last\n")
	if err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, 512<<10); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
