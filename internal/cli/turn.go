package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"tasks/internal/safeopen"
	"tasks/pkg/client"
)

// takeTurn returns once no other up or down of the file at path is under way: each
// goes by what the one before has done. It is a lock, flock(2), which ends with this
// process, in the state directory of the supervisor: nobody else can take it, as any
// reader of the file could one on that. Where there can be none it says so, and does not
// wait.
func (e *env) takeTurn(ctx context.Context, c *client.Client, path string) (release func(), err error) {
	info, err := c.Info(ctx)
	if err != nil {
		return nil, err
	}
	file, err := os.Stat(path)
	if err != nil || info.StateDir == "" || e.foreign {
		return func() {}, nil
	}
	st := file.Sys().(*syscall.Stat_t)
	lock := filepath.Join(info.StateDir, fmt.Sprintf("turn-%d-%d", st.Dev, st.Ino))
	said := false
	for {
		f, err := safeopen.OpenPrivate(lock, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW)
		if err == nil {
			err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		}
		if err != nil && !errors.Is(err, syscall.EWOULDBLOCK) {
			e.remark("tasks: cannot wait for another up or down of %s: %v", path, err)
			f.Close() // of none it is an error, and nothing else
			return func() {}, nil
		}
		if errors.Is(err, syscall.EWOULDBLOCK) {
			if !said {
				e.remark("tasks: another up or down of %s is under way: waiting for it", path)
				said = true
			}
			locked := make(chan struct{})
			go func() {
				for errors.Is(syscall.Flock(int(f.Fd()), syscall.LOCK_EX), syscall.EINTR) {
				}
				close(locked)
			}()
			select {
			case <-locked:
			case <-ctx.Done():
				go func() { <-locked; f.Close() }() // a shell goes on
				return nil, context.Cause(ctx)
			}
		}
		if is, err := f.Stat(); err == nil {
			if there, err := os.Lstat(lock); err == nil && os.SameFile(is, there) {
				return func() { os.Remove(lock); f.Close() }, nil
			}
		}
		f.Close() // the one before has removed it
	}
}
