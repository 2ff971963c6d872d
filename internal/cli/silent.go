package cli

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"time"

	"tasks/internal/socket"
)

// silent says, once and even with -q, that the supervisor does not answer, and why
// where that can be seen. The command keeps waiting.
func (d *dialer) silent() {
	d.onceSilent.Do(func() {
		pid := d.supervisorPID()
		switch {
		case pid == 0:
			fmt.Fprintln(d.says.err, "tasks: the supervisor does not answer: waiting for it")
		case stopped(pid):
			fmt.Fprintf(d.says.err, "tasks: the supervisor (pid %d) does not answer: it is stopped: resume it with 'kill -CONT %d'\n", pid, pid)
		default:
			fmt.Fprintf(d.says.err, "tasks: the supervisor (pid %d) does not answer: waiting for it\n", pid)
		}
	})
}

// supervisorPID is the process that listens, which it does also while it is stopped; 0
// where that is unknown.
func (d *dialer) supervisorPID() int {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	conn, err := d.client.Dial(ctx)
	if err != nil {
		return 0
	}
	defer conn.Close()
	uc, ok := conn.(*net.UnixConn)
	if !ok {
		return 0
	}
	_, pid, _ := socket.Peer(uc)
	return pid
}

// stopped reports whether a signal has stopped the process, where that can be seen.
func stopped(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	name := bytes.LastIndexByte(stat, ')')
	return err == nil && name >= 0 && bytes.HasPrefix(stat[name:], []byte(") T "))
}

// waitsFor says what serve waits for.
func (d *dialer) waitsFor(what string) { fmt.Fprintf(d.says.err, "tasks: %s: waiting for it\n", what) }
