package main

import (
	"os"
	"sync"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

const setLease = 1024 // F_SETLEASE of Linux, fcntl(2)

var leases sync.Map // by path

// lease is `[!] lease FILE`: from now on an exec of FILE hangs, as on a server that does not
// answer, until ! lease, or for as long as the kernel leaves a lease to its holder: 45 s.
func lease(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: [!] lease FILE")
	}
	path := ts.MkAbs(args[0])
	if neg {
		f, ok := leases.LoadAndDelete(path)
		if !ok {
			ts.Fatalf("no lease on %s", path)
		}
		f.(*os.File).Close()
		return
	}
	f, err := os.Open(path)
	ts.Check(err)
	ts.Defer(func() { f.Close() })
	_, err = unix.FcntlInt(f.Fd(), setLease, syscall.F_WRLCK)
	ts.Check(err)
	leases.Store(path, f)
}
