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
			if !errors.Is(err, syscall.ENOSPC) || strings.Contains(err.Error(), next("db")) {
				t.Errorf("got %v", err)
			}
			break
		}
		saved = append(saved, r)
	}
	want(t, s, saved...)
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=4m"); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(saved[0].Spec.Name); err != nil {
		t.Error(err)
	}
	save(t, s, small("a"))
	saved[0] = small("a")
	want(t, s, saved...)
	want(t, reopen(t, s), saved...)
}
