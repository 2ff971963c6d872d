package socket

import (
	"os"
	"testing"
)

// What an earlier supervisor left has an ancestor of that one, or of this, for its parent;
// any process where it is not known which those were.
func TestMayReap(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	parent, stranger := os.Getppid(), os.Getpid() // no ancestor of itself
	mayReap := func(pid int) bool {
		t.Helper()
		l, err := AcquireLock(dir)
		check(t, err)
		defer l.Release()
		check(t, l.Record("/x.sock"))
		check(t, l.Clear()) // as one does that ends in order
		if !l.MayReap(parent, startTime(parent)) || !l.MayReap(1, startTime(1)) {
			t.Error("not its own ancestors")
		}
		return l.MayReap(pid, startTime(pid))
	}
	if !mayReap(stranger) {
		t.Error("the first of all: not any")
	}
	if mayReap(stranger) {
		t.Error("a stranger may")
	}
	earlier := func(h *holder) { h.Reapers = append(h.Reapers, process{stranger, startTime(stranger)}) }
	change(t, dir, earlier)
	for range 2 {
		if !mayReap(stranger) {
			t.Error("not an ancestor of an earlier one")
		}
	}
	for what, tt := range map[string]struct {
		by   func(*holder)
		want bool
	}{
		"of an earlier version":    {func(h *holder) { h.Reapers = nil }, true},
		"in another pid namespace": {func(h *holder) { earlier(h); h.PIDNamespace++ }, true},
		"before the last boot":     {func(h *holder) { earlier(h); h.Boot = "another" }, false},
		"another with that pid":    {func(h *holder) { h.Reapers = []process{{stranger, startTime(stranger) - 1}} }, false},
	} {
		change(t, dir, tt.by)
		if mayReap(stranger) != tt.want {
			t.Errorf("%s: not %v", what, tt.want)
		}
	}
}
