package ready

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"syscall"
)

// maxName is the longest name of a socket that every program can send to, in bytes.
const maxName = 107

// socketName is that of a run in the abstract namespace, unix(7): the same for
// each supervisor that looks after the run, and nothing to be removed after one
// that was killed.
func socketName(id, name string, run int) string {
	whole := fmt.Sprintf("%s/%s/%d", id, name, run)
	if text := "@tasks/" + whole; len(text) <= maxName {
		return text
	}
	sum := sha256.Sum256([]byte(whole))
	return "@tasks/" + hex.EncodeToString(sum[:20])
}

func listen(name string) (*notices, error) {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var err error
		controlErr := raw.Control(func(fd uintptr) {
			err = os.NewSyscallError("setsockopt", syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_PASSCRED, 1))
		})
		if controlErr != nil {
			return controlErr
		}
		return err
	}}
	conn, err := config.ListenPacket(context.Background(), "unixgram", name)
	if err != nil {
		return nil, err
	}
	return hear(name, conn.(*net.UnixConn), func() {}), nil
}

// trusted tells whether the kernel names our user or root as the sender of a
// notice. Which of their processes it is does not matter: they could do as they
// like with the run anyway. It closes the descriptors that came with it.
func trusted(control []byte) bool {
	messages, err := syscall.ParseSocketControlMessage(control)
	if err != nil {
		return false
	}
	closeReceived(messages)
	for _, m := range messages {
		if cred, err := syscall.ParseUnixCredentials(&m); err == nil {
			return cred.Uid == 0 || int(cred.Uid) == os.Getuid()
		}
	}
	return false
}
