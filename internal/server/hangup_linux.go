package server

import (
	"net"

	"golang.org/x/sys/unix"
)

// seesHangup reports whether awaitHangup knows the end of the connection from the
// end of its input.
func (c *conn) seesHangup() bool {
	_, ok := c.nc.(*net.UnixConn)
	return ok
}

// awaitHangup ends the connection's waits and watches when the peer has closed
// both directions. After the end of input only poll(2)'s POLLHUP tells that.
func (c *conn) awaitHangup() {
	uc, ok := c.nc.(*net.UnixConn)
	if !ok {
		c.cancel()
		return
	}
	raw, err := uc.SyscallConn()
	if err != nil {
		return
	}
	err = raw.Read(func(fd uintptr) bool {
		p := []unix.PollFd{{Fd: int32(fd)}}
		unix.Poll(p, 0)
		return p[0].Revents&(unix.POLLHUP|unix.POLLERR) != 0
	})
	if err == nil {
		c.cancel()
	}
}
