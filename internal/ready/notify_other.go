//go:build !linux

package ready

import (
	"errors"
	"net"
	"strings"
	"syscall"
)

// abstractName is empty: there is no abstract namespace here.
func abstractName(string, string, int) string { return "" }

const receiveFlags = 0

func bind(name string, _ int) (*net.UnixConn, error) {
	if !strings.HasPrefix(name, "/") {
		return nil, errors.ErrUnsupported
	}
	return net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
}

// trusted closes the descriptors that came with a notice; the directory tells who
// may send one.
func trusted(control []byte) bool {
	messages, err := syscall.ParseSocketControlMessage(control)
	if err == nil {
		closeReceived(messages)
	}
	return true
}
