package process

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"

	"tasks/pkg/engine"
	"tasks/pkg/task"
)

// looksPerDirectory is how many looks at one directory there are at a time, a thread each:
// a check tries again, however long the server of its directory does not answer.
const looksPerDirectory = 2

// directories is who looks at which directory.
type directories struct {
	mu     sync.Mutex
	byPath map[string]*directory
}

type directory struct {
	turns chan struct{}
	users int // who has a turn, or waits for one
}

// dir is the directory of the task, and whether it is on a file system that may not answer
// an exec there. It is an engine.ErrHangs once ctx ends.
func (e *Engine) dir(ctx context.Context, s *task.Spec) (dir string, far bool, err error) {
	if dir = s.Cwd; dir == "" {
		dir = e.opts.Home
	}
	giveBack, err := e.directories.takeTurn(ctx, dir)
	if err != nil {
		return "", false, err
	}
	defer giveBack()
	info, err := fileInfo(dir)
	if err != nil {
		return "", false, fmt.Errorf("cannot use directory %q: %w", dir, errors.Unwrap(err))
	}
	if !info.IsDir() {
		return "", false, fmt.Errorf("cannot use directory %q: %w", dir, syscall.ENOTDIR)
	}
	return dir, dirIsFar(dir), nil
}

// takeTurn waits for a turn to look at the directory.
func (d *directories) takeTurn(ctx context.Context, path string) (giveBack func(), err error) {
	d.mu.Lock()
	one := d.byPath[path]
	if one == nil {
		one = &directory{turns: make(chan struct{}, looksPerDirectory)}
		d.byPath[path] = one
	}
	one.users++
	d.mu.Unlock()
	leave := func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if one.users--; one.users == 0 {
			delete(d.byPath, path)
		}
	}
	select {
	case one.turns <- struct{}{}:
		return func() { <-one.turns; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, engine.ErrHangs
	}
}
