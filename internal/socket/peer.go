package socket

import (
	"fmt"
	"net"
)

// Peer is the user and the process at the other end of conn, as the system
// vouches for them: for a client the one that listened, for a supervisor the
// one that connected. A pid of 0 is one that the system does not tell.
func Peer(conn *net.UnixConn) (uid, pid int, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, 0, fmt.Errorf("cannot ask for the peer: %w", err)
	}
	var asked error
	if err = raw.Control(func(fd uintptr) { uid, pid, asked = peer(int(fd)) }); err == nil {
		err = asked
	}
	if err != nil {
		return 0, 0, fmt.Errorf("cannot ask for the peer: %w", err)
	}
	return uid, pid, nil
}
