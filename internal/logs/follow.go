package logs

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"tasks/internal/safeopen"

	"github.com/fsnotify/fsnotify"
)

const (
	poll   = 200 * time.Millisecond // how often a file is looked at that the system cannot watch
	settle = 100 * time.Millisecond // how long a line waits for its end
)

// A Follower follows any number of files with one watcher, for the system has
// few of those per user (128 on Linux). Its methods may be called from several
// goroutines.
type Follower struct {
	watcher *fsnotify.Watcher // nil if there is none
	settle  time.Duration
	closed  chan struct{}
	close   sync.Once

	registering sync.Mutex // held to add and remove watches; the watcher's events may not wait for that

	mu      sync.Mutex
	waiting map[string][]chan struct{} // by path, each with room for one signal
}

// NewFollower makes a Follower to be closed after use. Where the system has no
// watcher left, it looks at the files five times a second instead.
func NewFollower() *Follower {
	f := &Follower{settle: settle, closed: make(chan struct{}), waiting: make(map[string][]chan struct{})}
	if watcher, err := fsnotify.NewWatcher(); err == nil {
		f.watcher = watcher
		go f.dispatch()
	}
	return f
}

// Close frees the watcher and ends every Follow with [os.ErrClosed].
func (f *Follower) Close() error {
	var err error
	f.close.Do(func() {
		close(f.closed)
		if f.watcher != nil {
			err = f.watcher.Close()
		}
	})
	return err
}

// Follow writes the last lines of the file at path to w, all of them where lines
// is negative, then what is appended. Once ended is closed it writes what there
// is at that moment and returns nil; once ctx ends, it returns the error of ctx.
// It keeps to the file that it opened, also when that is deleted.
//
// If output is discarded faster than w takes it, it continues at the first whole line that
// is left; a [Misser] gets the count. An unfinished line is written after 100 ms; in a
// trimmed file once it is complete, since its rest might be discarded before it is read.
func (f *Follower) Follow(ctx context.Context, path string, lines int, w io.Writer, ended <-chan struct{}) error {
	file, watch, err := f.open(path)
	if err != nil {
		return fmt.Errorf("cannot follow a log: %w", err)
	}
	defer file.Close()
	defer watch.stop()
	offset, err := followFrom(file, lines)
	if err != nil {
		return fmt.Errorf("cannot follow a log: %w", err)
	}
	c := copier{w: w, f: file}
	if lines < 0 {
		c.missed(offset)
	}
	waited := time.NewTimer(f.settle)
	defer waited.Stop()
	var settled <-chan time.Time // of the line that begins at the offset; nil: none is held
	for hold, over := true, false; ; {
		// The watch was there before this reads, so nothing falls between.
		was := offset
		var held bool
		offset, held, err = c.copy(ctx, offset, hold)
		if err != nil || over {
			return err
		}
		switch {
		case !held:
			settled = nil
		case settled == nil || offset != was:
			waited.Reset(f.settle)
			settled = waited.C
		}
		hold = true
		select {
		case <-watch.changed:
		case <-watch.tick:
		case <-settled:
			if hold, err = headless(file); err != nil {
				return fmt.Errorf("cannot follow a log: %w", err)
			}
		case <-ended:
			hold, over = false, true
		case <-ctx.Done():
			return ctx.Err()
		case <-f.closed:
			return fmt.Errorf("cannot follow a log: %w", os.ErrClosed)
		}
	}
}

// followFrom is where the last lines begin; where that is the rest of a line that
// a hole cut, it is in the hole, from where the line's end is found.
func followFrom(f *os.File, lines int) (int64, error) {
	offset, _, err := tail(f, lines)
	if err != nil || offset == 0 {
		return offset, err
	}
	if data, err := nextData(f, offset-1); err != nil || data >= offset {
		return offset - 1, err
	}
	return offset, nil
}

// headless reports whether f was trimmed.
func headless(f *os.File) (bool, error) {
	first, whole, err := skipHole(f, 0)
	return first > 0 || !whole, err
}

// A watch tells when to look at a file again.
type watch struct {
	changed <-chan struct{}
	tick    <-chan time.Time // nil where changed tells all
	stop    func()
}

// open opens the file at path and watches that very file.
func (f *Follower) open(path string) (*os.File, watch, error) {
	// The kernel watches files and names them as they were first added, so
	// all who follow one must use one path.
	path, err := filepath.EvalSymlinks(path)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return nil, watch{}, err
	}
	for {
		file, err := safeopen.Open(path)
		if err != nil {
			return nil, watch{}, err
		}
		watch := f.watch(path)
		// Opened and watched are two steps, and another file may have
		// taken the path between them.
		opened, err := file.Stat()
		if err == nil {
			if watched, e := os.Stat(path); e == nil && os.SameFile(opened, watched) {
				return file, watch, nil
			}
		}
		watch.stop()
		file.Close()
		if err != nil {
			return nil, watch, err
		}
	}
}

// Watch tells of changes of the file at path until stop: changed, or where the system cannot
// watch it, tick says when to look at it again.
func (f *Follower) Watch(path string) (changed <-chan struct{}, tick <-chan time.Time, stop func()) {
	w := f.watch(path)
	return w.changed, w.tick, w.stop
}

func (f *Follower) watch(path string) watch {
	if f.watcher == nil {
		return ticking()
	}
	f.registering.Lock()
	defer f.registering.Unlock()
	changed := make(chan struct{}, 1)
	f.mu.Lock()
	f.waiting[path] = append(f.waiting[path], changed)
	f.mu.Unlock()
	stop := func() {
		f.registering.Lock()
		defer f.registering.Unlock()
		f.forget(path, changed)
	}
	// Also for a path that is watched already: another file may have it now.
	if err := f.watcher.Add(path); err != nil {
		f.forget(path, changed)
		return ticking()
	}
	return watch{changed: changed, stop: stop}
}

// forget removes changed from the waiters of path, and the watch with the last one. Its
// caller holds registering.
func (f *Follower) forget(path string, changed chan struct{}) {
	f.mu.Lock()
	rest := slices.DeleteFunc(f.waiting[path], func(c chan struct{}) bool { return c == changed })
	if len(rest) > 0 {
		f.waiting[path] = rest
	} else {
		delete(f.waiting, path)
	}
	f.mu.Unlock()
	if len(rest) == 0 {
		_ = f.watcher.Remove(path) // the kernel itself has, where the file is gone
	}
}

func ticking() watch {
	ticker := time.NewTicker(poll)
	return watch{tick: ticker.C, stop: ticker.Stop}
}

// dispatch sends events to their waiters, until Close.
func (f *Follower) dispatch() {
	for {
		select {
		case e, ok := <-f.watcher.Events:
			if !ok {
				return
			}
			f.mu.Lock()
			signal(f.waiting[e.Name])
			f.mu.Unlock()
		case _, ok := <-f.watcher.Errors:
			if !ok {
				return
			}
			// Events were lost, and nobody knows whose.
			f.mu.Lock()
			for _, waiting := range f.waiting {
				signal(waiting)
			}
			f.mu.Unlock()
		}
	}
}

func signal(waiting []chan struct{}) {
	for _, c := range waiting {
		select {
		case c <- struct{}{}:
		default: // it must look again anyway
		}
	}
}
