package process

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// memory reads what the kernel takes from the memory of other processes: their environments
// and arguments. A process that waits for a file server may keep its memory locked
// meanwhile, and who reads it then waits as long.
var memory = newMemoryReads()

func newMemoryReads() *memoryReads {
	return &memoryReads{slow: make(map[memoryFile]*memoryRead), hung: make(map[proc]bool)}
}

const (
	memoryPolls    = 10 // so that a time in which this program itself was not running counts once
	memoryInterval = 50 * time.Millisecond
	lockedAfter    = 5 * time.Second // a busy machine may take a while for what it has swapped out
	maxSlow        = spareThreads / 2
)

// errHangs says that a read of a process's memory does not end, for now.
var errHangs = errors.New("its memory cannot be read")

// errLocked says that this has lasted: the process counts as one that may not be read.
var errLocked = fmt.Errorf("its memory is locked: %w", unix.EACCES)

// memoryReads is the reads of memory that nobody waits for any more. Each has a thread of its
// own, which hangs in its caller's place. What it finds in the end is for whoever asks next.
type memoryReads struct {
	mu   sync.Mutex
	slow map[memoryFile]*memoryRead
	hung map[proc]bool // whose exec did not end while it was waited for: it is not waited for again
}

// memoryFile is such a file of a process, or of a thread of it.
type memoryFile struct {
	proc
	path string
}

type memoryRead struct {
	began time.Time
	ended bool
	text  []byte
	err   error
}

// of is what read gives of the file. Where that hangs it is errHangs or errLocked, and the
// file is not read again until it has ended.
func (m *memoryReads) of(file memoryFile, read func() ([]byte, error)) ([]byte, error) {
	if text, err := m.late(file); text != nil || err != nil {
		return text, err
	}
	r, ended := &memoryRead{began: time.Now()}, make(chan struct{})
	go func() {
		text, err := read()
		m.mu.Lock()
		defer m.mu.Unlock()
		r.text, r.err, r.ended = text, err, true
		close(ended)
	}()
	poll := time.NewTicker(memoryInterval)
	defer poll.Stop()
	for range memoryPolls {
		select {
		case <-ended:
			return r.text, r.err
		case <-poll.C:
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if r.ended {
		return r.text, r.err
	}
	m.slow[file] = r
	return nil, errHangs
}

// late is what a slow read of the file has found, or why it cannot be read now. It is neither
// where the file must be read: also where a slow read found nothing, since it may have something
// by now.
func (m *memoryReads) late(file memoryFile) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.slow[file]
	switch {
	case r != nil && r.ended:
		delete(m.slow, file)
		if r.err == nil && len(r.text) > 0 {
			return r.text, nil
		}
	case r != nil && time.Since(r.began) < lockedAfter:
		return nil, errHangs
	case r != nil || m.full():
		return nil, errLocked
	}
	return nil, nil
}

// full reports whether as many reads hang as may, and forgets what nobody has asked for
// again. The caller holds the mutex.
func (m *memoryReads) full() bool {
	if len(m.slow) < maxSlow {
		return false
	}
	maps.DeleteFunc(m.slow, func(_ memoryFile, r *memoryRead) bool { return r.ended })
	return len(m.slow) >= maxSlow
}

// environOf is the environment of p, which dir shows, see living.
func environOf(p proc, dir string) ([]byte, error) {
	path := dir + "/environ"
	return memory.of(memoryFile{p, path}, func() ([]byte, error) { return readAll(path) })
}

const maxHung = 1000 // processes that are remembered

// setExecHung notes whether the exec of p has not ended while it was waited for.
func (m *memoryReads) setExecHung(p proc, hung bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.hung) == maxHung {
		clear(m.hung)
	}
	if hung {
		m.hung[p] = true
	} else {
		delete(m.hung, p)
	}
}

func (m *memoryReads) execHung(p proc) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.hung[p]
}
