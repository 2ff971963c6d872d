package logs

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"tasks/pkg/task"
)

// fileSystems runs a test on each of the file systems that this machine has.
func fileSystems(t *testing.T, test func(t *testing.T, dir string)) {
	for name, c := range map[string]struct {
		dir   string
		magic int64
	}{
		"ext4":  {os.TempDir(), unix.EXT4_SUPER_MAGIC},
		"tmpfs": {"/dev/shm", unix.TMPFS_MAGIC},
	} {
		t.Run(name, func(t *testing.T) {
			var fs unix.Statfs_t
			if err := unix.Statfs(c.dir, &fs); err != nil || int64(fs.Type) != c.magic {
				t.Skipf("%s is not %s", c.dir, name)
			}
			if free := int64(fs.Bavail) * int64(fs.Bsize); free < 512<<20 { // as in a container: the writer is faster than the trimming
				t.Skipf("%s has %d MiB", c.dir, free>>20)
			}
			dir, err := os.MkdirTemp(c.dir, "logs")
			if err != nil {
				t.Skip(err)
			}
			t.Cleanup(func() { os.RemoveAll(dir) })
			test(t, dir)
		})
	}
}

// checker takes numbered lines and tells the first that is wrong.
type checker struct {
	rest         []byte
	first, last  int
	jumps, lines int
	got, missed  int64 // bytes
	err          error
}

func (c *checker) Missed(bytes int64) { c.missed += bytes }

func (c *checker) Write(p []byte) (int, error) {
	c.rest, c.got = append(c.rest, p...), c.got+int64(len(p))
	for {
		line, rest, ok := bytes.Cut(c.rest, []byte{'\n'})
		if !ok {
			c.rest = append(c.rest[:0], c.rest...)
			return len(p), nil
		}
		n, err := strconv.Atoi(string(line[:min(10, len(line))]))
		n -= 1e9
		switch {
		case c.err != nil:
		case err != nil || string(line) != numberedLine(n):
			c.err = fmt.Errorf("after line %d a torn one: %q", c.last, line)
		case c.lines > 0 && n <= c.last:
			c.err = fmt.Errorf("line %d after line %d", n, c.last)
		case c.lines == 0:
			c.first = n
		case n != c.last+1:
			c.jumps++
		}
		c.last = n
		c.lines++
		c.rest = rest
	}
}

func numberedLine(n int) string {
	return string(appendLine(nil, n))
}

func appendLine(b []byte, n int) []byte {
	const filler = "the quick brown fox jumps over the lazy dog, and a hundred times over the lazy dog, and over the lazy dog"
	return append(append(strconv.AppendInt(b, int64(1e9+n), 10), ' '), filler[n%60:]...)
}

// A task that writes without end stays within its limit, and its log
// keeps the last lines; a reader meanwhile sees whole lines in order.
func TestKeeperFastWriter(t *testing.T) {
	const most = 8 << 20
	total := 128 << 20
	if testing.Short() {
		total = 48 << 20
	}
	fileSystems(t, func(t *testing.T, dir string) {
		k, _ := newTestKeeper(t, dir, Limits{MaxSize: most})
		f := openLog(t, k, task.Spec{Name: "web"}, 1)
		follower := NewFollower()
		defer follower.Close()
		follower.settle = time.Hour // however long the machine lets the writer wait within a line
		var live checker
		over, followed := make(chan struct{}), make(chan error, 1)
		go func() {
			followed <- follower.Follow(context.Background(), f.Name(), -1, &live, over)
		}()

		lines, size, peak := 0, 0, int64(0)
		began := time.Now()
		var b []byte
		for size < total {
			for len(b) < 64<<10 {
				b = append(appendLine(b, lines), '\n')
				lines++
			}
			// Not at the ends of lines, as a buffer of stdio is written.
			n, err := f.Write(b[:64<<10])
			if err != nil {
				t.Fatal(err)
			}
			size += n
			b = append(b[:0], b[n:]...)
			if size/(64<<10)%16 == 0 {
				peak = max(peak, onDisk(t, f.Name()))
			}
		}
		if _, err := f.Write(b); err != nil {
			t.Fatal(err)
		}
		lasted := time.Since(began)
		close(over)
		if err := <-followed; err != nil || live.err != nil || len(live.rest) > 0 || live.last != lines-1 {
			t.Errorf("followed: %v, %v, to line %d of %d", err, live.err, live.last, lines)
		}
		if all := live.got + live.missed; all != int64(size+len(b)) || (live.jumps > 0) != (live.missed > 0) {
			t.Errorf("followed: %d bytes and %d that were missed are not %d; %d jumps", live.got, live.missed, size+len(b), live.jumps)
		}
		ends(t, k, "web", 1)

		after := onDisk(t, f.Name())
		t.Logf("%d MiB at %.0f MB/s: at most %.1f MiB on disk, %.1f after; %d looks; the follower jumped %d times, saw %d%% of the lines",
			size>>20, float64(size)/lasted.Seconds()/1e6, float64(peak)/(1<<20), float64(after)/(1<<20), k.looks.Load(), live.jumps, live.lines*100/lines)
		if after > most {
			t.Errorf("%d bytes on disk, at most %d are allowed", after, most)
		}
		var whole checker
		r := open(t, f.Name())
		if _, err := Copy(&whole, r, 0); err != nil || whole.err != nil || whole.jumps > 0 || whole.last != lines-1 || len(whole.rest) > 0 {
			t.Errorf("the kept lines: %v, %v, %d jumps, to line %d of %d", err, whole.err, whole.jumps, whole.last, lines)
		}
		if kept := size - whole.first*size/lines; whole.first == 0 || kept < most*7/10 {
			t.Errorf("from line %d of %d on: some %d bytes", whole.first, lines, kept)
		}
		var b3 bytes.Buffer
		if from, err := Tail(r, 3); err != nil {
			t.Error(err)
		} else if _, err := Copy(&b3, r, from); err != nil || b3.String() != numberedLine(lines-3)+"\n"+numberedLine(lines-2)+"\n"+numberedLine(lines-1)+"\n" {
			t.Errorf("the last 3 lines: %q, %v", b3.String(), err)
		}
	})
}

// The rest of a line that was written is gone: it is ended, and the next is whole.
func TestTornLine(t *testing.T) {
	t.Parallel()
	w := newLog(t, Dir(t.TempDir()), "web")
	var b bytes.Buffer
	c := copier{w: &b, f: open(t, w.Name())}
	write(t, w, "first\nhalf")
	offset, held, err := c.copy(t.Context(), 0, true)
	if err != nil || !held || offset != 6 || b.String() != "first\n" {
		t.Fatalf("%d, %v, %v, %q", offset, held, err, b.String())
	}
	offset, held, err = c.copy(t.Context(), offset, false)
	if err != nil || held || offset != 10 || b.String() != "first\nhalf" {
		t.Fatalf("%d, %v, %v, %q", offset, held, err, b.String())
	}
	write(t, w, strings.Repeat("x", 3*page)+"\nlast\n")
	if err := punch(w.Name(), idOf(w), 2*page); err != nil {
		t.Skip(err)
	}
	if _, _, err := c.copy(t.Context(), offset, true); err != nil || b.String() != "first\nhalf\nlast\n" {
		t.Errorf("%v, %q", err, b.String())
	}
}

// A line is shown before it has an end, but not in a trimmed log: there its rest may be
// discarded before it is read.
func TestFollowHeadless(t *testing.T) {
	t.Parallel()
	for about, freed := range map[string]int64{"whole": 0, "headless": page} {
		t.Run(about, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newLog(t, Dir(t.TempDir()), "web")
				write(t, w, strings.Repeat("x", page)+"\nfirst\nhalf")
				if freed > 0 {
					if err := punch(w.Name(), idOf(w), freed); err != nil {
						t.Skip(err)
					}
				}
				g := follow(t, &Follower{settle: settle, closed: make(chan struct{})}, w.Name(), 2)
				shown := "first\nhalf"
				if freed > 0 {
					shown = "first\n"
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				if g.text() != shown {
					t.Errorf("%q, want %q", g.text(), shown)
				}
				write(t, w, " and half\nlast")
				g.end()
				<-g.done
				if want := "first\nhalf and half\nlast"; g.err != nil || g.text() != want {
					t.Errorf("%v, %q, want %q", g.err, g.text(), want)
				}
			})
		})
	}
}

// What a follower finds is the rest of a line that a hole cut, and later more
// of it: it begins with the next line.
func TestFollowFromACutLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newLog(t, Dir(t.TempDir()), "web")
		write(t, w, strings.Repeat("x", page)+"the rest")
		if err := punch(w.Name(), idOf(w), page); err != nil {
			t.Skip(err)
		}
		g := follow(t, &Follower{settle: settle, closed: make(chan struct{})}, w.Name(), -1)
		time.Sleep(time.Minute)
		write(t, w, " of it\nfirst\n")
		time.Sleep(time.Minute)
		synctest.Wait()
		if g.text() != "first\n" {
			t.Errorf("%q", g.text())
		}
	})
}

// A hole that is made after a part was read, and before the rest is.
func TestHoleOvertakes(t *testing.T) {
	t.Parallel()
	text := numbered(1000)
	w := newLog(t, Dir(t.TempDir()), "web")
	write(t, w, string(text))
	if err := punch(w.Name(), idOf(w), 2*page); err != nil {
		t.Skip(err)
	}
	f := open(t, w.Name())
	b := bytes.Clone(text)
	clear(b[page : 2*page]) // the first page was read before
	if at, err := findHole(f, b[100:], 100); err != nil || at != page-100 {
		t.Errorf("at %d, %v", at, err)
	}
	if at, err := findHole(f, text, 0); err != nil || at != len(text) {
		t.Errorf("in what was read before: at %d, %v", at, err)
	}
}

// A hole that ends where the reader last saw the end of the file, as it does
// where both are at the writer's blocks: what follows is the rest of a line.
func TestHoleEndsAtTheOldEnd(t *testing.T) {
	t.Parallel()
	w := newLog(t, Dir(t.TempDir()), "web")
	var b bytes.Buffer
	c := copier{w: &b, f: open(t, w.Name())}
	write(t, w, "first\n"+strings.Repeat("x", page-6))
	if err := punch(w.Name(), idOf(w), page); err != nil {
		t.Skip(err)
	}
	offset, held, err := c.copy(t.Context(), 0, true)
	if err != nil || !held || b.Len() > 0 {
		t.Fatalf("%d, %v, %v, %q", offset, held, err, b.String())
	}
	write(t, w, "the rest of it\nlast\n")
	if _, _, err := c.copy(t.Context(), offset, true); err != nil || b.String() != "last\n" {
		t.Errorf("%v, %q", err, b.String())
	}
}
