package logs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

// A following is a Follow under way, and what it has written so far.
type following struct {
	end    func()
	cancel func()
	wrote  chan struct{} // signalled by each write
	done   chan struct{} // closed when it returned

	mu  sync.Mutex
	got bytes.Buffer
	err error
}

func (g *following) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.got.Write(p)
	select {
	case g.wrote <- struct{}{}:
	default:
	}
	return len(p), nil
}

func (g *following) text() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.got.String()
}

// await returns when text has been written.
func (g *following) await(t *testing.T, text string) {
	t.Helper()
	for g.text() != text {
		select {
		case <-g.wrote:
		case <-g.done:
			if g.text() == text {
				return
			}
			t.Fatalf("returned %v with %q, want %q", g.err, g.text(), text)
		}
	}
}

func follow(t *testing.T, f *Follower, path string, lines int) *following {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	g := &following{
		end: func() { close(ended) }, cancel: cancel,
		wrote: make(chan struct{}, 1), done: make(chan struct{}),
	}
	go func() {
		defer close(g.done)
		g.err = f.Follow(ctx, path, lines, g, ended)
	}()
	t.Cleanup(func() { cancel(); <-g.done })
	return g
}

// followers are the two ways to follow.
func followers(t *testing.T, test func(t *testing.T, f *Follower)) {
	for name, f := range map[string]*Follower{
		"watching": NewFollower(),
		"polling":  {settle: settle, closed: make(chan struct{})},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Cleanup(func() { f.Close() })
			test(t, f)
		})
	}
}

func write(t *testing.T, w io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		t.Error(err)
	}
}

func newLog(t *testing.T, d Dir, name string) *os.File {
	t.Helper()
	w, err := d.Create(name, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func TestFollow(t *testing.T) {
	t.Parallel()
	followers(t, func(t *testing.T, f *Follower) {
		w := newLog(t, Dir(t.TempDir()), "web")
		write(t, w, "old\nfirst\n")
		g := follow(t, f, w.Name(), 1)
		g.await(t, "first\n")
		write(t, w, "second")
		g.await(t, "first\nsecond")
		write(t, w, " half\n")
		g.await(t, "first\nsecond half\n")
		write(t, w, "last words")
		g.end()
		<-g.done
		if want := "first\nsecond half\nlast words"; g.err != nil || g.text() != want {
			t.Errorf("%v, %q, want %q", g.err, g.text(), want)
		}
		if len(f.waiting) != 0 || f.watcher != nil && len(f.watcher.WatchList()) != 0 {
			t.Errorf("watches left behind: %v", f.waiting)
		}
	})
}

func TestFollowEnds(t *testing.T) {
	t.Parallel()
	followers(t, func(t *testing.T, f *Follower) {
		w := newLog(t, Dir(t.TempDir()), "web")
		write(t, w, "a\n")

		g := follow(t, f, w.Name(), -1)
		g.end() // before it has begun, perhaps
		<-g.done
		if g.err != nil || g.text() != "a\n" {
			t.Errorf("at the end: %v, %q", g.err, g.text())
		}

		g = follow(t, f, w.Name(), -1)
		g.await(t, "a\n")
		g.cancel()
		<-g.done
		if !errors.Is(g.err, context.Canceled) {
			t.Errorf("cancelled: %v", g.err)
		}

		if err := f.Follow(t.Context(), w.Name(), -1, broken{}, nil); !errors.Is(err, errBroken) {
			t.Errorf("to a broken writer: %v", err)
		}
		if err := f.Follow(t.Context(), w.Name()+"x", -1, io.Discard, nil); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("of no file: %v", err)
		}

		g = follow(t, f, w.Name(), -1)
		g.await(t, "a\n")
		f.Close()
		<-g.done
		if !errors.Is(g.err, os.ErrClosed) {
			t.Errorf("closed: %v", g.err)
		}
	})
}

// One file may be followed twice, by two names, and be deleted and created again.
func TestFollowSharedPath(t *testing.T) {
	t.Parallel()
	f := NewFollower()
	defer f.Close()
	dir := t.TempDir()
	w := newLog(t, Dir(dir), "web")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	one := follow(t, f, w.Name(), -1)
	two := follow(t, f, Dir(link).Path("web", 1), -1)
	write(t, w, "a\n")
	one.await(t, "a\n")
	two.await(t, "a\n")
	one.end()
	<-one.done
	write(t, w, "b\n")
	two.await(t, "a\nb\n")

	if err := Dir(dir).Remove("web"); err != nil {
		t.Fatal(err)
	}
	write(t, w, "c\n") // still by the deleted file's writer
	two.await(t, "a\nb\nc\n")
	w2 := newLog(t, Dir(dir), "web")
	three := follow(t, f, w2.Name(), -1)
	write(t, w2, "new\n")
	three.await(t, "new\n")
	two.end()
	<-two.done
	write(t, w2, "newer\n")
	three.await(t, "new\nnewer\n")
	if two.text() != "a\nb\nc\n" {
		t.Errorf("two files mixed: %q", two.text())
	}
}

func TestFollowFastWriter(t *testing.T) {
	t.Parallel()
	followers(t, func(t *testing.T, f *Follower) {
		text := make([]byte, 20<<20)
		rand.NewChaCha8([32]byte{}).Read(text)
		w := newLog(t, Dir(t.TempDir()), "web")
		g := follow(t, f, w.Name(), -1)
		for i, rest := 0, text; len(rest) > 0; i++ {
			n := min(1+i*i%8000, len(rest))
			if _, err := w.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		g.end()
		<-g.done
		if g.err != nil || !bytes.Equal(g.got.Bytes(), text) {
			t.Errorf("%v, %d bytes, want %d", g.err, g.got.Len(), len(text))
		}
	})
}

// Not parallel: it counts the inotify instances of the process.
func TestFollowMany(t *testing.T) {
	const files = 300
	before := instances(t)
	f := NewFollower()
	defer f.Close()
	d := Dir(t.TempDir())
	logs := make([]*os.File, files)
	all := make([]*following, files)
	for i := range files {
		logs[i] = newLog(t, d, fmt.Sprintf("web-%d", i))
		write(t, logs[i], "first\n")
		all[i] = follow(t, f, logs[i].Name(), -1)
	}
	for i, g := range all {
		g.await(t, "first\n")
		write(t, logs[i], fmt.Sprintf("second %d\n", i))
	}
	for i, g := range all {
		g.await(t, fmt.Sprintf("first\nsecond %d\n", i))
	}
	if n := instances(t) - before; n != 1 && runtime.GOOS == "linux" {
		t.Errorf("%d inotify instances, want 1", n)
	}
	for i, g := range all {
		write(t, logs[i], "last")
		g.end()
		<-g.done
		if want := fmt.Sprintf("first\nsecond %d\nlast", i); g.err != nil || g.text() != want {
			t.Errorf("%v, %q, want %q", g.err, g.text(), want)
		}
	}
}

// instances counts this process's inotify instances; none off Linux.
func instances(t *testing.T) int {
	t.Helper()
	fds, _ := filepath.Glob("/proc/self/fd/*")
	n := 0
	for _, fd := range fds {
		if to, _ := os.Readlink(fd); to == "anon_inode:inotify" {
			n++
		}
	}
	return n
}
