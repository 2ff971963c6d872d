package process

import (
	"errors"
	"runtime"
	"sync"
	"syscall"
)

// spareThreads is how many system calls may wait at once where no thread can be made.
const spareThreads = 32

// MakeThreads makes threads for later, as many as there is room for. A Go program ends
// where it cannot make one that it needs, and a task may use up the processes of its user
// or cgroup; it keeps the threads it has. Call it before New.
func MakeThreads() {
	var made sync.WaitGroup
	defer made.Wait()
	all := make(chan struct{})
	defer close(all)
	for range spareThreads {
		// What cannot be executed reports whether there is room: a thread would be the end.
		if _, err := forkExec("/", []string{"/"}, new(syscall.ProcAttr)); errors.Is(err, syscall.EAGAIN) {
			return
		}
		one := make(chan struct{})
		made.Go(func() {
			runtime.LockOSThread() // for itself, until all are made
			defer runtime.UnlockOSThread()
			close(one)
			<-all
		})
		<-one
	}
}
