package logs

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
)

const (
	chunk = 256 << 10 // bytes copied at once
	page  = 4 << 10   // holes begin and end at multiples of this
)

// Copy writes what f holds from offset on, up to its present end, to w as it
// is, and returns the offset to continue from. Where f has become shorter than
// offset, it begins again. It moves the position of f.
//
// While it reads, the oldest output of f may be discarded. It then continues at the first
// whole line after that, and the lines before it are whole, but for one that is longer than
// what is copied at once: that one is ended with a newline.
func Copy(w io.Writer, f *os.File, offset int64) (int64, error) {
	c := copier{w: w, f: f}
	next, _, err := c.copy(context.Background(), offset, false)
	return next, err
}

// A Misser is a writer that gets the number of bytes that were discarded before they could
// be read.
type Misser interface{ Missed(bytes int64) }

// A copier copies from one file.
type copier struct {
	w    io.Writer
	f    *os.File
	buf  []byte
	torn bool // what was written last does not end a line
}

// copy copies from offset to the present end of the file. With hold it leaves a
// last line that is not ended, and tells of it; next is where that begins.
func (c *copier) copy(ctx context.Context, offset int64, hold bool) (next int64, held bool, err error) {
	info, err := c.f.Stat()
	if err != nil {
		return offset, false, fmt.Errorf("cannot read a log: %w", err)
	}
	size := info.Size()
	if size < offset {
		offset = 0 // someone has emptied it, and the run writes from its start
		if err := c.endLine(); err != nil {
			return offset, false, err
		}
	}
	if n := min(chunk, size-offset); int64(len(c.buf)) < n {
		c.buf = make([]byte, max(page, min(chunk, 2*n)))
	}
	for offset < size && ctx.Err() == nil {
		b := c.buf[:min(int64(len(c.buf)), size-offset)]
		n, err := c.f.ReadAt(b, offset)
		if n == 0 {
			if err != nil && err != io.EOF {
				return offset, false, fmt.Errorf("cannot read a log: %w", err)
			}
			break // it has become shorter
		}
		b = b[:n]
		hole, err := findHole(c.f, b, offset)
		if err != nil {
			return offset, false, fmt.Errorf("cannot read a log: %w", err)
		}
		last := offset+int64(n) >= size
		if whole := bytes.LastIndexByte(b[:hole], '\n') + 1; hole < n {
			b = b[:whole] // the hole has what followed
		} else if whole > 0 && (hold || !last) {
			b = b[:whole]
		} else if whole == 0 && hold && last && n < chunk {
			return offset, true, nil
		}
		if len(b) > 0 {
			if _, err := c.w.Write(b); err != nil {
				return offset, false, fmt.Errorf("cannot copy a log: %w", err)
			}
			c.torn = b[len(b)-1] != '\n'
		}
		if hole == n {
			offset += int64(len(b))
			if last && len(b) < n {
				return offset, true, nil
			}
			continue
		}
		next, begun, err := skipHole(c.f, offset+int64(hole))
		if err != nil {
			return offset, false, fmt.Errorf("cannot read a log: %w", err)
		}
		if err := c.endLine(); err != nil {
			return offset, false, err
		}
		if hold && !begun {
			next = offset + int64(hole) // in the hole: from there the line's end is found
		}
		c.missed(next - offset - int64(len(b)))
		if offset = next; hold && !begun {
			return offset, true, nil
		}
	}
	return offset, false, ctx.Err()
}

// missed tells the writer, where that wants to know it.
func (c *copier) missed(bytes int64) {
	if m, ok := c.w.(Misser); ok && bytes > 0 {
		m.Missed(bytes)
	}
}

// endLine ends the last written line if its rest is gone.
func (c *copier) endLine() error {
	if !c.torn {
		return nil
	}
	c.torn = false
	if _, err := c.w.Write([]byte{'\n'}); err != nil {
		return fmt.Errorf("cannot copy a log: %w", err)
	}
	return nil
}

// findHole is where in b, as it was read at offset, a hole begins; len(b) where
// none does. To look after the read, not before, finds also the hole that was
// made meanwhile: zeros that come of it were read after it was there.
func findHole(f *os.File, b []byte, offset int64) (int, error) {
	for i := 0; i < len(b); {
		zero := bytes.IndexByte(b[i:], 0)
		if zero < 0 {
			break
		}
		into := int((offset + int64(i+zero)) % page)
		i = max(i, i+zero-into) // where the page begins
		at := offset + int64(i)
		if data, err := nextData(f, at); err != nil || data != at {
			return i, err
		}
		i += page - int(at%page)
	}
	return len(b), nil
}
