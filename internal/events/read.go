package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"

	"tasks/internal/safeopen"
)

// A Reader reads the history in a directory, as it was when it was opened, and
// then what is added. It has one user at a time.
type Reader struct {
	dir  string
	old  *os.File // nil where there is none
	cur  *os.File // nil where there is none yet
	pos  int64    // to where cur has been read
	long bool     // and that is in a line that is too long
	last uint64   // number of the newest event that was read
}

// Open opens the history in dir, also if there is none yet.
func Open(dir string) (*Reader, error) {
	r := &Reader{dir: dir}
	if err := r.open(); err != nil {
		r.Close()
		return nil, fmt.Errorf("cannot read the history: %w", err)
	}
	return r, nil
}

func (r *Reader) open() (err error) {
	// In this order: what becomes the older file meanwhile is known then.
	if r.cur, err = openOld(newest(r.dir)); err != nil {
		return err
	}
	if r.old, err = openOld(older(r.dir)); err != nil {
		return err
	}
	if sameFile(r.old, r.cur) {
		r.old.Close()
		r.old = nil
	}
	if r.cur != nil {
		info, err := r.cur.Stat()
		if err != nil {
			return err
		}
		if r.pos, err = wholeLines(r.cur, info.Size()); err != nil {
			return err
		}
	}
	for e, err := range r.Back() {
		r.last = e.Seq
		return err
	}
	return nil
}

// openOld opens a file if there is one.
func openOld(path string) (*os.File, error) {
	f, err := safeopen.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return f, err
}

func sameFile(a, b *os.File) bool {
	if a == nil || b == nil {
		return false
	}
	ai, err1 := a.Stat()
	bi, err2 := b.Stat()
	return err1 == nil && err2 == nil && os.SameFile(ai, bi)
}

// Empty reports whether there was no history when it was opened.
func (r *Reader) Empty() bool { return r.old == nil && r.cur == nil }

// Close closes the files.
func (r *Reader) Close() {
	for _, f := range []*os.File{r.old, r.cur} {
		if f != nil {
			f.Close()
		}
	}
}

// Back is the history backwards, from its newest event when it was opened to the
// oldest: who needs the last ones reads no more than those. It cannot be asked
// for after Follow. An error is the last that it yields.
func (r *Reader) Back() iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		if r.cur != nil && !back(r.cur, r.pos, yield) || r.old == nil {
			return
		}
		info, err := r.old.Stat()
		if err != nil {
			yield(Event{}, fmt.Errorf("cannot read the history: %w", err))
			return
		}
		back(r.old, info.Size(), yield)
	}
}

// back yields the events before end, the last one first. Lines that are none of
// this history's are passed over.
func back(f io.ReaderAt, end int64, yield func(Event, error) bool) bool {
	buf := make([]byte, min(maxLine, end))
	for long := false; end > 0; { // long: what is before end is of a line that is too long
		low := max(0, end-int64(len(buf)))
		b := buf[:end-low]
		if n, err := f.ReadAt(b, low); n < len(b) {
			if errors.Is(err, io.EOF) { // it was emptied
				return true
			}
			yield(Event{}, fmt.Errorf("cannot read the history: %w", err))
			return false
		}
		if long {
			i := bytes.LastIndexByte(b, '\n')
			end, long = low+int64(i)+1, i < 0
			continue
		}
		begin := 0
		if low > 0 { // the first line may begin before
			if begin = bytes.IndexByte(b[:len(b)-1], '\n') + 1; begin == 0 {
				end, long = low, true
				continue
			}
		}
		end = low + int64(begin)
		for b = b[begin:]; len(b) > 0; {
			b = bytes.TrimSuffix(b, []byte{'\n'})
			i := bytes.LastIndexByte(b, '\n') + 1
			if e, ok := parse(b[i:]); ok && !yield(e, nil) {
				return false
			}
			b = b[:i]
		}
	}
	return true
}

// parse reads a line, which has no newline any more.
func parse(line []byte) (Event, bool) {
	var e Event
	if len(line) < 2 || len(line) > maxLine-2 || line[0] != '{' {
		return e, false
	}
	err := json.Unmarshal(line, &e)
	return e, err == nil && e.Seq > 0 && e.Event != ""
}
