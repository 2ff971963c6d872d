package store

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"tasks/pkg/task"
)

func TestDiskFull(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("cannot mount a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	s := mustOpen(t, filepath.Join(dir, "db"))
	var saved []task.Record
	for i := 0; ; i++ {
		r := small(fmt.Sprintf("t%04d", i))
		r.Spec.Command = []string{strings.Repeat("x", 5000)}
		if err := s.Save(r); err != nil {
			if !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("got %v", err)
			}
			break
		}
		saved = append(saved, r)
	}
	want(t, s, saved...)
	for range 3 { // deleting needs pages too, but those that failed are free again
		if err := s.Delete(saved[0].Spec.Name); err != nil {
			t.Fatal(err)
		}
		saved = saved[1:]
	}
	save(t, s, small("a"))
	want(t, reopen(t, s), append([]task.Record{small("a")}, saved...)...)
}
