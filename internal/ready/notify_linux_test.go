package ready

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tasks/pkg/engine"
	"tasks/pkg/task"
)

// notifier is a run that says how it is, as sd_notify(3) does.
func notifier(t *testing.T, r engine.Checks) *net.UnixConn {
	t.Helper()
	env := r.Env()
	name, ok := strings.CutPrefix(strings.Join(env, " "), "NOTIFY_SOCKET=/")
	if !ok {
		t.Fatalf("the environment is %q", env)
	}
	return sender(t, "/"+name)
}

func sender(t *testing.T, name string) *net.UnixConn {
	t.Helper()
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func say(t *testing.T, conn *net.UnixConn, text string) {
	t.Helper()
	if _, err := conn.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

// with sends text with control messages.
func with(t *testing.T, conn *net.UnixConn, text string, control []byte) {
	t.Helper()
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if e := raw.Write(func(fd uintptr) bool {
		err = unix.Sendmsg(int(fd), []byte(text), control, nil, 0)
		return err != unix.EAGAIN
	}); e != nil || err != nil {
		t.Fatal(e, err)
	}
}

func notifying(t *testing.T) engine.Checks {
	t.Helper()
	return startChecks(t, New(Options{ID: t.Name(), Dir: notifyDir(t)}), task.Spec{Ready: task.Ready{ReadyNotify: true}}, "")
}

// notReady expects that nothing of what was said so far counts: a last one that
// comes with a descriptor tells when all was read.
func notReady(t *testing.T, r engine.Checks, conn *net.UnixConn) {
	t.Helper()
	barrier(t, conn)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Ready(ctx); err == nil || err.Error() != "notify: no READY=1" {
		t.Error(err)
	}
}

// barrier waits until all that was sent is read, and its descriptors are closed, as
// sd_notify_barrier(3) does.
func barrier(t *testing.T, conn *net.UnixConn) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	with(t, conn, "BARRIER=1", syscall.UnixRights(int(w.Fd())))
	w.Close()
	r.SetReadDeadline(time.Now().Add(time.Minute))
	if _, err := r.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("the descriptor was not closed: %v", err)
	}
}

func TestNotify(t *testing.T) {
	t.Parallel()
	r := notifying(t)
	conn := notifier(t, r)
	for _, text := range []string{"", "STATUS=almost", "READY=0", "READY=10", " READY=1", "XREADY=1", "STOPPING=1\nREADY=", "READY=1" + strings.Repeat("\nX", maxNotice)} {
		say(t, conn, text)
		notReady(t, r, conn)
	}
	ended := make(chan error, 1)
	go func() { ended <- r.Ready(t.Context()) }()
	say(t, conn, "STATUS=here we are\nREADY=1\nMAINPID=1")
	if err := <-ended; err != nil {
		t.Error(err)
	}
	say(t, conn, "READY=1") // it may say so again
	for range 1000 {
		say(t, conn, "STATUS=some more")
	}
	say(t, conn, "STOPPING=1")
	barrier(t, conn)
	if err := r.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}

// It may have come before anybody asks.
func TestNotifyBeforeReady(t *testing.T) {
	t.Parallel()
	r := notifying(t)
	conn := notifier(t, r)
	say(t, conn, "READY=1\n")
	barrier(t, conn)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Ready(ctx); err != nil {
		t.Error(err)
	}
}

// Only our user and root are heard. Root may claim to be another.
func TestNotifyFromAnother(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can claim to be another user")
	}
	r := notifying(t)
	conn := notifier(t, r)
	as := func(uid uint32) {
		t.Helper()
		with(t, conn, "READY=1", syscall.UnixCredentials(&syscall.Ucred{Pid: int32(os.Getpid()), Uid: uid, Gid: uid}))
	}
	as(12345)
	notReady(t, r, conn)
	as(0)
	if err := r.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}

// Descriptors that come along are closed, whoever sends them and however many.
func TestNotifyWithDescriptors(t *testing.T) {
	t.Parallel()
	r := notifying(t)
	conn := notifier(t, r)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	fds := make([]int, 250)
	for i := range fds {
		fds[i] = int(write.Fd())
	}
	control := syscall.UnixRights(fds...)
	if os.Getuid() == 0 {
		control = append(control, syscall.UnixCredentials(&syscall.Ucred{Pid: int32(os.Getpid()), Uid: 12345})...)
	}
	with(t, conn, "FDSTORE=1", control)
	write.Close()
	read.SetReadDeadline(time.Now().Add(time.Minute))
	if _, err := read.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("they were not closed: %v", err)
	}
}

// The next supervisor hears the run by the same name, whether the one before was
// killed or has closed.
func TestNotifyIsHeardAgain(t *testing.T) {
	t.Parallel()
	o := Options{ID: t.Name(), Dir: notifyDir(t)}
	spec := &task.Spec{Name: "web", Ready: task.Ready{ReadyNotify: true}}
	c := New(o)
	first, err := c.Begin(engine.Launch{Spec: spec, Run: 7}, "")
	if err != nil {
		t.Fatal(err)
	}
	env := fmt.Sprint(first.Env())
	if _, err := c.Begin(engine.Launch{Spec: spec, Run: 7}, ""); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("twice: %v", err)
	}
	if another := startChecks(t, c, *spec, ""); fmt.Sprint(another.Env()) == env {
		t.Error("another run has the same name")
	}
	left := files(t, o.Dir)
	again := New(o)
	if len(left) != 2 || len(files(t, o.Dir)) != 0 {
		t.Errorf("%q, and after a kill %q", left, files(t, o.Dir))
	}
	second, err := again.Begin(engine.Launch{Spec: spec, Run: 7, Adopted: true}, "")
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(second.Env()); got != env {
		t.Errorf("%s, and %s before", got, env)
	}
	say(t, notifier(t, second), "READY=1")
	if err := second.Ready(t.Context()); err != nil {
		t.Error(err)
	}
	second.Close()
	if left := files(t, o.Dir); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
	again.Close()
	if _, err := os.Lstat(o.Dir); err == nil {
		t.Error("the directory is left behind")
	}
}

func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// What was begun when the socket had an abstract name is heard by that name, and
// nobody who has bound that name first is in the way.
func TestNotifyByTheEarlierName(t *testing.T) {
	t.Parallel()
	o := Options{ID: fmt.Sprint(t.Name(), os.Getpid()), Dir: notifyDir(t)} // the abstract names of all processes are in one place
	spec := &task.Spec{Name: "web", Ready: task.Ready{ReadyNotify: true}}
	l := engine.Launch{Spec: spec, Run: 7, Adopted: true}
	r, err := New(o).Begin(l, "")
	if err != nil {
		t.Fatal(err)
	}
	old := abstractName(o.ID, "web", 7)
	say(t, sender(t, old), "READY=1")
	if err := r.Ready(t.Context()); err != nil {
		t.Error(err)
	}
	defer r.Close() // the other name is free once the run is ready
	squatter, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: old, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer squatter.Close()
	r.Close()
	for _, l.Adopted = range []bool{false, true} {
		r, err := New(o).Begin(l, "")
		if err != nil {
			t.Fatal(err)
		}
		say(t, notifier(t, r), "READY=1")
		if err := r.Ready(t.Context()); err != nil {
			t.Error(err)
		}
		r.Close()
	}
}

// A run that was taken back keeps its other checks where it has no socket yet, which is tried
// again until it is ready; one that is ready holds one socket alone.
func TestSocketOfARunThatWasTakenBack(t *testing.T) {
	t.Parallel()
	o := Options{ID: fmt.Sprint(t.Name(), os.Getpid()), Dir: notifyDir(t)}
	spec := &task.Spec{Name: "web", Ready: task.Ready{ReadyNotify: true, ReadyInterval: new(task.Duration(time.Millisecond))}, Health: task.Health{HealthHTTP: "http://127.0.0.1:1/", HealthInterval: new(task.Duration(time.Millisecond))}}
	c := New(o)
	blocked := socketPath(o.Dir, "web", 7)
	block := func() {
		t.Helper()
		if err := errors.Join(os.MkdirAll(o.Dir, 0o700), os.WriteFile(blocked, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	for _, isReady := range []bool{false, true} {
		block()
		l := engine.Launch{Spec: spec, Run: 7, Adopted: true, Ready: isReady}
		r, err := c.Begin(l, "")
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Healthy(t.Context()); err == nil || !strings.Contains(err.Error(), "health_http") {
			t.Errorf("Healthy: %v", err)
		}
		if isReady {
			r.Close()
			break
		}
		ready := make(chan error, 1)
		go func() { ready <- r.Ready(t.Context()) }()
		if err := os.Remove(blocked); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(time.Minute); r.Env() == nil; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("there is no socket")
			}
		}
		say(t, notifier(t, r), "READY=1")
		if err := <-ready; err != nil {
			t.Error(err)
		}
		r.Close()
	}
	os.Remove(blocked)
	r, err := c.Begin(engine.Launch{Spec: spec, Run: 7, Adopted: true, Ready: true}, "")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	notifier(t, r)
	old, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: abstractName(o.ID, "web", 7), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	old.Close()
}

// A state directory of a long path has its sockets elsewhere, and the next
// supervisor finds them.
func TestNotifyInADeepDirectory(t *testing.T) {
	t.Parallel()
	o := Options{ID: t.Name(), Dir: filepath.Join(t.TempDir(), strings.Repeat("d", 100), "notify")}
	if err := os.Mkdir(filepath.Dir(o.Dir), 0o700); err != nil {
		t.Fatal(err)
	}
	long := task.Spec{Name: strings.Repeat("n", task.MaxName), Ready: task.Ready{ReadyNotify: true}}
	c, names := New(o), make(map[string]bool)
	for range 2 {
		r := startChecks(t, c, long, "")
		say(t, notifier(t, r), "READY=1")
		if err := r.Ready(t.Context()); err != nil {
			t.Error(err)
		}
		names[r.Env()[0]] = true
		r.Close()
		c = New(o)
	}
	real, err := os.Readlink(o.Dir)
	if err != nil || len(names) != 1 {
		t.Fatalf("%v, %v", names, err)
	}
	// Others may have made a directory in its place: it is not used.
	if err := os.Chmod(real, 0o777); err != nil {
		t.Fatal(err)
	}
	c = New(o)
	r := startChecks(t, c, long, "")
	if names[r.Env()[0]] {
		t.Error("in a directory that others may enter")
	}
	r.Close()
	os.Remove(real)
	real, _ = os.Readlink(o.Dir)
	c.Close()
	for _, path := range []string{real, o.Dir} {
		if _, err := os.Lstat(path); err == nil {
			t.Errorf("%s is left behind", path)
		}
	}
}

// A directory that somebody has removed, as a cleaner of /tmp does, is made again for the
// next run.
func TestNotifyDirectoryIsMadeAgain(t *testing.T) {
	t.Parallel()
	deep := filepath.Join(t.TempDir(), strings.Repeat("d", 100), "notify")
	if err := os.Mkdir(filepath.Dir(deep), 0o700); err != nil {
		t.Fatal(err)
	}
	for what, dir := range map[string]string{"a short path": notifyDir(t), "a long path": deep} {
		c := New(Options{ID: t.Name(), Dir: dir})
		spec := task.Spec{Name: "web", Ready: task.Ready{ReadyNotify: true}}
		startChecks(t, c, spec, "").Close()
		for _, withLink := range []bool{false, true} {
			real, err := filepath.EvalSymlinks(dir)
			if err != nil {
				t.Fatal(err)
			}
			os.RemoveAll(real)
			if withLink {
				os.RemoveAll(dir)
			}
			r := startChecks(t, c, spec, "")
			say(t, notifier(t, r), "READY=1")
			if err := r.Ready(t.Context()); err != nil {
				t.Errorf("%s: %v", what, err)
			}
			r.Close()
		}
		c.Close()
	}
}

func TestNotifyRefusesAnOpenDirectory(t *testing.T) {
	t.Parallel()
	o := Options{Dir: notifyDir(t)}
	if err := os.Mkdir(o.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(o.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := New(o).Begin(engine.Launch{Spec: &task.Spec{Name: "web", Ready: task.Ready{ReadyNotify: true}}}, "")
	if err == nil || !strings.Contains(err.Error(), o.Dir+" (drwxr-xr-x") {
		t.Error(err)
	}
}

func TestSocketPath(t *testing.T) {
	t.Parallel()
	seen := make(map[string]string)
	long := strings.Repeat("n", task.MaxName)
	dir := "/" + strings.Repeat("d", maxPath-maxFile-1)
	for _, name := range []string{"a", "1", "a.1", long, long[1:] + "m"} {
		for _, run := range []int{1, 11, 1 << 40} {
			got, of := socketPath(dir, name, run), fmt.Sprint(name, "/", run)
			if before := seen[got]; before != "" {
				t.Errorf("%s is of %s and of %s", got, before, of)
			}
			seen[got] = of
			if len(got) > maxPath || got != socketPath(dir, name, run) {
				t.Errorf("%d bytes: %s", len(got), got)
			}
		}
	}
}

// A child inherits nothing of it.
func TestNotifySocketIsCloseOnExec(t *testing.T) {
	t.Parallel()
	conn, err := notifying(t).(*checks).notices.conns[0].SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	conn.Control(func(fd uintptr) {
		if flags, err := unix.FcntlInt(fd, unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("%x, %v", flags, err)
		}
	})
}
