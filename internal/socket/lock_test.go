package socket

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
)

func wantLock(t *testing.T, dir string, pid int, socket string, held bool) {
	t.Helper()
	h, err := ReadLock(dir)
	if err != nil || h.PID != pid || h.Socket != socket || h.Held != held || h.Elsewhere != nil {
		t.Errorf("lock says %+v, %v; want %d %q held=%v", h, err, pid, socket, held)
	}
}

func wantHeld(t *testing.T, dir string, pid int, socket string) {
	t.Helper()
	_, err := AcquireLock(dir)
	var held *HeldError
	if !errors.As(err, &held) || *held != (HeldError{Dir: dir, PID: pid, Socket: socket}) {
		t.Errorf("got %v, want that pid %d on %q holds it", err, pid, socket)
	}
}

func TestLock(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	path := filepath.Join(dir, "lock")
	wantLock(t, dir, 0, "", false)
	if exists(path) {
		t.Error("reading made the lock")
	}

	l, err := AcquireLock(dir)
	check(t, err)
	wantMode(t, path, 0o600)
	wantLock(t, dir, 0, "", true)
	wantHeld(t, dir, 0, "")

	check(t, l.Record("/a rather long path/x.sock"))
	check(t, l.Record("/a b/x.sock"))
	wantLock(t, dir, os.Getpid(), "/a b/x.sock", true)
	wantHeld(t, dir, os.Getpid(), "/a b/x.sock")

	check(t, l.Release())
	data, err := os.ReadFile(path)
	if err != nil || len(data) > 0 {
		t.Errorf("released lock holds %q, %v", data, err)
	}
	wantLock(t, dir, 0, "", false)
	l, err = AcquireLock(dir)
	check(t, err)
	check(t, l.Release())
}

func TestHeldError(t *testing.T) {
	t.Parallel()
	wantError(t, &HeldError{Dir: "/s", PID: 12, Socket: "/x.sock"}, "/s", "12", "/x.sock")
	wantError(t, &HeldError{Dir: "/s"}, "/s", "another supervisor")
}

func TestLockOfAnotherProcess(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	socket := filepath.Join(dir, "x.sock")
	c := startChild(t, "lock", dir)
	pid := c.cmd.Process.Pid
	wantLock(t, dir, pid, socket, true)
	wantHeld(t, dir, pid, socket)

	// Its death frees the lock and leaves what it wrote, until the next holder.
	c.kill()
	wantLock(t, dir, pid, socket, false)
	check(t, os.Chmod(filepath.Join(dir, "lock"), 0o644))
	l, err := AcquireLock(dir)
	check(t, err)
	defer l.Release()
	wantLock(t, dir, 0, "", true)
	wantMode(t, filepath.Join(dir, "lock"), 0o600)
}

func TestLockRace(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	var start, done sync.WaitGroup
	var winners atomic.Int32
	var winner atomic.Pointer[Lock]
	start.Add(1)
	for range 12 {
		done.Go(func() {
			start.Wait()
			l, err := AcquireLock(dir)
			switch held := (*HeldError)(nil); {
			case err == nil:
				winners.Add(1)
				winner.Store(l)
			case !errors.As(err, &held):
				t.Error(err)
			}
		})
	}
	start.Done()
	done.Wait()
	if n := winners.Load(); n != 1 {
		t.Fatalf("%d of 12 got the lock", n)
	}
	check(t, winner.Load().Release())
}

// Who waits for the end of a supervisor does not wait for the end of the next one.
func TestAwaitRelease(t *testing.T) {
	dir := t.TempDir()
	l, err := AcquireLock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Record("/s"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := AwaitRelease(ctx, dir, os.Getpid()); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, and it is held", err)
	}
	if err := AwaitRelease(ctx, dir, os.Getppid()); err != nil {
		t.Errorf("%v, and another holds it", err)
	}
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
	if err := AwaitRelease(ctx, dir, os.Getpid()); err != nil {
		t.Errorf("%v, and nobody holds it", err)
	}
}

// Readers of the lock must not keep anyone from it.
func TestLockAmongReaders(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	var readers sync.WaitGroup
	var stop atomic.Bool
	for range 4 {
		readers.Go(func() {
			for !stop.Load() {
				if _, err := ReadLock(dir); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 50 {
		l, err := AcquireLock(dir)
		if err != nil {
			t.Error(err)
			break
		}
		check(t, l.Release())
	}
	stop.Store(true)
	readers.Wait()
}

func TestLockRemovedByHand(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	file, err := openLock(dir, os.O_RDWR|os.O_CREATE)
	check(t, err)
	defer file.Close()
	if !named(file) {
		t.Error("the lock is not its name's file")
	}
	check(t, os.Remove(file.Name()))
	if named(file) {
		t.Error("a removed lock passes for one that others see")
	}
	touch(t, file.Name())
	if named(file) {
		t.Error("a replaced lock passes for one that others see")
	}
}

func TestLockRefuses(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	path := filepath.Join(dir, "lock")
	both := func(parts ...string) {
		t.Helper()
		_, err := AcquireLock(dir)
		wantError(t, err, parts...)
		_, err = ReadLock(dir)
		wantError(t, err, parts...)
	}
	target := filepath.Join(tempDir(t), "target")
	touch(t, target)
	check(t, os.Symlink(target, path))
	both(path, "symbolic link")
	if data, _ := os.ReadFile(target); string(data) != "precious" {
		t.Error("wrote through the symbolic link")
	}
	check(t, os.Remove(path))
	check(t, os.Mkdir(path, 0o700))
	both(path)

	_, err := AcquireLock(filepath.Join(dir, "none"))
	wantError(t, err, "cannot open lock", "no such file")
}

func TestLockContent(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]struct {
		pid    int
		socket string
	}{
		"":                {},
		"12":              {},
		"12 /x.so":        {}, // half written
		"12 \n":           {},
		"12 x.sock\n":     {},
		"0 /x.sock\n":     {},
		"-3 /x.sock\n":    {},
		"pid /x.sock\n":   {},
		"12 /x.sock\n":    {12, "/x.sock"},
		"12 /a\nb\n":      {12, "/a\nb"},
		"\x00\x00\x00":    {}, // blank
		"12 /a\x00\x00\n": {}, // half written over that
	} {
		dir := tempDir(t)
		check(t, os.WriteFile(filepath.Join(dir, "lock"), []byte(data), 0o600))
		h, err := ReadLock(dir)
		if err != nil || h.Held || h.PID != want.pid || h.Socket != want.socket {
			t.Errorf("%q: %+v, %v", data, h, err)
		}
	}
}

// A lock that clients do not find is reported, until it is found again or was
// taken once more.
func TestLostLock(t *testing.T) {
	t.Parallel()
	root := tempDir(t)
	dir, away := filepath.Join(root, "state"), filepath.Join(root, "away")
	check(t, os.Mkdir(dir, 0o700))
	l, err := AcquireLock(dir)
	check(t, err)
	check(t, l.Record("/x.sock"))
	check(t, l.Check())
	check(t, l.Retake("/x.sock")) // nothing must be done
	wantLock(t, dir, os.Getpid(), "/x.sock", true)

	check(t, os.Rename(dir, away))
	wantError(t, l.Check(), "the state directory "+dir, "was removed", "tasks serve --replace")
	check(t, os.Mkdir(dir, 0o700))
	wantError(t, l.Check(), "the lock "+dir+"/lock", "was removed")
	other, err := AcquireLock(dir)
	check(t, err)
	check(t, other.Record("/other.sock"))
	wantError(t, l.Check(), "was replaced", "pid "+strconv.Itoa(os.Getpid()), "/other.sock", "tasks exit")
	var held *HeldError
	if err := l.Retake("/x.sock"); !errors.As(err, &held) || held.Socket != "/other.sock" {
		t.Errorf("Retake: %v", err)
	}
	check(t, other.Release())
	wantError(t, l.Check(), "the lock "+dir+"/lock", "was replaced", "tasks serve --replace")

	check(t, os.RemoveAll(dir))
	check(t, os.Rename(away, dir))
	check(t, l.Check())
	wantLock(t, dir, os.Getpid(), "/x.sock", true)

	check(t, os.RemoveAll(dir))
	check(t, l.Retake("/x.sock"))
	check(t, l.Check())
	wantMode(t, dir, 0o700)
	wantLock(t, dir, os.Getpid(), "/x.sock", true)
	check(t, l.Release())
	wantLock(t, dir, 0, "", false)
}
