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
// queue of new connections is full it tries again, until ctx ends. Where nobody
// answers, where path is no socket, or where it is another user's, the error is
// a [task.ErrUnavailable]; it wraps ctx.Err() once ctx has ended.
//
// A supervisor of another user would refuse this one, so whoever answers there
// is not told anything; root may talk to everyone.
func Dial(ctx context.Context, path string) (net.Conn, error) {
	const pause = 5 * time.Millisecond
	var dialer net.Dialer
	for {
		conn, err := dialer.DialContext(ctx, "unix", path)
		switch {
		case err == nil:
			if err := checkPeer(conn.(*net.UnixConn), path); err != nil {
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

func checkPeer(conn *net.UnixConn, path string) error {
	uid, _, err := Peer(conn)
	switch me := os.Geteuid(); {
	case errors.Is(err, errors.ErrUnsupported), err == nil && (uid == me || me == 0):
		return nil
	case err != nil:
		return err
	default:
		return foreign(path, uid)
	}
}

func foreign(path string, uid int) error {
	return task.Errorf(task.ErrUnavailable, "", "the socket %s belongs to uid %d, and this is uid %d: name another with --socket or TASKS_SOCKET", path, uid, os.Geteuid())
}

// unavailable says in words for people why path could not be connected to.
func unavailable(path string, err error) error {
	fi, statErr := os.Stat(path)
	switch {
	case statErr == nil && fi.Mode().Type() != fs.ModeSocket:
		return task.Errorf(task.ErrUnavailable, "", "%s is not a socket: name another with --socket or TASKS_SOCKET", path)
	case statErr == nil && errors.Is(err, fs.ErrPermission) && owner(fi) != os.Geteuid():
		return foreign(path, owner(fi))
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOTDIR):
		return task.Errorf(task.ErrUnavailable, "", "no supervisor answers on %s: start one with 'tasks serve'", path)
	default:
		return task.Errorf(task.ErrUnavailable, "", "cannot connect to %s: %v", path, cause(err))
	}
}
