package daemon

import (
	"os"

	"golang.org/x/sys/unix"
)

// closeOnExec keeps every descriptor but the standard ones from the programs
// that this one executes.
func closeOnExec() error {
	return os.NewSyscallError("close_range", unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC))
}
