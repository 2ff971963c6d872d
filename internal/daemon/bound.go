package daemon

import (
	"io"
	"log/slog"
	"net"

	"tasks/internal/socket"
)

// bound keeps the supervisor's socket where clients look for it: when the file
// is removed, or the whole directory as the last logout does to /run/user/UID,
// it is bound again. Only Run's goroutine uses it.
type bound struct {
	path     socket.Paths
	serve    func(net.Listener) error
	log      *slog.Logger
	listener *socket.Listener
	watcher  io.Closer     // nil if there is none
	lost     chan struct{} // the watcher saw the file go
	over     bool
}

func (b *bound) accept() {
	l := b.listener
	go func() {
		if err := b.serve(l); err != nil {
			b.log.Error("cannot accept connections", "err", err)
		}
	}()
	b.watch()
}

// watch has lost written to when the socket is; where it cannot be watched, a nudge
// by the next `tasks serve` or `tasks list` has to do.
func (b *bound) watch() {
	if b.watcher != nil {
		b.watcher.Close()
	}
	lost := make(chan struct{}, 1)
	var err error
	b.lost = lost
	if b.watcher, err = b.listener.Watch(func() {
		select {
		case lost <- struct{}{}:
		default:
		}
	}); err != nil {
		b.watcher = nil
		b.log.Warn("the socket is not bound again by itself if it is removed", "err", err)
	}
}

// rebind binds the socket again if it was lost.
func (b *bound) rebind() {
	if b.over || !b.listener.Lost() {
		return
	}
	err := b.path.MakeDirs()
	var l *socket.Listener
	if err == nil {
		l, err = socket.Listen(b.path.Socket)
	}
	if err != nil {
		b.log.Error("cannot bind the lost socket again", "err", err)
		return
	}
	b.log.Warn("the socket was removed: bound it again", "socket", b.path.Socket)
	old := b.listener
	b.listener = l
	b.accept()
	old.Close()
}

func (b *bound) close() {
	b.over = true
	if b.watcher != nil {
		b.watcher.Close()
	}
	b.listener.Close()
}
