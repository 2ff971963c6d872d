//go:build !linux

package socket

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/fsnotify/fsnotify"
)

// Watch calls gone, in a goroutine of its own, whenever the socket's file is no longer
// there: it was removed or renamed, or its directory was. Close stop to end it.
func (l *Listener) Watch(gone func()) (stop io.Closer, err error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("cannot watch the socket: %w", err)
	}
	if err := w.Add(filepath.Dir(l.path)); err != nil {
		w.Close()
		return nil, fmt.Errorf("cannot watch the socket: %w", err)
	}
	go func() {
		for ok := true; ok; {
			if _, err := os.Lstat(l.path); errors.Is(err, fs.ErrNotExist) {
				gone()
			}
			select {
			case _, ok = <-w.Events:
			case _, ok = <-w.Errors:
			}
		}
	}()
	return w, nil
}
