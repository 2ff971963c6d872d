package enginetest

import (
	"sync"
	"testing"
)

// line holds what began and no next has returned, in its order.
type line[T any] struct {
	mu    sync.Mutex
	items []T
	more  chan struct{} // there are items
}

func newLine[T any]() *line[T] { return &line[T]{more: make(chan struct{}, 1)} }

func (l *line[T]) add(item T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.items = append(l.items, item)
	l.wake()
}

// next waits for the oldest item.
func (l *line[T]) next(t testing.TB, what string) T {
	t.Helper()
	for {
		l.mu.Lock()
		if len(l.items) > 0 {
			item := l.items[0]
			l.items = l.items[1:]
			l.wake()
			l.mu.Unlock()
			return item
		}
		l.mu.Unlock()
		select {
		case <-l.more:
		case <-t.Context().Done():
			t.Fatalf("no %s began", what)
		}
	}
}

func (l *line[T]) idle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.items) == 0
}

// wake lets one next look. The caller holds the mutex.
func (l *line[T]) wake() {
	if len(l.items) > 0 {
		select {
		case l.more <- struct{}{}:
		default:
		}
	}
}
