package events

import (
	"os"
	"syscall"
	"testing"
)

// A disk that fills in the middle of a batch has whole lines, each once.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("cannot mount a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil { // a child on its way to its exec may have a file of it open
			t.Error(err)
		}
	})
	w := mustWriter(t, dir)
	for n := range 1000 {
		w.add(a(n))
	}
	if err := w.flush(); err == nil {
		t.Fatal("the disk is not full")
	}
	got := numbers(all(t, dir))
	if n := len(got); n < 100 || n > 900 {
		t.Errorf("%d events are on the disk", n)
	}
	if b, err := os.ReadFile(newest(dir)); err != nil || b[len(b)-1] != '\n' {
		t.Errorf("it ends in the middle of a line (%v)", err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=1m"); err != nil {
		t.Fatal(err)
	}
	write(t, w)
	if got := numbers(all(t, dir)); len(got) != 1000 || got[0] != 1 || got[999] != 1000 {
		t.Errorf("%d events", len(got))
	}
}
