package process

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// memory reads what the kernel takes from the memory of other processes: their environments
// and arguments. A process that waits for a file server may keep its memory locked
// meanwhile, and who reads it then waits as long.
var memory = memoryReads{hanging: make(map[proc]*hangingRead)}

const (
	memoryPolls    = 10 // so that a time in which this program itself was not running counts once
	memoryInterval = 50 * time.Millisecond
	lockedAfter    = 5 * time.Second // a busy machine may take a while for what it has swapped out
	maxHanging     = spareThreads / 2
)

// errHangs says that a read of a process's memory does not end, for now.
var errHangs = errors.New("its memory cannot be read")

// errLocked says that this has lasted: the process counts as one that may not be read.
var errLocked = fmt.Errorf("its memory is locked: %w", unix.EACCES)

// memoryReads is the reads of memory under way. Each has a thread of its own, which hangs in
// its place: at most maxHanging processes are asked at a time that do not answer.
type memoryReads struct {
	mu      sync.Mutex
	hanging map[proc]*hangingRead
}

type hangingRead struct {
	since   time.Time
	threads int
}

type memoryText struct {
	text []byte
	err  error
}

// of is what read gives, which reads memory of p. Where that hangs it is errHangs or
// errLocked, and p is not asked again until the read has ended.
func (m *memoryReads) of(p proc, read func() ([]byte, error)) ([]byte, error) {
	if err := m.refuses(p); err != nil {
		return nil, err
	}
	result := make(chan memoryText, 1)
	began, abandoned := time.Now(), false // which the mutex guards
	go func() {
		text, err := read()
		result <- memoryText{text, err}
		m.mu.Lock()
		defer m.mu.Unlock()
		if abandoned {
			m.ended(p)
		}
	}()
	poll := time.NewTicker(memoryInterval)
	defer poll.Stop()
	for range memoryPolls {
		select {
		case got := <-result:
			return got.text, got.err
		case <-poll.C:
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	select {
	case got := <-result:
		return got.text, got.err
	default:
	}
	abandoned = true
	if m.hanging[p] == nil {
		m.hanging[p] = &hangingRead{since: began}
	}
	m.hanging[p].threads++
	return nil, errHangs
}

// refuses is why p is not asked, or nil.
func (m *memoryReads) refuses(p proc) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch h := m.hanging[p]; {
	case h != nil && time.Since(h.since) < lockedAfter:
		return errHangs
	case h != nil || len(m.hanging) >= maxHanging:
		return errLocked
	}
	return nil
}

// ended notes that a thread is back. The caller holds the mutex.
func (m *memoryReads) ended(p proc) {
	if h := m.hanging[p]; h.threads > 1 {
		h.threads--
	} else {
		delete(m.hanging, p)
	}
}

// environOf is the environment of p, which dir shows, see living.
func environOf(p proc, dir string) ([]byte, error) {
	return memory.of(p, func() ([]byte, error) { return readAll(dir + "/environ") })
}
