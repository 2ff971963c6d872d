package ready

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tasks/pkg/task"
)

// notifier is a run that says how it is, as sd_notify(3) does.
func notifier(t *testing.T, r task.Checks) *net.UnixConn {
	t.Helper()
	env := r.Env()
	name, ok := strings.CutPrefix(strings.Join(env, " "), "NOTIFY_SOCKET=@")
	if !ok {
		t.Fatalf("the environment is %q", env)
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: "@" + name, Net: "unixgram"})
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

func notifying(t *testing.T) task.Checks {
	t.Helper()
	return begin(t, New(Options{ID: t.Name()}), task.Spec{Ready: task.Ready{ReadyNotify: true}}, "")
}

// notReady expects that nothing of what was said so far counts: a last one that
// comes with a descriptor tells when all was read.
func notReady(t *testing.T, r task.Checks, conn *net.UnixConn) {
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

// The next supervisor hears the run by the same name.
func TestNotifyIsHeardAgain(t *testing.T) {
	t.Parallel()
	c := New(Options{ID: t.Name()})
	spec := &task.Spec{Name: "web", Ready: task.Ready{ReadyNotify: true}}
	first, err := c.Begin(task.Launch{Spec: spec, Run: 7}, "")
	if err != nil {
		t.Fatal(err)
	}
	env := fmt.Sprint(first.Env())
	if _, err := c.Begin(task.Launch{Spec: spec, Run: 7}, ""); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("twice: %v", err)
	}
	first.Close()
	again := begin(t, New(Options{ID: t.Name()}), *spec, "")
	if fmt.Sprint(again.Env()) == env {
		t.Error("another run has the same name")
	}
	second, err := New(Options{ID: t.Name()}).Begin(task.Launch{Spec: spec, Run: 7}, "")
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if got := fmt.Sprint(second.Env()); got != env {
		t.Errorf("%s, and %s before", got, env)
	}
	say(t, notifier(t, second), "READY=1")
	if err := second.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestSocketName(t *testing.T) {
	t.Parallel()
	seen := make(map[string]string)
	long := strings.Repeat("n", task.MaxName)
	for _, id := range []string{"id", "0123456789abcdef"} {
		for _, name := range []string{"a", "1", long, long[1:] + "m"} {
			for _, run := range []int{1, 11, 1 << 40} {
				got, of := socketName(id, name, run), fmt.Sprint(id, "/", name, "/", run)
				if before := seen[got]; before != "" {
					t.Errorf("%s is of %s and of %s", got, before, of)
				}
				seen[got] = of
				if len(got) > maxName || !strings.HasPrefix(got, "@") || got != socketName(id, name, run) {
					t.Errorf("%d bytes: %s", len(got), got)
				}
			}
		}
	}
}

// A child inherits nothing of it.
func TestNotifySocketIsCloseOnExec(t *testing.T) {
	t.Parallel()
	conn, err := notifying(t).(*checks).notices.conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	conn.Control(func(fd uintptr) {
		if flags, err := unix.FcntlInt(fd, unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("%x, %v", flags, err)
		}
	})
}
