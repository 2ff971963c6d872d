package daemon

import (
	"errors"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"
)

// manager tells systemd how the supervisor does, sd_notify(3), where that asked
// for it: a datagram to the socket in NOTIFY_SOCKET.
type manager struct {
	socket   string
	usec     string        // as it was passed
	watchdog time.Duration // how often it wants a sign of life; 0: never
}

// newManager reads what systemd passed, and keeps it from the tasks.
func newManager() manager {
	m := manager{socket: os.Getenv("NOTIFY_SOCKET"), usec: os.Getenv("WATCHDOG_USEC")}
	usec, err := strconv.ParseInt(m.usec, 10, 64)
	pid := os.Getenv("WATCHDOG_PID")
	if err == nil && usec > 0 && (pid == "" || pid == strconv.Itoa(os.Getpid())) {
		m.watchdog = time.Duration(usec) * time.Microsecond / 2
	}
	for _, name := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} {
		os.Unsetenv(name)
	}
	return m
}

// environ is what systemd passed, for the program that is executed next.
func (m manager) environ() []string {
	if m.socket == "" {
		return nil
	}
	return []string{"NOTIFY_SOCKET=" + m.socket, "WATCHDOG_USEC=" + m.usec}
}

// notify sends one state, such as WATCHDOG=1, if the socket has room: systemd may hang, or
// another program that does not read may have left its socket in the environment.
func (m manager) notify(state string) { m.send(state, false) }

// notifyOnceRead sends one state that must arrive, such as READY=1, once the socket has room.
// The caller does not wait.
func (m manager) notifyOnceRead(state string) { go m.send(state, true) }

// send sends the state. It succeeds if nobody listens.
func (m manager) send(state string, wait bool) {
	if m.socket == "" {
		return
	}
	name := m.socket
	if name[0] == '@' { // the abstract namespace, unix(7)
		name = "\x00" + name[1:]
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		return
	}
	defer conn.Close()
	if raw, err := conn.SyscallConn(); err == nil {
		raw.Write(func(fd uintptr) (over bool) {
			_, err := syscall.Write(int(fd), []byte(state))
			return !wait || !errors.Is(err, syscall.EAGAIN)
		})
	}
}

// beats is when the next sign of life is due; nil: never.
func (m manager) beats() <-chan time.Time {
	if m.watchdog <= 0 || m.socket == "" {
		return nil
	}
	return time.Tick(m.watchdog)
}
