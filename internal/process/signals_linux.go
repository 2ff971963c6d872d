package process

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ignored lists the signals that this process ignores.
func ignored() ([]os.Signal, error) {
	status, err := readAll("/proc/self/status")
	if err != nil {
		return nil, err
	}
	_, rest, _ := bytes.Cut(status, []byte("\nSigIgn:\t"))
	mask, _, _ := bytes.Cut(rest, []byte("\n"))
	bits, _ := strconv.ParseUint(string(mask), 16, 64)
	var all []os.Signal
	for sig := syscall.Signal(1); sig <= 64; sig++ {
		switch {
		case bits&(1<<(sig-1)) == 0:
		case sig == 32 || sig == 33:
			resetInternal(sig)
		default:
			all = append(all, sig)
		}
	}
	return all, nil
}

// resetInternal gives a signal that is internal to C libraries its default
// back. Go passes these over, and posix_spawn(3) of older glibc, as in make,
// leaves them ignored.
func resetInternal(sig syscall.Signal) {
	var action [32]byte // a struct sigaction of zeros: SIG_DFL
	unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&action)), 0, 8, 0, 0)
}
