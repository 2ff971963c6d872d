package socket

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// A Listener accepts connections on a socket file and knows that file.
type Listener struct {
	*net.UnixListener
	path  string
	bound fs.FileInfo // the socket keeps its inode in use, so no other file can have its number
	close func() error
}

// Listen binds the socket path, mode 0600 whatever the umask, in a directory
// that was checked before. Only the holder of the supervisor's [Lock] may call
// it: a socket file of this user on which nobody answers is replaced, as a dead
// supervisor's. Anything else at path stays, as an error.
func Listen(path string) (*Listener, error) {
	if err := removeStale(path); err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w", path, err)
	}
	ul, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w", path, cause(err))
	}
	if err := os.Chmod(path, 0o600); err != nil {
		ul.Close()
		return nil, fmt.Errorf("cannot listen on %s: %w", path, cause(err))
	}
	return listener(ul, path)
}

// ListenUnlocked is [Listen] for a program that holds no [Lock]: of several that find the
// same stale socket, one replaces it, and the others see that it is in use. While they
// look there is a file beside it, which no other user can open and hold up.
func ListenUnlocked(path string) (*Listener, error) {
	const pause, tries = time.Millisecond, 5000
	var l *Listener
	for range tries {
		file, err := openOwnLock(path+".lock", os.O_RDWR|os.O_CREATE)
		if err != nil {
			return nil, err
		}
		err = flock(file, syscall.LOCK_EX)
		mine := err == nil && named(file) // else the one before has removed it
		if mine {
			l, err = Listen(path)
			os.Remove(file.Name())
		}
		unlock(file)
		if mine || !errors.Is(err, syscall.EWOULDBLOCK) && err != nil {
			return l, err
		}
		time.Sleep(pause)
	}
	return nil, fmt.Errorf("cannot listen on %s: another program of yours holds %s.lock: end it", path, path)
}

// Inherit makes a Listener of the descriptor that File of one on path gave, in
// this program or in the one that executed it. It takes over the file.
func Inherit(file *os.File, path string) (*Listener, error) {
	defer file.Close()
	nl, err := net.FileListener(file)
	if err != nil {
		return nil, fmt.Errorf("cannot take over the socket: %w", err)
	}
	ul, ok := nl.(*net.UnixListener)
	if !ok {
		nl.Close()
		return nil, errors.New("cannot take over the socket: it is of another kind")
	}
	return listener(ul, path)
}

func listener(ul *net.UnixListener, path string) (*Listener, error) {
	ul.SetUnlinkOnClose(false)
	l := &Listener{UnixListener: ul, path: path}
	l.close = sync.OnceValue(l.unlinkAndClose)
	var err error
	if l.bound, err = os.Lstat(path); err != nil {
		ul.Close()
		return nil, fmt.Errorf("cannot listen on %s: %w", path, cause(err))
	}
	return l, nil
}

// Lost reports whether clients no longer find this listener: its file is gone, or
// the path leads to another. Listen again on the path, then Close this one.
func (l *Listener) Lost() bool {
	fi, err := os.Lstat(l.path)
	return err != nil || !os.SameFile(l.bound, fi)
}

// Close removes the socket file if it is still the one that was bound, and ends
// the listener. Later calls return what the first did.
func (l *Listener) Close() error { return l.close() }

func (l *Listener) unlinkAndClose() error {
	var err error
	if !l.Lost() { // asked before the close, which lets go of the inode
		err = os.Remove(l.path)
	}
	if err := errors.Join(err, l.UnixListener.Close()); err != nil {
		return fmt.Errorf("cannot close socket: %w", err)
	}
	return nil
}

// removeStale removes the socket file that a dead supervisor of this user left.
func removeStale(path string) error {
	found, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return cause(err)
	case found.Mode().Type() != fs.ModeSocket:
		return errors.New("the file that is there is not a socket: move it away, or name another path")
	case owner(found) != os.Geteuid():
		return fmt.Errorf("the socket that is there belongs to uid %d: name another path", owner(found))
	}
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
	switch {
	case err == nil:
		defer conn.Close()
		_, pid, _ := Peer(conn) // 0 where the system does not tell
		return fmt.Errorf("another process (pid %d) answers there: end it, or name another path", pid)
	case errors.Is(err, syscall.EAGAIN): // its queue is full
		return errors.New("another process answers there: end it, or name another path")
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case !errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("cannot tell whether the socket that is there is in use: %w", cause(err))
	}
	if now, err := os.Lstat(path); err != nil || !os.SameFile(found, now) {
		return errors.New("another process is just binding it")
	}
	return cause(os.Remove(path))
}
