package ready

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"tasks/internal/room"
)

// notices hears what a run says of itself, sd_notify(3), until it is closed: who
// cannot say what it will may fail for that. Of all that only READY=1 counts.
type notices struct {
	name  string          // for NOTIFY_SOCKET
	conns []*net.UnixConn // the socket of that name, and one of an earlier version until the run is ready
	ready chan struct{}
	said  sync.Once // closes ready
	over  sync.WaitGroup
}

func (r *checks) notify(name, _ string) (check, error) {
	n, err := r.checker.listen(r.spec.Name, r.run, r.adopted && !r.isReady)
	if err != nil {
		return check{}, fmt.Errorf("cannot listen for READY=1: %w", room.In(filepath.Dir(r.checker.opts.Dir), err))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		n.close()
	}
	r.notices = n
	return check{name: name, try: n.await, waits: true}, nil
}

// listen binds the socket of a run; earlier: and the one that versions before gave it.
func (c *Checker) listen(name string, run int, earlier bool) (*notices, error) {
	dir, err := c.sockets.open()
	if err != nil {
		return nil, err
	}
	n := &notices{name: socketPath(dir, name, run), ready: make(chan struct{})}
	conn, err := bind(n.name, room.Needed)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(n.name, 0o600); err != nil { // whatever the umask
		conn.Close()
		return nil, err
	}
	n.hear(conn)
	if earlier { // it may have begun when the name was an abstract one
		if conn, err := bind(abstractName(c.opts.ID, name, run), room.Optional); err == nil {
			n.hear(conn)
		}
	}
	return n, nil
}

// maxNotice is the longest notice, in bytes: systemd's own limit.
const maxNotice = 4 << 10

// hear takes the notices that come to conn.
func (n *notices) hear(conn *net.UnixConn) {
	n.conns = append(n.conns, conn)
	n.over.Go(func() { n.read(conn) })
}

func (n *notices) read(conn *net.UnixConn) {
	text, control := make([]byte, maxNotice), make([]byte, maxNotice) // more descriptors than fit are not received
	for {
		size, more, flags, _, err := conn.ReadMsgUnix(text, control)
		if err != nil {
			return
		}
		n.handleNotice(text[:size], control[:more], flags)
	}
}

// look takes the notices that are there now: who reads them may not have run meanwhile.
func (n *notices) look(conn *net.UnixConn) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return
	}
	text, control := make([]byte, maxNotice), make([]byte, maxNotice)
	_ = raw.Control(func(fd uintptr) {
		for {
			size, more, flags, _, err := syscall.Recvmsg(int(fd), text, control, syscall.MSG_DONTWAIT|receiveFlags)
			if err != nil {
				return
			}
			n.handleNotice(text[:size], control[:more], flags)
		}
	})
}

// handleNotice looks at one notice.
func (n *notices) handleNotice(text, control []byte, flags int) {
	if trusted(control) && flags&syscall.MSG_TRUNC == 0 && saysReady(text) {
		n.said.Do(func() { close(n.ready) })
	}
}

// saysReady reports whether one of the assignments, one a line, is READY=1.
func saysReady(text []byte) bool {
	for line := range bytes.SplitSeq(text, []byte{'\n'}) {
		if string(line) == "READY=1" {
			return true
		}
	}
	return false
}

// closeReceived closes the descriptors that came with a notice: nobody needs them,
// and who waits for its barrier waits for that.
func closeReceived(messages []syscall.SocketControlMessage) {
	for _, m := range messages {
		fds, err := syscall.ParseUnixRights(&m)
		if err != nil {
			continue // it is something else
		}
		for _, fd := range fds {
			syscall.Close(fd)
		}
	}
}

// await waits until the run has said that it is ready.
func (n *notices) await(ctx context.Context) error {
	select {
	case <-n.ready:
		for _, earlier := range n.conns[1:] { // two descriptors for each run would be too many
			earlier.Close()
		}
		return nil
	case <-ctx.Done():
	}
	for _, conn := range n.conns {
		n.look(conn)
	}
	select {
	case <-n.ready:
		return nil
	default:
		return errors.New("no READY=1")
	}
}

func (n *notices) close() {
	os.Remove(n.name)
	for _, conn := range n.conns {
		conn.Close()
	}
	n.over.Wait()
}
