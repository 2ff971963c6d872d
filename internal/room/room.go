// Package room tells a machine that has no room now from what fails for good.
package room

import (
	"errors"
	"syscall"
)

// Lacks tells whether something could not begin, a run, a hook or a check, because
// the machine has no room now; that says nothing of what was to begin, which may be
// tried again. It is for errors that come before that has begun: an errno of the
// thing itself is another matter.
//
//   - ENOSPC, EDQUOT: no disk, or no more of it for this user; open(2), bind(2)
//   - ENOMEM, ENOBUFS: no memory; fork(2), socket(2)
//   - EAGAIN: no process, by a limit of the user or of a cgroup; fork(2)
//   - EMFILE, ENFILE: no descriptor; open(2), pipe(2), socket(2)
//   - EBADF: no descriptor, as dup2(2) says it between fork and exec: of a number
//     that the limit does not allow
func OutOfResources(err error) bool {
	for _, e := range []error{
		syscall.ENOSPC, syscall.EDQUOT, syscall.ENOMEM, syscall.ENOBUFS, syscall.EAGAIN, syscall.EMFILE, syscall.ENFILE, syscall.EBADF,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
