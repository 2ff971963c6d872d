// Package room tells errors of a machine that is out of resources from permanent ones.
package room

import (
	"errors"
	"syscall"
)

// OutOfResources reports whether a run, a hook or a check could not start because the
// machine is out of resources. Such a start may succeed later. Use it only for errors
// of the start: an errno of the program itself has another meaning.
//
//   - ENOSPC, EDQUOT: no disk, or no more of it for this user; open(2), bind(2)
//   - ENOMEM, ENOBUFS: no memory; fork(2), socket(2)
//   - EAGAIN: no process, by a limit of the user or of a cgroup; fork(2)
//   - EMFILE, ENFILE: no descriptor; open(2), pipe(2), socket(2)
//   - EBADF: no descriptor, as dup2(2) says it between fork and exec: of a number
//     that the limit does not allow
//   - what NotNow was called for
func OutOfResources(err error) bool {
	if errors.As(err, new(notNow)) {
		return true
	}
	for _, e := range []error{
		syscall.ENOSPC, syscall.EDQUOT, syscall.ENOMEM, syscall.ENOBUFS, syscall.EAGAIN, syscall.EMFILE, syscall.ENFILE, syscall.EBADF,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

type notNow struct{ error }

func (e notNow) Unwrap() error { return e.error }

// NotNow is err, of a place that is the supervisor's and cannot be used for now: it counts as
// out of resources.
func NotNow(err error) error { return notNow{err} }

// In is err, of a file to be made below dir: NotNow where dir itself cannot be written, as on a
// disk that is read-only or away. If it can, somebody has put something else in the way.
func In(dir string, err error) error {
	const write, search = 2, 1 // W_OK, X_OK
	if err != nil && (errors.Is(err, syscall.EIO) || syscall.Access(dir, write|search) != nil) {
		return NotNow(err)
	}
	return err
}
