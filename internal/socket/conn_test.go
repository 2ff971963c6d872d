package socket

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"tasks/pkg/task"
)

func TestListen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(tempDir(t), "x.sock")
	l, err := Listen(path)
	check(t, err)
	wantMode(t, path, 0o600)
	if l.Lost() {
		t.Error("lost at once")
	}
	conn, err := Dial(t.Context(), path)
	check(t, err)
	defer conn.Close()
	served, err := l.AcceptUnix()
	check(t, err)
	defer served.Close()
	for _, end := range []*net.UnixConn{conn.(*net.UnixConn), served} {
		uid, pid, err := Peer(end)
		if err != nil || uid != os.Geteuid() || pid != os.Getpid() {
			t.Errorf("peer is uid %d, pid %d, %v", uid, pid, err)
		}
	}
	check(t, l.Close())
	check(t, l.Close())
	if exists(path) {
		t.Error("the socket is there after Close")
	}
}

func TestListenAgainAfterLoss(t *testing.T) {
	t.Parallel()
	path := filepath.Join(tempDir(t), "x.sock")
	old, err := Listen(path)
	check(t, err)
	check(t, os.Remove(path))
	if !old.Lost() {
		t.Error("the file is gone, but not lost")
	}
	now, err := Listen(path)
	check(t, err)
	if !old.Lost() || now.Lost() {
		t.Errorf("old lost: %v, new lost: %v", old.Lost(), now.Lost())
	}
	check(t, old.Close())
	if now.Lost() {
		t.Error("the old listener removed the new one's socket")
	}
	check(t, now.Close())

	gone, err := Listen(path)
	check(t, err)
	check(t, os.Remove(path))
	touch(t, path)
	if !gone.Lost() {
		t.Error("another file is there, but not lost")
	}
	check(t, gone.Close())
	if !exists(path) {
		t.Error("Close removed a file that is not its own")
	}
}

func TestListenReplacesStale(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	path := filepath.Join(dir, "x.sock")
	c := startChild(t, "listen", dir)
	_, err := Listen(path)
	wantError(t, err, path, "pid "+strconv.Itoa(c.cmd.Process.Pid), "answers")
	c.kill()
	if !exists(path) {
		t.Fatal("no stale socket to replace")
	}
	_, err = Dial(t.Context(), path)
	wantError(t, err, "no supervisor answers on "+path)
	l, err := Listen(path)
	check(t, err)
	check(t, l.Close())
}

func TestListenRefuses(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	path := filepath.Join(dir, "x.sock")
	refuse := func(parts ...string) {
		t.Helper()
		_, err := Listen(path)
		wantError(t, err, append(parts, path)...)
		if !exists(path) {
			t.Error("what was there is gone")
		}
		check(t, os.Remove(path))
	}
	touch(t, path)
	refuse("not a socket")
	check(t, os.Mkdir(path, 0o700))
	refuse("not a socket")
	check(t, os.Symlink(filepath.Join(dir, "nowhere"), path))
	refuse("not a socket")
	if exists(filepath.Join(dir, "nowhere")) {
		t.Error("bound through a dangling link")
	}
	_, err := Listen(filepath.Join(dir, "none", "x.sock"))
	wantError(t, err, "cannot listen on", "no such file")
}

func TestListenRefusesBusy(t *testing.T) {
	t.Parallel()
	path := filepath.Join(tempDir(t), "x.sock")
	fullSocket(t, path)
	_, err := Listen(path)
	wantError(t, err, path, "answers")
	if !exists(path) {
		t.Error("removed a socket that is in use")
	}
}

func TestForeignSocket(t *testing.T) {
	t.Parallel()
	needRoot(t)
	dir := tempDir(t)
	path := filepath.Join(dir, "x.sock")
	check(t, os.Chown(dir, nobody, nobody))
	c := startChild(t, "listen as nobody", dir)
	if c.said != "ok" {
		t.Fatal(c.said)
	}
	_, err := Dial(t.Context(), path)
	wantError(t, err, path, "belongs to uid 65534, and this is root: use --allow-foreign")
	if foreign := new(ForeignError); !errors.Is(err, task.ErrUnavailable) || !errors.As(err, &foreign) || foreign.UID != nobody {
		t.Errorf("%#v", err)
	}
	conn, err := DialForeign(t.Context(), path) // root may, if it says so
	check(t, err)
	uid, pid, err := Peer(conn.(*net.UnixConn))
	if err != nil || uid != nobody || pid != c.cmd.Process.Pid {
		t.Errorf("peer is uid %d, pid %d, %v", uid, pid, err)
	}
	conn.Close()
	_, err = Listen(path)
	wantError(t, err, "belongs to uid 65534")
	c.kill()
	_, err = Listen(path)
	wantError(t, err, "belongs to uid 65534")
	if !exists(path) {
		t.Error("removed the socket of another user")
	}
}

func TestDialForeign(t *testing.T) {
	t.Parallel()
	needRoot(t)
	dir := tempDir(t)
	path := filepath.Join(dir, "x.sock")
	check(t, os.Chmod(dir, 0o755))
	l, err := Listen(path)
	check(t, err)
	defer l.Close()

	// Neither where the file keeps this user out nor where a trap lets it in.
	for _, mode := range []os.FileMode{0o600, 0o666} {
		check(t, os.Chmod(path, mode))
		c := startChild(t, "dial as nobody", dir)
		wantError(t, errors.New(c.said), path, "belongs to uid 0", "this is uid 65534")
	}
	check(t, os.Chmod(dir, 0o700))
	c := startChild(t, "dial as nobody", dir)
	wantError(t, errors.New(c.said), path, "permission denied")
}

func TestPeerOfAnotherProcess(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	l, err := Listen(filepath.Join(dir, "x.sock"))
	check(t, err)
	defer l.Close()
	c := startChild(t, "dial", dir)
	conn, err := l.AcceptUnix()
	check(t, err)
	defer conn.Close()
	uid, pid, err := Peer(conn)
	if err != nil || uid != os.Geteuid() || pid != c.cmd.Process.Pid {
		t.Errorf("peer is uid %d, pid %d, %v; want pid %d", uid, pid, err, c.cmd.Process.Pid)
	}
	conn.Close()
	_, _, err = Peer(conn)
	wantError(t, err, "cannot ask for the peer")
}

func TestDialUnavailable(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	touch(t, at("file"))
	check(t, os.Mkdir(at("dir"), 0o700))
	syscall.ForkLock.RLock() // a child that another test forks would listen until its exec
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: at("stale"), Net: "unix"})
	if err == nil {
		stale.SetUnlinkOnClose(false)
		stale.Close()
	}
	syscall.ForkLock.RUnlock()
	check(t, err)
	datagrams, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: at("datagrams"), Net: "unixgram"})
	check(t, err)
	defer datagrams.Close()

	for name, want := range map[string]string{
		"absent":    "no supervisor answers on " + at("absent") + ": start one with 'tasks serve'",
		"no/dir":    "no supervisor answers on " + at("no/dir"),
		"file/x":    "no supervisor answers on " + at("file/x"),
		"stale":     "no supervisor answers on " + at("stale"),
		"file":      at("file") + " is not a socket",
		"dir":       at("dir") + " is not a socket",
		"datagrams": "cannot connect to " + at("datagrams"),
	} {
		_, err := Dial(t.Context(), at(name))
		wantError(t, err, want)
		if !errors.Is(err, task.ErrUnavailable) {
			t.Errorf("%s: %v is not of the kind unavailable", name, err)
		}
	}
}

// A busy socket listens with a queue that is full.
type busy struct {
	t  *testing.T
	fd int
}

func fullSocket(t *testing.T, path string) *busy {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("a full queue looks like a dead listener on this system")
	}
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	check(t, err)
	t.Cleanup(func() { syscall.Close(fd) })
	check(t, syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}))
	check(t, syscall.Listen(fd, 0))
	for {
		conn, err := net.Dial("unix", path)
		if errors.Is(err, syscall.EAGAIN) {
			return &busy{t, fd}
		}
		check(t, err)
		t.Cleanup(func() { conn.Close() })
	}
}

// drain makes room for one connection.
func (b *busy) drain() {
	b.t.Helper()
	fd, _, err := syscall.Accept(b.fd)
	check(b.t, err)
	syscall.Close(fd)
}

func TestDialWaitsForRoom(t *testing.T) {
	t.Parallel()
	path := filepath.Join(tempDir(t), "x.sock")
	b := fullSocket(t, path)
	dialed := make(chan error)
	go func() {
		conn, err := Dial(t.Context(), path)
		if err == nil {
			conn.Close()
		}
		dialed <- err
	}()
	b.drain()
	check(t, <-dialed)
}

func TestDialEndsWithContext(t *testing.T) {
	t.Parallel()
	path := filepath.Join(tempDir(t), "x.sock")
	fullSocket(t, path)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := Dial(ctx, path); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the deadline", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if _, err := Dial(ctx, path); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the cancellation", err)
	}
}
