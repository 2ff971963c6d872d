package process

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
	"testing"
)

func threads(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := bytes.Cut(b, []byte("\nThreads:\t"))
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	n, err := strconv.Atoi(string(line))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestThreadsAreMadeBeforehand(t *testing.T) {
	room := spareThreads / 2
	defer intercept.Store(nil)
	fail(func(c call) error {
		if c.path == "/" {
			if room--; room < 0 {
				return syscall.EAGAIN
			}
		}
		return nil
	})
	before := threads(t)
	MakeThreads()
	if room != -1 || threads(t) < spareThreads/2 {
		t.Errorf("%d threads, were %d; asked for %d more", threads(t), before, -room)
	}
	room = spareThreads
	MakeThreads()
	MakeThreads()
	if n := threads(t); room != -1 || n < spareThreads {
		t.Errorf("%d threads; asked for %d more", n, -room)
	}
}
