package logs

import (
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"tasks/pkg/task"
)

// A log that is removed, or replaced, while its run writes to it stays within its limits,
// and what is in its place is left alone.
func TestKeeperBoundsWhatHasNoPath(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what      string
		replaced  bool
		takenBack bool // once it was gone
	}{{"removed", false, false}, {"replaced", true, false}, {"taken back", false, true}} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			dir, heard, words := t.TempDir(), make(chan bool, 8), new(said)
			k := NewKeeper(Dir(filepath.Join(dir, "logs")), Limits{MaxSize: 256 << 10}, slog.New(slog.NewTextHandler(words, nil)),
				func(_ string, _ int, gone bool) { heard <- gone }, nil)
			t.Cleanup(func() { k.Close() })
			f, err := k.dir.Create("web", 1)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { f.Close() })
			run := exec.Command("sleep", "1000")
			run.Stdout = f
			if err := run.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { run.Process.Kill(); run.Wait() })
			var asked atomic.Int32
			k.Processes(func(name string, n int) int {
				if name != "web" || n != 1 {
					t.Errorf("it asks for run %d of %s", n, name)
				}
				if c.takenBack && asked.Add(1) == 1 {
					return 0 // it is being taken back
				}
				return run.Process.Pid
			})
			if !c.takenBack {
				k.Watch(&task.Spec{Name: "web"}, 1)
				quiet(t, k)
			}
			err = os.Remove(f.Name())
			theirs := ""
			if c.replaced {
				theirs = userFile(t, dir)
				err = errors.Join(err, os.Link(theirs, f.Name()))
			}
			if err != nil {
				t.Fatal(err)
			}
			if c.takenBack {
				k.Watch(&task.Spec{Name: "web"}, 1)
			}
			disk := func() int64 {
				var st unix.Stat_t
				if err := unix.Fstat(int(f.Fd()), &st); err != nil {
					t.Fatal(err)
				}
				return infoOf(&st).disk
			}
			for range 3 {
				write(t, f, strings.Repeat("a line\n", 1<<20/7))
				until(t, k, "bounded", func() bool { return disk() <= 256<<10 })
			}
			if gone := <-heard; gone == c.replaced || strings.Count(words.String(), "level=") != 1 {
				t.Errorf("removed: %v; it says %s", gone, words)
			}
			if c.replaced {
				isWhole(t, theirs)
			}
			ends(t, k, "web", 1)
			select {
			case <-heard:
				t.Error("it is said again")
			default:
			}
		})
	}
}

// A log that is deleted after its run has ended, or whose run is not known, is forgotten.
func TestKeeperForgetsALogOfNoRun(t *testing.T) {
	t.Parallel()
	k, words := newTestKeeper(t, t.TempDir(), Limits{MaxSize: 1 << 20})
	k.Processes(func(string, int) int { return -1 })
	f := openLog(t, k, task.Spec{Name: "web"}, 1)
	if err := os.Remove(f.Name()); err != nil {
		t.Fatal(err)
	}
	write(t, f, "a line\n")
	until(t, k, "forgotten", func() bool { return len(k.logs) == 0 })
	if words.String() != "" {
		t.Error(words)
	}
}
