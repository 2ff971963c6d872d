package plan

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"sync"
	"syscall"
	"time"

	"tasks/pkg/task"
)

// Files tells what paths lead to.
type Files interface {
	// Same reports whether two paths lead to one file or directory: by a symlink, a
	// hard link or a mount.
	Same(a, b string) bool
	// Gone tells that a path leads to nothing any more.
	Gone(path string) bool
}

// Paths is what [Of] asks about. There are none where all is of one path.
func Paths(c *task.Change, now []*task.Info) []string {
	asked := make(map[string]bool)
	have := make(map[string]*task.Info, len(now))
	for _, t := range now {
		have[t.Name] = t
		if t.Spec.File != c.File {
			asked[t.Spec.File], asked[c.File] = true, true
		}
	}
	for i := range c.Tasks {
		s := &c.Tasks[i]
		if t := have[s.Name]; t != nil && t.Spec.Cwd != s.Cwd {
			asked[t.Spec.Cwd], asked[s.Cwd] = true, true
		}
	}
	delete(asked, "")
	var paths []string
	for path := range asked {
		paths = append(paths, path)
	}
	return paths
}

// A Disk looks at the files of this system. Any of them may be on a file system that does
// not answer, such as one of a dead NFS server.
type Disk struct {
	stat  func(path string) (fs.FileInfo, error)
	turns chan struct{}

	mu    sync.Mutex
	looks map[string]*look // by path, those without an answer yet
}

// lookTimeout is how long an answer is waited for, and maxLooks how many looks are made at
// the same time: one that hangs keeps a thread.
const (
	lookTimeout = time.Second
	maxLooks    = 8
)

// NewDisk makes a Disk that looks by [os.Stat], or by what takes its place in tests.
func NewDisk(stat func(path string) (fs.FileInfo, error)) *Disk {
	return &Disk{stat: stat, turns: make(chan struct{}, maxLooks), looks: make(map[string]*look)}
}

// A look is that at one path.
type look struct {
	since time.Time
	done  chan struct{}
	info  fs.FileInfo
	err   error
}

// Look returns what the paths lead to, within about a second: those without an answer by then
// are neither the same as another nor gone.
func (d *Disk) Look(paths []string) Files {
	ctx, cancel := context.WithTimeout(context.Background(), lookTimeout)
	defer cancel()
	under := make(answers, len(paths))
	for _, path := range paths {
		if l := d.lookAt(ctx, path); l != nil {
			under[path] = l
		}
	}
	seen := make(answers, len(under))
	for path, l := range under {
		if l.answered(ctx) {
			seen[path] = l
		}
	}
	return seen
}

// lookAt looks at a path, unless that is being done; nil: it hangs, or there was no turn.
func (d *Disk) lookAt(ctx context.Context, path string) *look {
	d.mu.Lock()
	l := d.looks[path]
	d.mu.Unlock()
	if l != nil {
		if time.Since(l.since) >= lookTimeout {
			return nil // who asked first has waited for it
		}
		return l
	}
	select {
	case d.turns <- struct{}{}:
	case <-ctx.Done():
		return nil
	}
	l = &look{since: time.Now(), done: make(chan struct{})}
	d.mu.Lock()
	d.looks[path] = l
	d.mu.Unlock()
	go func() {
		l.info, l.err = d.stat(path)
		close(l.done)
		d.mu.Lock()
		if d.looks[path] == l {
			delete(d.looks, path)
		}
		d.mu.Unlock()
		<-d.turns
	}()
	return l
}

// answered waits for the answer until ctx ends.
func (l *look) answered(ctx context.Context) bool {
	select {
	case <-l.done:
		return true
	case <-ctx.Done():
	}
	select {
	case <-l.done: // as well
		return true
	default:
		return false
	}
}

// answers are the looks that were answered.
type answers map[string]*look

// Same is as in [Files].
func (seen answers) Same(a, b string) bool {
	if a == b {
		return true
	}
	x, y := seen[a], seen[b]
	return x != nil && y != nil && x.err == nil && y.err == nil && os.SameFile(x.info, y.info)
}

// Gone is as in [Files].
func (seen answers) Gone(path string) bool {
	l := seen[path]
	return l != nil && (errors.Is(l.err, fs.ErrNotExist) || errors.Is(l.err, syscall.ENOTDIR))
}
