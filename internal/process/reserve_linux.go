package process

import (
	"errors"
	"sync"

	"golang.org/x/sys/unix"
)

// spare is for looks at processes, and for signals to them: clients, logs and
// checks may use up all descriptors, and still a run must end.
var spare reserve

// spares is how many descriptors are held. A signal takes two at a time, and few
// look at once.
const spares = 4

// A reserve is descriptors that are held to be closed when no other can be had.
type reserve struct {
	mu   sync.Mutex
	null int          // the original of the held duplicates
	held []int        // at most spares, lent ones included
	lent map[int]bool // opened in the place of one that was held
}

// fill opens the descriptors of the reserve.
func (r *reserve) fill(null int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.null, r.lent = null, make(map[int]bool)
	r.refill()
}

// empty closes what is held.
func (r *reserve) empty() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, fd := range r.held {
		closeFD(fd)
	}
	r.held = nil
}

// refill gets as many of the missing as it can. The caller holds the
// mutex.
func (r *reserve) refill() {
	for len(r.held)+len(r.lent) < spares {
		fd, err := duplicate(r.null)
		if err != nil {
			return
		}
		r.held = append(r.held, fd)
	}
}

// lend calls open with a descriptor free for it. Others may get that first: then
// it fails, as it would have without. What it opens is closed by close, soon.
func (r *reserve) lend(open func() (fd int, err error)) (fd int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := len(r.held) - 1
	if last < 0 {
		return open()
	}
	closeFD(r.held[last])
	r.held = r.held[:last]
	if fd, err = open(); err == nil {
		r.lent[fd] = true
	}
	r.refill()
	return fd, err
}

// close closes fd, or keeps its place where it was lent: in one step, so that
// nobody else gets it.
func (r *reserve) close(fd int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.lent[fd] {
		closeFD(fd)
	} else if delete(r.lent, fd); duplicateOnto(r.null, fd) == nil {
		r.held = append(r.held, fd)
	} else {
		closeFD(fd)
	}
	if len(r.held)+len(r.lent) < spares && r.lent != nil {
		r.refill()
	}
}

// noneLeft reports whether the error says that there is no free descriptor.
func noneLeft(err error) bool { return errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) }

// openBriefly opens a file of the kernel's for one look, which ends with
// spare.close.
func openBriefly(path string, flags int) (fd int, err error) {
	if fd, err = open(path, flags); noneLeft(err) {
		fd, err = spare.lend(func() (int, error) { return open(path, flags) })
	}
	return fd, err
}

// pidfdOpenBriefly opens a process for one signal, which ends with spare.close.
func pidfdOpenBriefly(pid int) (fd int, err error) {
	if fd, err = pidfdOpen(pid, 0); noneLeft(err) {
		fd, err = spare.lend(func() (int, error) { return pidfdOpen(pid, 0) })
	}
	return fd, err
}
