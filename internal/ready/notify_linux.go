package ready

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"syscall"

	"tasks/internal/room"
)

// abstractName is the name, in the abstract namespace of unix(7), of the sockets of
// versions before: every user could have bound it first.
func abstractName(id, name string, run int) string {
	whole := fmt.Sprintf("%s/%s/%d", id, name, run)
	if text := "@tasks/" + whole; len(text) <= maxPath {
		return text
	}
	sum := sha256.Sum256([]byte(whole))
	return "@tasks/" + hex.EncodeToString(sum[:20])
}

const receiveFlags = syscall.MSG_CMSG_CLOEXEC

func bind(name string, leave int) (*net.UnixConn, error) {
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
	socket := conn.(*net.UnixConn)
	if err := mayHold(socket, leave); err != nil {
		socket.Close()
		os.Remove(name)
		return nil, err
	}
	return socket, nil
}

// mayHold is why socket must not be held for as long as its run lasts, see [room.Hold].
func mayHold(socket *net.UnixConn, leave int) error {
	raw, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	var scarce error
	err = raw.Control(func(fd uintptr) { scarce = room.Hold(int(fd), leave) })
	return cmp.Or(err, scarce)
}

// trusted reports whether the kernel names our user or root as the sender of a
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
