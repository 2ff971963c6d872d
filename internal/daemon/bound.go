package daemon

import (
	"log/slog"
	"net"
	"path/filepath"

	"github.com/fsnotify/fsnotify"

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
	watcher  *fsnotify.Watcher
	gone     chan struct{} // the watcher saw the file go
	over     bool
}

func (b *bound) accept() {
	l := b.listener
	go func() {
		if err := b.serve(l); err != nil {
			b.log.Error("cannot accept connections", "err", err)
		}
	}()
	b.rewatch()
}

// rewatch follows the directory by inotify; where that cannot be had, a nudge
// by the next `tasks serve` or `tasks list` has to do.
func (b *bound) rewatch() {
	if b.watcher != nil {
		b.watcher.Close()
	}
	b.gone = make(chan struct{}, 1)
	w, err := fsnotify.NewWatcher()
	if err != nil {
		b.watcher = nil
		return
	}
	b.watcher = w
	if err := w.Add(filepath.Dir(b.path.Socket)); err != nil {
		b.log.Warn("cannot watch the socket's directory", "err", err)
	}
	gone := b.gone
	go func() {
		for e := range w.Events {
			removed := e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename)
			if removed && (e.Name == b.path.Socket || e.Name == filepath.Dir(b.path.Socket)) {
				select {
				case gone <- struct{}{}:
				default:
				}
			}
		}
	}()
}

func (b *bound) watch() <-chan struct{} { return b.gone }

// keep binds the socket again if it was lost.
func (b *bound) keep() {
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
		b.rewatch()
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
