package socket

import (
	"io"
	"log/slog"
	"net"
	"sync"
)

// Bound keeps a socket where clients look for it: when the file is removed, or the whole
// directory as the last logout does to /run/user/UID, it is bound again.
type Bound struct {
	bind  func() (*Listener, error)
	serve func(net.Listener) error
	log   *slog.Logger

	mu       sync.Mutex // guards what follows
	listener *Listener
	watcher  io.Closer // nil if there is none
	released bool
}

// Keep serves what comes to l, and to the listener that bind makes whenever that was lost.
func Keep(l *Listener, bind func() (*Listener, error), serve func(net.Listener) error, log *slog.Logger) *Bound {
	b := &Bound{bind: bind, serve: serve, log: log}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.accept(l)
	return b
}

// accept serves and watches l. Where it cannot be watched, the caller of Rebind has to do.
// The caller holds the mutex.
func (b *Bound) accept(l *Listener) {
	b.listener = l
	go func() {
		if err := b.serve(l); err != nil {
			b.log.Error("cannot accept connections", "err", err)
		}
	}()
	if b.watcher != nil {
		b.watcher.Close()
	}
	var err error
	if b.watcher, err = l.Watch(b.Rebind); err != nil {
		b.watcher = nil
		b.log.Warn("the socket is not bound again by itself if it is removed", "err", err)
	}
}

// Rebind binds the socket again if it was lost.
func (b *Bound) Rebind() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.released || !b.listener.Lost() {
		return
	}
	l, err := b.bind()
	if err != nil {
		b.log.Error("cannot bind the lost socket again", "err", err)
		return
	}
	b.log.Warn("the socket was removed: bound it again", "socket", l.path)
	old := b.listener
	b.accept(l)
	old.Close()
}

// Release returns the listener, which is not bound again from now on.
func (b *Bound) Release() *Listener {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.released = true
	if b.watcher != nil {
		b.watcher.Close()
		b.watcher = nil
	}
	return b.listener
}

// Close releases the listener, and closes it.
func (b *Bound) Close() error { return b.Release().Close() }
