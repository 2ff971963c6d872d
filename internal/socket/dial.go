package socket

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"

	"tasks/pkg/task"
)

// Dial connects to the supervisor on the socket path. While the supervisor's
// queue of new connections is full it tries again, until ctx ends. If nobody answers, path
// is not a socket, or it is another user's, the error is a [task.ErrUnavailable]; it wraps
// ctx.Err() once ctx has ended.
//
// Whoever answers for another user hears nothing: requests carry this user's
// environment. Its supervisor would not answer anyway, except root.
func Dial(ctx context.Context, path string) (net.Conn, error) { return dial(ctx, path, false) }

// DialForeign is Dial by a user who knows whose socket it is: it lets root
// connect to another user's supervisor.
func DialForeign(ctx context.Context, path string) (net.Conn, error) { return dial(ctx, path, true) }

func dial(ctx context.Context, path string, allowForeign bool) (net.Conn, error) {
	const pause = 5 * time.Millisecond
	var dialer net.Dialer
	for {
		conn, err := dialer.DialContext(ctx, "unix", path)
		switch {
		case err == nil:
			if err := checkPeer(conn.(*net.UnixConn), path, allowForeign); err != nil {
				conn.Close()
				return nil, err
			}
			return conn, nil
		case ctx.Err() != nil, errors.Is(err, context.DeadlineExceeded): // the dialer may see it before ctx does
			return nil, fmt.Errorf("cannot connect to %s: %w", path, cmp.Or(ctx.Err(), context.DeadlineExceeded))
		case !errors.Is(err, syscall.EAGAIN):
			return nil, unavailable(path, err)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("cannot connect to %s, its supervisor is too busy: %w", path, ctx.Err())
		case <-time.After(pause):
		}
	}
}

func checkPeer(conn *net.UnixConn, path string, allowForeign bool) error {
	uid, _, err := Peer(conn)
	switch me := os.Geteuid(); {
	case errors.Is(err, errors.ErrUnsupported), err == nil && (uid == me || me == 0 && allowForeign):
		return nil
	case err != nil:
		return err
	default:
		return &ForeignError{path, uid}
	}
}

// ForeignError is a [task.ErrUnavailable]: another user's process answers on a
// socket.
type ForeignError struct {
	Socket string
	UID    int
}

func (e *ForeignError) Error() string {
	if os.Geteuid() == 0 {
		return fmt.Sprintf("the socket %s belongs to uid %d, and this is root: use --allow-foreign to talk to it", e.Socket, e.UID)
	}
	return fmt.Sprintf("the socket %s belongs to uid %d, and this is uid %d: name another with --socket or TASKS_SOCKET", e.Socket, e.UID, os.Geteuid())
}

func (e *ForeignError) Unwrap() error { return task.ErrUnavailable }

// AbsentError is a [task.ErrUnavailable]: no supervisor answers on a socket.
type AbsentError struct{ Socket string }

func (e *AbsentError) Error() string {
	return fmt.Sprintf("no supervisor answers on %s: start one with 'tasks serve'", e.Socket)
}

func (e *AbsentError) Unwrap() error { return task.ErrUnavailable }

// unavailable says in words for people why path could not be connected to.
func unavailable(path string, err error) error {
	fi, statErr := os.Stat(path)
	switch {
	case statErr == nil && fi.Mode().Type() != fs.ModeSocket:
		return task.Errorf(task.ErrUnavailable, "", "%s is not a socket: name another with --socket or TASKS_SOCKET", path)
	case statErr == nil && errors.Is(err, fs.ErrPermission) && owner(fi) != os.Geteuid():
		return &ForeignError{path, owner(fi)}
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOTDIR):
		return &AbsentError{path}
	default:
		return task.Errorf(task.ErrUnavailable, "", "cannot connect to %s: %v", path, cause(err))
	}
}
