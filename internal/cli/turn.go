package cli

import (
	"context"
	"errors"
	"os"
	"syscall"
)

// takeTurn returns once no other up or down of the file at path is under way: each
// goes by what the one before has done. It is a lock on the file, flock(2), which
// ends with this process. Where the file cannot be locked, as on some
// network file systems, there are no turns.
func (e *env) takeTurn(ctx context.Context, path string) (release func(), err error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // of a pipe nobody may have the other end any more
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		e.remark("tasks: another up or down of %s is under way: waiting for it", path)
		locked := make(chan struct{})
		go func() {
			for errors.Is(syscall.Flock(int(f.Fd()), syscall.LOCK_EX), syscall.EINTR) {
			}
			close(locked)
		}()
		select {
		case <-locked:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return func() { f.Close() }, nil
}
