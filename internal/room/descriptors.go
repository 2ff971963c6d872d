package room

import (
	"fmt"
	"syscall"
)

// kept is how many descriptors are left to what comes and goes: a client that is
// answered has one, a start five (a log, two pipes, a cgroup), a check or a hook
// three, a commit or a write to a log one. That is a dozen clients, ten starts at
// once, and as much again. Of a small limit a quarter is kept.
const kept = 64

// What is held for as long as a task runs, by how little it leaves to others.
const (
	Optional = kept     // there is another way
	Needed   = kept / 2 // the run cannot have what it was promised otherwise
)

// ErrScarce is a syscall.EMFILE before there is one.
var ErrScarce = fmt.Errorf("%w but for a reserve", syscall.EMFILE)

// Hold reports whether fd, which was just opened, may stay open for as long as a task
// runs, so that leave descriptors remain however many tasks run. If not, the error is
// ErrScarce and fd must be closed. The kernel gives the lowest free number, so a high
// fd means that all below it are in use.
func Hold(fd, leave int) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return nil
	}
	if !held(fd, leave, limit.Cur) {
		return ErrScarce
	}
	return nil
}

func held(fd, leave int, limit uint64) bool {
	reserve := uint64(leave)
	if limit < 4*kept {
		reserve = limit * reserve / (4 * kept)
	}
	return uint64(fd) < limit-reserve
}
