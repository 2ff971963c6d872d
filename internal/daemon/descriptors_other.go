//go:build !linux

package daemon

import "golang.org/x/sys/unix"

// closeOnExec keeps every descriptor but the standard ones from the programs
// that this one executes.
func closeOnExec() error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	for fd := 3; fd < int(min(limit.Cur, 4096)); fd++ {
		unix.CloseOnExec(fd)
	}
	return nil
}
