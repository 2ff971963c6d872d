package cli

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// endWithReader ends the program, as SIGPIPE would, as soon as nobody reads its
// output any more: what follows a log may have nothing to write for long.
func (s *streams) endWithReader() {
	f, ok := s.raw.(*os.File)
	if !ok {
		return
	}
	if fi, err := f.Stat(); err != nil || fi.Mode()&(os.ModeNamedPipe|os.ModeSocket) == 0 {
		return
	}
	go func() {
		out := []unix.PollFd{{Fd: int32(f.Fd())}}
		for {
			switch _, err := unix.Poll(out, -1); {
			case err == unix.EINTR:
			case err == nil && out[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0:
				os.Exit(128 + int(syscall.SIGPIPE))
			default:
				return
			}
		}
	}()
}
