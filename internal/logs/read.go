package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"tasks/internal/safeopen"
)

// block is how many bytes are read at once to look for lines.
const block = 64 << 10

// noData says that a file has nothing but a hole from some offset on.
const noData = math.MaxInt64

// Tail is the offset where the last n lines of f begin; n < 0: all that are left. An
// unterminated last line is a line too. It reads from the end of f backwards, no more than
// it must.
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
	first, _, err := skipHole(f, 0)
	size = max(size, first)
	if err != nil || n < 0 {
		return first, size, err
	}
	if size, err = dataEnd(f, first, size); err != nil {
		return 0, 0, err
	}
	before := func(low int64) (int64, error) { return dataEnd(f, first, low) }
	offset, err = lastLines(f, first, size, n, make([]byte, min(block, size-first)), before)
	return offset, size, err
}

// lastLines is where the last n lines of what r holds between the offsets
// start and end begin, by way of buf. Where that has zeros alone, before tells where
// the data before them ends.
func lastLines(r io.ReaderAt, start, end int64, n int, buf []byte, before func(int64) (int64, error)) (int64, error) {
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
			if high = low; len(bytes.TrimLeft(b, "\x00")) == 0 {
				var err error
				if high, err = before(low); err != nil {
					return 0, err
				}
			}
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

// dataEnd is where the data of f between the offsets start and end ends, to within
// a page: a task may have left a hole of terabytes after it.
func dataEnd(f *os.File, start, end int64) (int64, error) {
	if end <= start {
		return end, nil
	}
	var final [1]byte
	if n, err := f.ReadAt(final[:], end-1); n == 0 || final[0] != 0 {
		if err == io.EOF {
			err = nil
		}
		return end, err
	}
	low, high := start, end
	for {
		mid := (low + (high-low)/2) / page * page
		if mid <= low {
			break
		}
		switch data, err := nextData(f, mid); {
		case err != nil:
			return 0, err
		case data < high:
			low = data
		default:
			high = mid
		}
	}
	if high == end {
		return end, nil
	}
	// The rest of the page was not written either.
	var b [page]byte
	from := max(start, high-page)
	n, err := f.ReadAt(b[:high-from], from)
	if err == io.EOF {
		err = nil
	}
	return from + int64(len(bytes.TrimRight(b[:n], "\x00"))), err
}

// skipHole is offset, or where that lies in a hole the first line that begins
// after it: the line that the hole's end cut is left out, unless it is longer
// than a block. Where no line begins there yet, whole is false, and next is where
// the rest of the cut one begins.
func skipHole(f *os.File, offset int64) (next int64, whole bool, err error) {
	// Holes read as zeros. To ask the file system only then saves a log from
	// one that is wrong about fresh data.
	var first [1]byte
	if n, err := f.ReadAt(first[:], offset); n == 0 || first[0] != 0 {
		if err == io.EOF {
			err = nil
		}
		return offset, true, err
	}
	b := make([]byte, block)
	for {
		data, err := nextData(f, offset)
		if err != nil || data == offset {
			return data, true, err
		}
		if data == noData {
			size, err := f.Seek(0, io.SeekEnd)
			return max(offset, size), false, err
		}
		// To the end of the file as it is now: where it was when the reader last
		// looked may be in the hole, or in the midst of a line after it.
		n, err := f.ReadAt(b, data)
		if err != nil && err != io.EOF {
			return 0, false, err
		}
		if i := bytes.IndexByte(b[:n], '\n'); i >= 0 {
			return data + int64(i) + 1, true, nil
		}
		if n == block {
			return data, true, nil
		}
		zero := bytes.IndexByte(b[:n], 0)
		if zero < 0 {
			return data, false, nil
		}
		// If more was discarded meanwhile, this was the middle of a line whose end is gone.
		at := data + int64(zero)
		if again, err := nextData(f, at); err != nil || again == at {
			return data, false, err
		}
		offset = at
	}
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
	f, err := safeopen.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	offset, size, err := tail(f, n)
	if err != nil {
		return nil, err
	}
	// One byte more than asked for reports whether a line begins right there.
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

// ReadPiece reads into piece what f holds from offset on, or from where the rest of a trimmed
// log begins. It stops before what was discarded. atEnd: f ends behind the piece.
func ReadPiece(f *os.File, piece []byte, offset int64) (n int, from int64, atEnd bool, err error) {
	if from, _, err = skipHole(f, offset); err != nil {
		return 0, from, false, err
	}
	n, err = f.ReadAt(piece, from)
	if atEnd = err == io.EOF; err != nil && !atEnd {
		return 0, from, false, err
	}
	hole, err := findHole(f, piece[:n], from)
	return hole, from, atEnd && hole == n, err
}
