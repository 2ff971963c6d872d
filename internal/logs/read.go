package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// block is how many bytes are read at once to look for lines.
const block = 64 << 10

// Tail is the offset at which the last n lines of f begin; with n below 0 that
// of the first line there is. An unterminated last line is a line too. It reads
// from the end of f backwards, no more than it must.
func Tail(f *os.File, n int) (offset int64, err error) {
	offset, _, err = tail(f, n)
	if err != nil {
		return 0, fmt.Errorf("cannot find the last lines of a log: %w", err)
	}
	return offset, nil
}

func tail(f *os.File, n int) (offset, size int64, err error) {
	info, err := f.Stat()
	if err != nil {
		return 0, 0, err
	}
	size = info.Size()
	first, err := skipHole(f, 0, size)
	size = max(size, first)
	if err != nil || n < 0 {
		return first, size, err
	}
	offset, err = lastLines(f, first, size, n, make([]byte, min(block, size-first)))
	return offset, size, err
}

// lastLines is where the last n lines of what r holds between the offsets
// start and end begin, by way of buf.
func lastLines(r io.ReaderAt, start, end int64, n int, buf []byte) (int64, error) {
	if n == 0 {
		return end, nil
	}
	n++ // the newline before the n-th last line, and the one that ends the last
	for high := end; high > start; {
		low := max(start, high-int64(len(buf)))
		b := buf[:high-low]
		if _, err := r.ReadAt(b, low); err != nil && err != io.EOF {
			return 0, err
		}
		if high == end && b[len(b)-1] != '\n' {
			n-- // the last line is not ended
		}
		if c := bytes.Count(b, []byte{'\n'}); c < n {
			n -= c
			high = low
			continue
		}
		i := len(b)
		for ; n > 0; n-- {
			i = bytes.LastIndexByte(b[:i], '\n')
		}
		return low + int64(i) + 1, nil
	}
	return start, nil
}

// skipHole is offset, or where that lies in a hole the first line that begins
// after it. The line that the hole's end cut is left out, unless it is longer
// than a block. What is beyond size does not count, but where the head of f was
// freed almost up to there: then the offset may be beyond.
func skipHole(f *os.File, offset, size int64) (int64, error) {
	if offset >= size {
		return offset, nil
	}
	// Holes read as zeros. To ask the file system only then saves a log from
	// one that is wrong about fresh data.
	var first [1]byte
	if _, err := f.ReadAt(first[:], offset); err != nil && err != io.EOF {
		return 0, err
	}
	if first[0] != 0 {
		return offset, nil
	}
	data, err := nextData(f, offset, size)
	if err != nil || data == offset || data == size {
		return data, err
	}
	b := make([]byte, min(block, size-data))
	if _, err := f.ReadAt(b, data); err != nil && err != io.EOF {
		return 0, err
	}
	line := bytes.IndexByte(b, '\n') + 1
	if zero := bytes.IndexByte(b, 0); line == 0 && zero >= 0 {
		// The head was freed further meanwhile: what was read may be the middle
		// of a line whose end is gone.
		if again, err := nextData(f, data+int64(zero), size); err != nil || again != data+int64(zero) {
			return skipHole(f, data+int64(zero), size)
		}
	}
	if line == 0 && len(b) < block {
		if info, err := f.Stat(); err == nil && info.Size() > size {
			return skipHole(f, offset, info.Size())
		}
	}
	return data + int64(line), nil
}

// Last is the last n lines of the log at path, or as many whole ones of them as
// there are in its last 64 KiB; of a longer line its last 64 KiB.
func Last(path string, n int) ([]byte, error) {
	b, err := last(path, n)
	if err != nil {
		return nil, fmt.Errorf("cannot read the last lines of a log: %w", err)
	}
	return b, nil
}

func last(path string, n int) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	offset, size, err := tail(f, n)
	if err != nil {
		return nil, err
	}
	// One byte more than asked for tells whether a line begins right there.
	cut := size-offset > block
	if cut {
		offset = size - block - 1
	}
	b := make([]byte, size-offset)
	got, err := f.ReadAt(b, offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	b = b[:got]
	if !cut || got == 0 {
		return b, nil
	}
	if i := bytes.IndexByte(b, '\n'); i >= 0 && i+1 < len(b) {
		return b[i+1:], nil
	}
	return b[1:], nil
}
