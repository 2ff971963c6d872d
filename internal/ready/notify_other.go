//go:build !linux

package ready

import (
	"net"
	"os"
	"path/filepath"
	"syscall"
)

// socketName is the name of the socket's file: there is no abstract namespace here.
func socketName(string, string, int) string { return "notify" }

// listen binds a file of that name in a directory that nobody else can enter.
func listen(name string) (*notices, error) {
	dir, err := os.MkdirTemp("", "tasks-")
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, name)
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return hear(path, conn, func() { os.RemoveAll(dir) }), nil
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
