package room

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
	"testing"
)

func TestOutOfResources(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{syscall.ENOSPC, true},
		{syscall.EDQUOT, true},
		{syscall.ENOMEM, true},
		{syscall.ENOBUFS, true},
		{syscall.EAGAIN, true},
		{syscall.EMFILE, true},
		{syscall.ENFILE, true},
		{syscall.EBADF, true},

		{fmt.Errorf("exec %q: %w", "x", syscall.EAGAIN), true},
		{&fs.PathError{Op: "open", Path: "x", Err: syscall.ENOSPC}, true},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("socket", syscall.EMFILE)}, true},
		{errors.Join(errors.New("x"), syscall.ENOMEM), true},

		{fmt.Errorf("cannot create: %w", NotNow(errors.New("the state directory was removed"))), true},
		{In(t.TempDir(), syscall.ENOTDIR), false},
		{In(t.TempDir(), syscall.EIO), true},
		{In(t.TempDir()+"/gone", syscall.ENOENT), true},
		{In(t.TempDir()+"/gone", nil), false},

		{nil, false},
		{errors.New(syscall.ENOSPC.Error()), false}, // a text of others
		{syscall.ENOENT, false},
		{syscall.EACCES, false},
		{syscall.EPERM, false},
		{syscall.E2BIG, false},
		{syscall.ENOEXEC, false},
		{syscall.EIO, false},
		{syscall.EROFS, false},
		{syscall.ECONNREFUSED, false}, // what a server that is not well answers
		{syscall.ECONNRESET, false},
		{syscall.EPIPE, false},
		{os.ErrDeadlineExceeded, false},
		{net.ErrClosed, false},
	} {
		if got := OutOfResources(tt.err); got != tt.want {
			t.Errorf("%v: %t", tt.err, got)
		}
	}
}
