package ready

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
)

// notices hears what a run says of itself, sd_notify(3), until it is closed: who
// cannot say what it will may fail for that. Of all that only READY=1 counts.
type notices struct {
	name  string // for NOTIFY_SOCKET
	conn  *net.UnixConn
	gone  func() // after the end
	ready chan struct{}
	over  sync.WaitGroup
}

func (r *checks) notify(name, socket string) (check, error) {
	n, err := listen(socket)
	if err != nil {
		return check{}, fmt.Errorf("cannot listen for READY=1: %w", err)
	}
	r.notices = n
	return check{name: name, try: n.await, waits: true}, nil
}

// maxNotice is the longest notice, in bytes: systemd's own limit.
const maxNotice = 4 << 10

// hear takes the notices that come to conn.
func hear(name string, conn *net.UnixConn, gone func()) *notices {
	n := &notices{name: name, conn: conn, gone: gone, ready: make(chan struct{})}
	n.over.Go(n.read)
	return n
}

func (n *notices) read() {
	text, control := make([]byte, maxNotice), make([]byte, maxNotice) // more descriptors than fit are not received
	for said := false; ; {
		size, more, flags, _, err := n.conn.ReadMsgUnix(text, control)
		if err != nil {
			return
		}
		if trusted(control[:more]) && flags&syscall.MSG_TRUNC == 0 && !said && saysReady(text[:size]) {
			said = true
			close(n.ready)
		}
	}
}

// saysReady tells whether one of the assignments, one a line, is READY=1.
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
		return nil
	case <-ctx.Done():
	}
	select {
	case <-n.ready:
		return nil
	default:
		return errors.New("no READY=1")
	}
}

func (n *notices) close() {
	n.conn.Close()
	n.over.Wait()
	n.gone()
}
