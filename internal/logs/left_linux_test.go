package logs

import (
	"testing"

	"tasks/pkg/task"
)

// The log of an old run stays, and stays bounded, for as long as what the run has left
// behind writes to it, whichever Keeper is there.
func TestKeeperOfWhatIsLeft(t *testing.T) {
	t.Parallel()
	dir, limits := t.TempDir(), Limits{MaxSize: 64 << 10, Keep: 3}
	k, _ := newTestKeeper(t, dir, limits)
	spec := task.Spec{Name: "web", LeaveChildren: true}
	left := openLog(t, k, spec, 1)
	ends := func(run int) {
		t.Helper()
		openLog(t, k, spec, run).Close()
		k.Done("web", run)
	}
	isBounded := func() {
		t.Helper()
		write(t, left, string(numbered(20_000)))
		until(t, k, "trimmed", func() bool { return onDisk(t, left.Name()) <= 64<<10 })
	}
	k.Done("web", 1)
	for run := 2; run <= 6; run++ {
		ends(run)
	}
	wantRuns(t, k.dir, "web", 1, 4, 5, 6)
	isBounded()
	k.Close()

	k, _ = newTestKeeper(t, dir, limits)
	k.WatchLeft(&spec, 6)
	wantRuns(t, k.dir, "web", 1, 4, 5, 6)
	if !k.Written("web") || len(k.logs) != 1 {
		t.Errorf("written to: %v, watched: %v", k.Written("web"), k.logs)
	}
	isBounded()
	ends(7)
	wantRuns(t, k.dir, "web", 1, 5, 6, 7)

	left.Close()
	until(t, k, "not written to", func() bool { return !k.dir.Written("web", 1) }) // the keeper itself may have it open
	ends(8)
	wantRuns(t, k.dir, "web", 6, 7, 8)
	if k.Written("web") || k.logs[key{"web", 1}] != nil {
		t.Errorf("written to: %v, watched: %v", k.Written("web"), k.logs)
	}
}

// Nor does the total delete it where no Keeper knows of it.
func TestTotalOfWhatIsLeft(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	k, _ := newTestKeeper(t, dir, Limits{Total: 1 << 20})
	for run := 1; run <= 2; run++ {
		f, err := k.dir.Create("web", run)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		write(t, f, string(numbered(100_000)))
		if run == 2 {
			f.Close()
		}
	}
	k.Ready()
	until(t, k, "deleted", func() bool { runs, err := k.dir.Runs("web"); return err == nil && len(runs) == 1 })
	wantRuns(t, k.dir, "web", 1)
}
