package daemon

import (
	"bytes"
	"io"
	"log/slog"
	"runtime"
	"sync"
	"time"
)

// A Console is the log of a supervisor in the foreground: lines on its stderr,
// which belongs to somebody else. Whatever becomes of that, the supervisor
// neither ends nor waits: lines that stderr does not take, because it is gone,
// full, or has a reader that does not read, go to the supervisor's log in the
// state directory instead. A nil Console takes nothing.
type Console struct {
	out io.Writer

	mu     sync.Mutex
	lines  [][]byte      // not written yet; the first is being written
	wake   chan struct{} // buffered: there are lines
	idle   chan struct{} // closed once there are none; nil: nobody waits
	file   *ownLog       // nil: there is none yet
	missed int           // lines since out last took one
	torn   bool          // out has the beginning of a line
	over   bool          // Flush has given out up
}

// maxWaiting is how many lines wait for a reader that is slow.
const maxWaiting = 1024

// NewConsole writes to out until the process ends.
func NewConsole(out io.Writer) *Console {
	c := &Console{out: out, wake: make(chan struct{}, 1)}
	go c.drain()
	return c
}

// Write takes one line, and never waits.
func (c *Console) Write(line []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over || len(c.lines) >= maxWaiting {
		c.spill(line, "its reader does not read")
		return len(line), nil
	}
	c.lines = append(c.lines, bytes.Clone(line))
	select {
	case c.wake <- struct{}{}:
	default:
	}
	return len(line), nil
}

// drain writes the lines in a thread of its own, which may wait for ever.
func (c *Console) drain() {
	runtime.LockOSThread()
	allowBackgroundOutput()
	for range c.wake {
		for line := c.first(); line != nil; line = c.first() {
			n, err := c.out.Write(line)
			c.mu.Lock()
			if !c.over {
				c.lines = c.lines[1:]
				c.took(line, n, err)
			}
			if len(c.lines) == 0 && c.idle != nil {
				close(c.idle)
				c.idle = nil
			}
			c.mu.Unlock()
		}
	}
}

// first is the line to be written next, after the rest of one that was cut off.
func (c *Console) first() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case len(c.lines) == 0:
		return nil
	case c.torn:
		c.torn = false
		return append([]byte{'\n'}, c.lines[0]...)
	}
	return c.lines[0]
}

// took notes what became of a line.
func (c *Console) took(line []byte, n int, err error) {
	if err != nil {
		c.torn = n > 0 && n < len(line)
		c.spill(bytes.TrimPrefix(line, []byte{'\n'}), err.Error())
		return
	}
	if c.missed > 0 && c.file != nil {
		missed := c.missed
		c.missed = 0
		var note bytes.Buffer
		slog.New(slog.NewTextHandler(&note, nil)).Warn("stderr did not take some lines", "lines", missed, "log", c.file.path)
		c.lines = append(c.lines, note.Bytes())
	}
}

// spill writes the line to the file, and before the first one why.
func (c *Console) spill(line []byte, why string) {
	if c.file == nil {
		return
	}
	if c.missed++; c.missed == 1 {
		slog.New(slog.NewTextHandler(c.file, nil)).Warn("cannot write the log to stderr: it continues here", "err", why)
	}
	c.file.Write(line)
}

// spillTo is called once this process may write to the supervisor's log.
func (c *Console) spillTo(file *ownLog) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.file = file
}

// Flush gives out a moment to take the lines that wait; after that they go to
// the file.
func (c *Console) Flush() {
	if c == nil {
		return
	}
	c.mu.Lock()
	if len(c.lines) == 0 {
		c.mu.Unlock()
		return
	}
	if c.idle == nil {
		c.idle = make(chan struct{})
	}
	idle := c.idle
	c.mu.Unlock()
	select {
	case <-idle:
	case <-time.After(time.Second):
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, line := range c.lines {
			c.spill(line, "its reader does not read")
		}
		c.lines, c.over = nil, true
	}
}
