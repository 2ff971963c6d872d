package client

import (
	"errors"
	"io"
	"net"
	"testing"
)

// closing is a connection whose end is noticed by whoever writes to it.
type closing struct {
	net.Conn
	noticed func()
}

func (c *closing) Close() error {
	if noticed := c.noticed; noticed != nil {
		c.noticed = nil
		noticed()
	}
	return nil
}

// Why a connection has ended is what its reader has read, and not that it was closed
// thereupon.
func TestFirstFailureCounts(t *testing.T) {
	t.Parallel()
	conn := new(closing)
	l := &link{conn: conn, dead: make(chan struct{})}
	conn.noticed = func() { l.fail(net.ErrClosed) }
	l.fail(io.EOF)
	if err := l.lost(); !errors.Is(err, ErrLost) {
		t.Error(err)
	}
}
